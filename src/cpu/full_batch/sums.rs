//! A chunk's gradient while it grows: vectors whose lanes are summed only once, at the end of the chunk.

use super::tile::{H1, H2};
use crate::cpu::simd::{Lanes, Simd};
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
#[derive(Clone)]
pub struct Sums {
    /// `[12][5][5]`
    pub h1w: [KernelSums; MAPS],
    /// `[12][8][8]`
    pub h1b: H1,
    /// `[12][8][5][5]`
    pub h2w: [[KernelSums; H2_FAN_MAPS]; MAPS],
    /// `[12][4][4]`
    pub h2b: H2,
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
    /// The sums of no examples.
    pub const ZERO: Self = Self {
        h1w: [[[Lanes::ZERO; KERNEL]; KERNEL]; MAPS],
        h1b: [[[Lanes::ZERO; H1_SIDE]; H1_SIDE]; MAPS],
        h2w: [[[[Lanes::ZERO; KERNEL]; KERNEL]; H2_FAN_MAPS]; MAPS],
        h2b: [[[Lanes::ZERO; H2_SIDE]; H2_SIDE]; MAPS],
        h3w: [[Lanes::ZERO; H3_VECTORS]; H2_UNITS],
        h3b: [Lanes::ZERO; H3_UNITS],
        outw: [[Lanes::ZERO; CLASS_VECTORS]; H3_UNITS],
        outb: [Lanes::ZERO; CLASSES],
    };

    /// Starts anew.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.h1w = Self::ZERO.h1w;
        self.h1b = Self::ZERO.h1b;
        for map in &mut self.h2w {
            *map = [[[Lanes::ZERO; KERNEL]; KERNEL]; H2_FAN_MAPS];
        }
        self.h2b = Self::ZERO.h2b;
        self.h3w = Self::ZERO.h3w;
        self.h3b = Self::ZERO.h3b;
        self.outw = Self::ZERO.outw;
        self.outb = Self::ZERO.outb;
    }

    /// Writes the chunk's gradient (but for the padding's share) over `gradient`.
    #[inline(always)]
    pub fn finish<S: Simd>(&self, s: S, gradient: &mut Parameters) {
        let h2w = self.h2w.as_flattened().as_flattened();
        for (tensor, sums) in [
            (&H1W, self.h1w.as_flattened().as_flattened()),
            (&H1B, self.h1b.as_flattened().as_flattened()),
            (&H2W, h2w.as_flattened()),
            (&H2B, self.h2b.as_flattened().as_flattened()),
            (&H3B, &self.h3b),
            (&OUTB, &self.outb),
        ] {
            for (to, sum) in gradient.tensor_mut(tensor).iter_mut().zip(sums) {
                *to = s.sum(s.load(sum));
            }
        }
        let h3w = gradient.tensor_mut(&H3W).as_chunks_mut::<H3_UNITS>().0;
        for (to, [low, high]) in h3w.iter_mut().zip(&self.h3w) {
            let (to_low, to_high) = to.split_at_mut(low.0.len());
            to_low.copy_from_slice(&low.0);
            to_high.copy_from_slice(&high.0[..to_high.len()]);
        }
        let outw = gradient.tensor_mut(&OUTW).as_chunks_mut::<CLASSES>().0;
        for (to, [sums]) in outw.iter_mut().zip(&self.outw) {
            to.copy_from_slice(&sums.0[..CLASSES]);
        }
    }
}
