//! H2: forward, back to H1, and the gradient of its kernels.

use super::rows::{
    each_map, load_sums, row_backward, row_forward, row_gradient, store_sums, taps_inside,
};
use super::sums::KernelSums;
use super::tile::{Activations16, H1, H2};
use super::weights::H2Weights;
use crate::cpu::activation::{activate, times_slope};
use crate::cpu::simd::Simd;
use crate::net::{H1_SIDE, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, MAPS, PADDING, STRIDE};
use crate::recipe::Activation;

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

/// `h2[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2])`
///
/// - `h1`: `[12][8][8]`; `w`: `[12][8][5][5]`; `b`, with the padding's share: `[12][4][4]`
#[inline(always)]
pub fn h2_forward<S: Simd>(
    s: S,
    h1: &H1,
    w: &H2Weights,
    b: &[[[f32; H2_SIDE]; H2_SIDE]; MAPS],
    activation: Activation,
    h2: &mut H2,
) {
    for row in 0..H2_SIDE {
        // Accumulators: 16 of 32 registers, or 4 of 8.
        if S::REGISTERS >= 32 {
            for map in (0..MAPS).step_by(4) {
                forward_block::<S, 4, 0, 4>(s, h1, w, b, activation, h2, map, row);
            }
        } else {
            for map in (0..MAPS).step_by(2) {
                forward_block::<S, 2, 0, 2>(s, h1, w, b, activation, h2, map, row);
                forward_block::<S, 2, 2, 2>(s, h1, w, b, activation, h2, map, row);
            }
        }
    }
}

/// `M` maps from `map` and `C` columns from `FIRST` of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's operands
fn forward_block<S: Simd, const M: usize, const FIRST: usize, const C: usize>(
    s: S,
    h1: &H1,
    w: &H2Weights,
    b: &[[[f32; H2_SIDE]; H2_SIDE]; MAPS],
    activation: Activation,
    h2: &mut H2,
    map: usize,
    row: usize,
) {
    let mut acc = [[s.splat(0.0); C]; M];
    for m in 0..M {
        for c in 0..C {
            acc[m][c] = s.splat(b[map + m][row][FIRST + c]);
        }
    }
    for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
        for tap in taps_inside(row, H1_SIDE) {
            let taps = each_map!(m < M => &w[map + m][channel][tap]);
            let below = &h1[source][STRIDE * row + tap - PADDING];
            row_forward::<S, M, FIRST, C, H1_SIDE>(s, below, taps, &mut acc);
        }
    }
    for m in 0..M {
        for c in 0..C {
            let value = activate(s, activation, acc[m][c]);
            s.store(&mut h2[map + m][row][FIRST + c], value);
        }
    }
}

/// Differentiates [`h2_forward`] by H1's sums: `d_h1[s, y, x] = f′(h1[s, y, x]) · Σ w[m, s, kr, kc] · d_h2[m, r, c]`
/// over what saw the unit, and `d_b += d_h1` for H1's biases.
///
/// - `d_h2`: `[12][4][4]`; `w`: `[12][8][5][5]`
/// - `h1`: `[12][8][8]`, activations, each overwritten by its gradient; `d_b`: `[12][8][8]`
#[inline(always)]
pub fn h2_backward<S: Simd>(
    s: S,
    d_h2: &H2,
    w: &H2Weights,
    activation: Activation,
    h1: &mut H1,
    d_b: &mut H1,
) {
    for row in 0..H1_SIDE {
        // Accumulators: 16 of 32 registers, or 4 of 8.
        if S::REGISTERS >= 32 {
            for source in (0..MAPS).step_by(2) {
                backward_block::<S, 2, 0, 8>(s, d_h2, w, activation, h1, d_b, source, row);
            }
        } else {
            for source in 0..MAPS {
                backward_block::<S, 1, 0, 4>(s, d_h2, w, activation, h1, d_b, source, row);
                backward_block::<S, 1, 4, 4>(s, d_h2, w, activation, h1, d_b, source, row);
            }
        }
    }
}

/// `M` (1 or 2) of H1's maps from `source` and `C` columns from `FIRST` of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's operands
fn backward_block<S: Simd, const M: usize, const FIRST: usize, const C: usize>(
    s: S,
    d_h2: &H2,
    w: &H2Weights,
    activation: Activation,
    h1: &mut H1,
    d_b: &mut H1,
    source: usize,
    row: usize,
) {
    let mut acc = [[s.splat(0.0); C]; M];
    for &(map, channel) in &SEEN_BY[source] {
        // 2·above + tap − 2 = row: taps of the row's parity, from the highest unit that sees it to the lowest.
        let highest = KERNEL.min(row + PADDING + 1);
        for tap in (row % STRIDE..highest).step_by(STRIDE) {
            let above = (row + PADDING - tap) / STRIDE;
            if let Some(d_above) = d_h2[map].get(above) {
                let taps = each_map!(m < M => &w[map][channel + m][tap]);
                row_backward::<S, M, FIRST, C, H2_SIDE>(s, d_above, taps, &mut acc);
            }
        }
    }
    for m in 0..M {
        for c in 0..C {
            let unit = &mut h1[source + m][row][FIRST + c];
            let gradient = times_slope(s, activation, s.load(unit), acc[m][c]);
            s.store(unit, gradient);
            let bias = &mut d_b[source + m][row][FIRST + c];
            s.store(bias, s.add(s.load(bias), gradient));
        }
    }
}

/// Adds a tile's share of the gradient of H2's kernels, but for taps on the padding:
/// `d_w[m, s, kr, kc] += Σ h1[source(m, s), 2r + kr − 2, 2c + kc − 2] · d_h2[m, r, c]`
///
/// - `tile`: `h1` activations, `h2` gradients; `d_w`: `[12][8][5][5]`
#[inline(always)]
pub fn h2_gradient<S: Simd>(
    s: S,
    tile: &[Activations16],
    d_w: &mut [[KernelSums; H2_FAN_MAPS]; MAPS],
) {
    if S::REGISTERS >= 32 {
        gradient_blocks::<S, 4>(s, tile, d_w);
    } else {
        gradient_blocks::<S, 1>(s, tile, d_w);
    }
}

#[inline(always)]
fn gradient_blocks<S: Simd, const M: usize>(
    s: S,
    tile: &[Activations16],
    d_w: &mut [[KernelSums; H2_FAN_MAPS]; MAPS],
) {
    for map in (0..MAPS).step_by(M) {
        for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
            for tap in 0..KERNEL {
                let sums = each_map!(m < M => &d_w[map + m][channel][tap]);
                let mut acc = load_sums(s, sums);
                for vector in tile {
                    for row in 0..H2_SIDE {
                        if taps_inside(row, H1_SIDE).contains(&tap) {
                            let above = each_map!(m < M => &vector.h2[map + m][row]);
                            let below = &vector.h1[source][STRIDE * row + tap - PADDING];
                            row_gradient(s, below, above, &mut acc);
                        }
                    }
                }
                for m in 0..M {
                    store_sums(s, &acc[m], &mut d_w[map + m][channel][tap]);
                }
            }
        }
    }
}
