//! A chunk's gradient while it grows: vectors whose lanes are summed only once, at the end of the chunk.

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};

use super::tile::Units;
use crate::cpu::simd::{LANES, Lanes, Simd};
use crate::net::{
    CLASSES, H1_SIDE, H1B, H1W, H2_FAN_MAPS, H2_SIDE, H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W,
    KERNEL, MAPS, OUTB, OUTW, Parameters,
};

/// Sums of one plane of a kernel, `[row][column]`.
pub type KernelSums = [[Lanes; KERNEL]; KERNEL];

/// Vectors that hold H3's units side by side: 30, and two zeros.
pub const H3_VECTORS: usize = 2;
/// Vectors that hold the classes side by side: 10, and six zeros.
pub const CLASS_VECTORS: usize = 1;

/// One vector per parameter, one partial sum per lane; but in `h3w` and `outw` the lanes are units.
#[derive(Zeroable)]
pub struct Sums {
    /// `[12][1][5][5]`
    pub h1w: [[KernelSums; 1]; MAPS],
    /// `[12][8][8]`
    pub h1b: Units<H1_SIDE>,
    /// `[12][8][5][5]`
    pub h2w: [[KernelSums; H2_FAN_MAPS]; MAPS],
    /// `[12][4][4]`
    pub h2b: Units<H2_SIDE>,
    /// `[192][30]`
    pub h3w: [[Lanes; H3_VECTORS]; H2_UNITS],
    /// `[30]`
    pub h3b: [Lanes; H3_UNITS],
    /// `[30][10]`
    pub outw: [[Lanes; CLASS_VECTORS]; H3_UNITS],
    /// `[10]`
    pub outb: [Lanes; CLASSES],
}

impl Sums {
    /// Starts a chunk: its first tile overwrites the sums of weights, and adds to those of biases.
    pub fn start(&mut self) {
        let biases: [&mut [Lanes]; 4] = [
            cast_slice_mut(&mut self.h1b),
            cast_slice_mut(&mut self.h2b),
            &mut self.h3b,
            &mut self.outb,
        ];
        biases.into_iter().for_each(|sums| sums.fill(Lanes::ZERO));
    }

    /// Writes the chunk's gradient (but for the padding's share) over `gradient`.
    #[inline(always)]
    pub fn finish<S: Simd>(&self, s: S, gradient: &mut Parameters) {
        let sums: [(_, &[Lanes]); 6] = [
            (&H1W, cast_slice(&self.h1w)),
            (&H1B, cast_slice(&self.h1b)),
            (&H2W, cast_slice(&self.h2w)),
            (&H2B, cast_slice(&self.h2b)),
            (&H3B, &self.h3b),
            (&OUTB, &self.outb),
        ];
        for (tensor, sums) in sums {
            let gradient = gradient.tensor_mut(tensor).chunks_mut(LANES);
            for (to, sums) in gradient.zip(sums.chunks(LANES)) {
                to.copy_from_slice(&sums_of_lanes(s, sums).0[..to.len()]);
            }
        }
        let h3w = gradient.tensor_mut(&H3W).chunks_exact_mut(H3_UNITS);
        for (to, units) in h3w.zip(&self.h3w) {
            to.copy_from_slice(&cast_slice(units)[..H3_UNITS]);
        }
        let outw = gradient.tensor_mut(&OUTW).chunks_exact_mut(CLASSES);
        for (to, classes) in outw.zip(&self.outw) {
            to.copy_from_slice(&cast_slice(classes)[..CLASSES]);
        }
    }
}

/// The sum of each of up to sixteen vectors, to the bit [`Simd::sum`], in a third of the operations.
#[inline(always)]
fn sums_of_lanes<S: Simd>(s: S, vectors: &[Lanes]) -> Lanes {
    let mut quads = [s.splat(0.0); 4];
    for i in 0..4 {
        let mut four = [s.splat(0.0); 4];
        for j in 0..4 {
            if let Some(vector) = vectors.get(4 * i + j) {
                four[j] = s.load(vector);
            }
        }
        quads[i] = s.sum_of_quads(four);
    }
    let mut sums = Lanes::ZERO;
    s.store(&mut sums, s.sum_within_quads(quads));
    sums
}
