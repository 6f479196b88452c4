//! Vectors of sixteen lanes and the arithmetic on them.

/// Lanes of a vector.
pub const LANES: usize = 16;

/// Sixteen floats in memory, aligned to a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// All zeros.
    pub const ZERO: Self = Self([0.0; LANES]);
}

impl Default for Lanes {
    fn default() -> Self {
        Self::ZERO
    }
}

/// Arithmetic on sixteen lanes. `mul_add` is fused wherever the processor can (all levels but the portable one on
/// x86-64), so levels differ only there and where a kernel's blocking depends on [`Simd::REGISTERS`].
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen lanes.
    type V: Copy;

    /// Number of vectors that the register file holds: a hint for blocking.
    const REGISTERS: usize;
    /// True if `mul_add` rounds once.
    const FUSED: bool = true;

    /// The value in every lane.
    fn splat(self, value: f32) -> Self::V;
    /// Reads sixteen floats.
    fn load(self, from: &Lanes) -> Self::V;
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
}
