//! Vectors of sixteen lanes and the operations on them.

use bytemuck::{Pod, Zeroable};

/// Lanes of a vector.
pub const LANES: usize = 16;

/// Sixteen floats in memory, aligned to a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Zeroable, Pod)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// All zeros.
    pub const ZERO: Self = Self([0.0; LANES]);
}

/// Operations on sixteen lanes. `mul_add` is fused wherever the processor can (all levels but the portable one on
/// x86-64), so levels differ only there and where a kernel's blocking depends on [`Simd::REGISTERS`].
///
/// The last six see a vector as four quads of four lanes, which a kernel blocked four by four needs. A vector of
/// products `[4 outputs][4 inputs]` comes from inputs *tiled* (the quad four times over) and outputs *repeated* (each of
/// the quad's floats four times). Summing it within its quads leaves the four outputs; summing its quads leaves the four
/// inputs. Both sums take four vectors at once, so that their result fills one. `[v][q]` below means lane `4·v + q`.
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen lanes.
    type V: Copy;

    /// Number of vectors that the register file holds: a hint for blocking.
    const REGISTERS: usize;
    /// True for blocks that need more than sixteen vectors at once. Kernels branch on this constant itself, since the
    /// compiler skips a branch only then (and with it the code of all it calls) without optimizing it first.
    const MANY_REGISTERS: bool = Self::REGISTERS >= 32;
    /// True if `mul_add` rounds once.
    const FUSED: bool = true;

    /// The value in every lane.
    fn splat(self, value: f32) -> Self::V;
    /// Reads sixteen floats.
    fn load(self, from: &Lanes) -> Self::V;
    /// Reads sixteen whole numbers.
    fn load_whole(self, from: &[u16; LANES]) -> Self::V;
    /// Brings sixteen floats into the cache that are needed soon, where there is an instruction for it.
    #[inline(always)]
    fn prefetch(self, _: &Lanes) {}
    /// Writes sixteen floats.
    fn store(self, to: &mut Lanes, value: Self::V);
    /// a + b
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a / b
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c, rounded once where the level is fused
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a · b, likewise
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The smaller; a NaN in `a` gives `b`.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger; a NaN in `a` gives `b`.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// √a
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `value` where `gate` > 0, else 0.
    fn where_positive(self, gate: Self::V, value: Self::V) -> Self::V;
    /// Sum of the lanes, always in the same order: halves added until one is left.
    fn sum(self, a: Self::V) -> f32;
    /// 2ⁿ for integral n from −126 to 127; a NaN gives any number.
    fn power_of_two(self, n: Self::V) -> Self::V;
    /// Lane j of vector i to lane i of vector j.
    fn turn(self, vectors: [Self::V; LANES]) -> [Self::V; LANES];

    /// The four floats four times over: lane `[q][j]` is `from[j]`.
    fn tile(self, from: &[f32; 4]) -> Self::V;
    /// Each of the four floats four times: lane `[q][j]` is `from[q]`.
    fn repeat(self, from: &[f32; 4]) -> Self::V;
    /// Sums within quads: lane `[v][q]` is the sum of quad q of vector v, as (0 + 2) + (1 + 3).
    fn sum_within_quads(self, vectors: [Self::V; 4]) -> Self::V;
    /// Sums of quads: lane `[v][j]` is the sum over the quads of vector v of their float j, as (0 + 2) + (1 + 3).
    fn sum_of_quads(self, vectors: [Self::V; 4]) -> Self::V;
    /// Each quad's sum in all four of its lanes, as (0 + 2) + (1 + 3).
    fn spread_quad_sums(self, vector: Self::V) -> Self::V;
    /// Lane `[j][q]` to lane `[q][j]`.
    fn transpose(self, vector: Self::V) -> Self::V;
}

/// A piece of work written for any level.
pub trait WithSimd {
    /// Result of the work.
    type Output;
    /// Does the work; must be `#[inline(always)]`, as must all it calls, to be compiled for the level.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Defines operations by a level's intrinsics, inlined always.
#[cfg(target_arch = "x86_64")]
macro_rules! by_intrinsics {
    ($(fn $name:ident($self:ident, $($operand:tt: $type:ty),*) $(-> $result:ty)? {$($body:tt)*})*) => {$(
        #[inline(always)]
        fn $name($self, $($operand: $type),*) $(-> $result)? {
            // SAFETY: the level's value is proof that the processor has the features; memory is `Lanes`, aligned to
            // 64 bytes and sixteen floats long, or an array of four floats or sixteen codes.
            unsafe { $($body)* }
        }
    )*};
}
#[cfg(target_arch = "x86_64")]
pub(super) use by_intrinsics;
