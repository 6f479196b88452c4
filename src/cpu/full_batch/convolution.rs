//! Both convolutions: forward, back from H2 to H1, and the gradients of their kernels.
//!
//! A row is sixteen examples wide: each element is a vector. The padding is never touched: a tap that falls on it is
//! left out here, and enters through the biases instead (see [`super::weights`]).
//!
//! Here and in all kernels no vector operation is inside a closure: a closure is compiled without the level's
//! instructions unless the optimizer chooses to inline it, and until then every operation in it is a call.

use super::rows::{row_backward, row_forward, row_gradient};
use super::sums::KernelSums;
use super::tile::{Activations16, Units, VECTORS};
use super::weights::Kernels;
use crate::cpu::activation::{activate, times_slope};
use crate::cpu::simd::{Lanes, Simd};
use crate::cpu::taps::{above, taps_inside};
use crate::net::{H1_SIDE, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, MAPS, PADDING, STRIDE};
use crate::recipe::Activation;

/// The source of H1's maps: the image.
pub const H1_SOURCES: [[usize; 1]; MAPS] = [[0]; MAPS];

/// Maps of H2 with the same sources.
const GROUP: usize = 4;

/// For each of H1's maps the maps of H2 that see it, with its place among their sources.
const SEEN_BY: [[(usize, usize); H2_FAN_MAPS]; MAPS] = {
    let mut seen_by = [[(0, 0); H2_FAN_MAPS]; MAPS];
    let mut counts = [0; MAPS];
    let mut map = 0;
    while map < MAPS {
        let mut channel = 0;
        while channel < H2_FAN_MAPS {
            let source = H2_SOURCES[map][channel];
            seen_by[source][counts[source]] = (map, channel);
            counts[source] += 1;
            channel += 1;
        }
        map += 1;
    }
    seen_by
};

// Neighbours in H1 (2i and 2i + 1) are seen by the same maps, as neighbours among their sources, and four maps in a
// row have the same sources: the blocks below rest on it.
const _: () = {
    let mut map = 0;
    while map < MAPS {
        let mut i = 0;
        while i < H2_FAN_MAPS {
            let (even, odd) = (SEEN_BY[map & !1][i], SEEN_BY[map | 1][i]);
            assert!(even.0 == odd.0 && even.1 + 1 == odd.1);
            assert!(H2_SOURCES[map][i] == H2_SOURCES[map / GROUP * GROUP][i]);
            i += 1;
        }
        map += 1;
    }
};

/// A reference for each of `M` maps; what `std::array::from_fn` does, but sure to be inlined.
macro_rules! each_map {
    ($m:ident < $maps:ident => $of:expr) => {{
        let mut all = {
            let $m = 0;
            [$of; $maps]
        };
        for $m in 1..$maps {
            all[$m] = $of;
        }
        all
    }};
}

/// `above[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · below[source(m, s), 2r + kr − 2, 2c + kc − 2])`, `M` maps at
/// once where there are 32 registers.
///
/// - `below`: `[map][BELOW][BELOW]`; `sources`: `[12][FAN]`; `w`: `[12][FAN][5][5]`
/// - `b`, with the padding's share, and `above`: `[12][ABOVE][ABOVE]`
#[inline(always)]
pub fn forward<
    S: Simd,
    const M: usize,
    const FAN: usize,
    const BELOW: usize,
    const ABOVE: usize,
>(
    s: S,
    below: &[[[Lanes; BELOW]; BELOW]],
    sources: &[[usize; FAN]; MAPS],
    w: &Kernels<FAN>,
    b: &[[[f32; ABOVE]; ABOVE]; MAPS],
    activation: Activation,
    above: &mut Units<ABOVE>,
) {
    for row in 0..ABOVE {
        // Accumulators: 16 or 24 of 32 registers, or 4 of 8.
        if S::MANY_REGISTERS {
            for map in (0..MAPS).step_by(M) {
                unrolled!(first in [0 4] {
                    if first < ABOVE {
                        let sources = &sources[map];
                        forward_block::<S, M, 4, FAN, BELOW, ABOVE>(
                            s, below, sources, w, b, activation, above, map, row, first,
                        );
                    }
                });
            }
        } else {
            for map in (0..MAPS).step_by(2) {
                unrolled!(first in [0 2 4 6] {
                    if first < ABOVE {
                        let sources = &sources[map];
                        forward_block::<S, 2, 2, FAN, BELOW, ABOVE>(
                            s, below, sources, w, b, activation, above, map, row, first,
                        );
                    }
                });
            }
        }
    }
}

/// `M` maps from `map`, all with these sources, and `C` columns from `first` of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's operands
fn forward_block<
    S: Simd,
    const M: usize,
    const C: usize,
    const FAN: usize,
    const BELOW: usize,
    const ABOVE: usize,
>(
    s: S,
    below: &[[[Lanes; BELOW]; BELOW]],
    sources: &[usize; FAN],
    w: &Kernels<FAN>,
    b: &[[[f32; ABOVE]; ABOVE]; MAPS],
    activation: Activation,
    above: &mut Units<ABOVE>,
    map: usize,
    row: usize,
    first: usize,
) {
    let mut acc = [[s.splat(0.0); C]; M];
    for m in 0..M {
        for c in 0..C {
            acc[m][c] = s.splat(b[map + m][row][first + c]);
        }
    }
    for (channel, &source) in sources.iter().enumerate() {
        for tap in taps_inside(row, BELOW) {
            let taps = each_map!(m < M => &w[map + m][channel][tap]);
            let below = &below[source][STRIDE * row + tap - PADDING];
            row_forward(s, below, taps, first, &mut acc);
        }
    }
    // Sums stay in registers only where the compiler unrolls the loop, which it does not with a tanh in it: that takes
    // its operand from memory.
    for m in 0..M {
        for c in 0..C {
            let value = if activation == Activation::Relu {
                activate(s, Activation::Relu, acc[m][c])
            } else {
                acc[m][c]
            };
            s.store(&mut above[map + m][row][first + c], value);
        }
    }
    if activation != Activation::Relu {
        for m in 0..M {
            for value in &mut above[map + m][row][first..first + C] {
                s.store(value, activate(s, activation, s.load(value)));
            }
        }
    }
}

/// Differentiates H2's [`forward`] by H1's sums in each vector of a tile:
/// `d_h1[s, y, x] = f′(h1[s, y, x]) · Σ w[m, s, kr, kc] · d_h2[m, r, c]` over what saw the unit, over H1's activations,
/// and `d_b += d_h1` for H1's biases.
///
/// - `w`: `[12][8][5][5]`; `d_b`: `[12][8][8]`
#[inline(always)]
pub fn h2_backward<S: Simd>(
    s: S,
    tile: &mut [Activations16; VECTORS],
    w: &Kernels<H2_FAN_MAPS>,
    activation: Activation,
    d_b: &mut Units<H1_SIDE>,
) {
    // Which units see a row is known at compile time as well.
    unrolled!(row in [0 1 2 3 4 5 6 7] {
        // Accumulators: 16 of 32 registers, or 4 of 8. All vectors in turn, so that each bias is loaded once.
        let sources_at_once = if S::MANY_REGISTERS { 2 } else { 1 };
        for source in (0..MAPS).step_by(sources_at_once) {
            for Activations16 { h1, h2, .. } in tile.iter_mut() {
                if S::MANY_REGISTERS {
                    backward_block::<S, 2, 8>(s, h2, w, activation, h1, d_b, source, row, 0);
                } else {
                    backward_block::<S, 1, 4>(s, h2, w, activation, h1, d_b, source, row, 0);
                    backward_block::<S, 1, 4>(s, h2, w, activation, h1, d_b, source, row, 4);
                }
            }
        }
    });
}

/// `M` (1 or 2) of H1's maps from `source` and `C` columns from `first` of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's operands
fn backward_block<S: Simd, const M: usize, const C: usize>(
    s: S,
    d_h2: &Units<H2_SIDE>,
    w: &Kernels<H2_FAN_MAPS>,
    activation: Activation,
    h1: &mut Units<H1_SIDE>,
    d_b: &mut Units<H1_SIDE>,
    source: usize,
    row: usize,
    first: usize,
) {
    let mut acc = [[s.splat(0.0); C]; M];
    for &(map, channel) in &SEEN_BY[source] {
        // From the highest unit that sees the row to the lowest.
        unrolled!(tap in [0 1 2 3 4] {
            if let Some(above) = above(row, tap) {
                let taps = each_map!(m < M => &w[map][channel + m][tap]);
                row_backward(s, &d_h2[map][above], taps, first, &mut acc);
            }
        });
    }
    for m in 0..M {
        for c in 0..C {
            let unit = &mut h1[source + m][row][first + c];
            let gradient = times_slope(s, activation, s.load(unit), acc[m][c]);
            s.store(unit, gradient);
            let bias = &mut d_b[source + m][row][first + c];
            s.store(bias, s.add(s.load(bias), gradient));
        }
    }
}

/// Adds some vectors' share of the gradient of the kernels, but for taps on the padding:
/// `d_w[m, s, kr, kc] += Σ below[source(m, s), 2r + kr − 2, 2c + kc − 2] · d_above[m, r, c]`
///
/// - `vectors`: `below` and `d_above` of each; `sources`, `d_w`: as in [`forward`]
/// - `is_first`: overwrites `d_w` instead
#[inline(always)]
pub fn gradient<S: Simd, const FAN: usize, const BELOW: usize, const ABOVE: usize>(
    s: S,
    vectors: &[(&[[[Lanes; BELOW]; BELOW]], &Units<ABOVE>)],
    sources: &[[usize; FAN]; MAPS],
    is_first: bool,
    d_w: &mut [[KernelSums; FAN]; MAPS],
) {
    if S::MANY_REGISTERS {
        gradient_blocks::<S, 4, FAN, BELOW, ABOVE>(s, vectors, sources, is_first, d_w);
    } else {
        gradient_blocks::<S, 1, FAN, BELOW, ABOVE>(s, vectors, sources, is_first, d_w);
    }
}

#[inline(always)]
fn gradient_blocks<
    S: Simd,
    const M: usize,
    const FAN: usize,
    const BELOW: usize,
    const ABOVE: usize,
>(
    s: S,
    vectors: &[(&[[[Lanes; BELOW]; BELOW]], &Units<ABOVE>)],
    sources: &[[usize; FAN]; MAPS],
    is_first: bool,
    d_w: &mut [[KernelSums; FAN]; MAPS],
) {
    for map in (0..MAPS).step_by(M) {
        for (channel, &source) in sources[map].iter().enumerate() {
            for kr in 0..KERNEL {
                let mut acc = [[s.splat(0.0); KERNEL]; M];
                if !is_first {
                    for m in 0..M {
                        for kc in 0..KERNEL {
                            acc[m][kc] = s.load(&d_w[map + m][channel][kr][kc]);
                        }
                    }
                }
                for (below, d_above) in vectors {
                    for row in 0..ABOVE {
                        if taps_inside(row, BELOW).contains(&kr) {
                            let above = each_map!(m < M => &d_above[map + m][row]);
                            let below = &below[source][STRIDE * row + kr - PADDING];
                            row_gradient(s, below, above, &mut acc);
                        }
                    }
                }
                for m in 0..M {
                    for kc in 0..KERNEL {
                        s.store(&mut d_w[map + m][channel][kr][kc], acc[m][kc]);
                    }
                }
            }
        }
    }
}
