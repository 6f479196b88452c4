//! H1: forward, and the gradient of its kernels.

use super::rows::{each_map, load_sums, row_forward, row_gradient, store_sums, taps_inside};
use super::sums::KernelSums;
use super::tile::H1;
use super::weights::Plane;
use crate::cpu::activation::activate;
use crate::cpu::simd::{Lanes, Simd};
use crate::net::{H1_SIDE, KERNEL, MAPS, PADDING, SIDE, STRIDE};
use crate::recipe::Activation;

/// `h1[m, r, c] = f(b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr − 2, 2c + kc − 2])`
///
/// - `x`: `[16][16]`; `w`: `[12][5][5]`; `b`, with the padding's share: `[12][8][8]`
#[inline(always)]
pub fn h1_forward<S: Simd>(
    s: S,
    x: &[[Lanes; SIDE]; SIDE],
    w: &[Plane; MAPS],
    b: &[[[f32; H1_SIDE]; H1_SIDE]; MAPS],
    activation: Activation,
    h1: &mut H1,
) {
    for row in 0..H1_SIDE {
        // Accumulators: 24 of 32 registers, or 4 of 8.
        if S::REGISTERS >= 32 {
            for map in (0..MAPS).step_by(6) {
                block::<S, 6, 0, 4>(s, x, w, b, activation, h1, map, row);
                block::<S, 6, 4, 4>(s, x, w, b, activation, h1, map, row);
            }
        } else {
            for map in (0..MAPS).step_by(2) {
                block::<S, 2, 0, 2>(s, x, w, b, activation, h1, map, row);
                block::<S, 2, 2, 2>(s, x, w, b, activation, h1, map, row);
                block::<S, 2, 4, 2>(s, x, w, b, activation, h1, map, row);
                block::<S, 2, 6, 2>(s, x, w, b, activation, h1, map, row);
            }
        }
    }
}

/// `M` maps from `map` and `C` columns from `FIRST` of one row.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's operands
fn block<S: Simd, const M: usize, const FIRST: usize, const C: usize>(
    s: S,
    x: &[[Lanes; SIDE]; SIDE],
    w: &[Plane; MAPS],
    b: &[[[f32; H1_SIDE]; H1_SIDE]; MAPS],
    activation: Activation,
    h1: &mut H1,
    map: usize,
    row: usize,
) {
    let mut acc = [[s.splat(0.0); C]; M];
    for m in 0..M {
        for c in 0..C {
            acc[m][c] = s.splat(b[map + m][row][FIRST + c]);
        }
    }
    for tap in taps_inside(row, SIDE) {
        let taps = each_map!(m < M => &w[map + m][tap]);
        let below = &x[STRIDE * row + tap - PADDING];
        row_forward::<S, M, FIRST, C, SIDE>(s, below, taps, &mut acc);
    }
    for m in 0..M {
        for c in 0..C {
            let value = activate(s, activation, acc[m][c]);
            s.store(&mut h1[map + m][row][FIRST + c], value);
        }
    }
}

/// Adds sixteen examples' share of the gradient of H1's kernels, but for taps on the padding:
/// `d_w[m, kr, kc] += Σ x[2r + kr − 2, 2c + kc − 2] · d_h1[m, r, c]`
///
/// - `x`: `[16][16]`; `d_h1`: `[12][8][8]`; `d_w`: `[12][5][5]`
#[inline(always)]
pub fn h1_gradient<S: Simd>(
    s: S,
    x: &[[Lanes; SIDE]; SIDE],
    d_h1: &H1,
    d_w: &mut [KernelSums; MAPS],
) {
    if S::REGISTERS >= 32 {
        gradient_blocks::<S, 4>(s, x, d_h1, d_w);
    } else {
        gradient_blocks::<S, 1>(s, x, d_h1, d_w);
    }
}

#[inline(always)]
fn gradient_blocks<S: Simd, const M: usize>(
    s: S,
    x: &[[Lanes; SIDE]; SIDE],
    d_h1: &H1,
    d_w: &mut [KernelSums; MAPS],
) {
    for map in (0..MAPS).step_by(M) {
        for tap in 0..KERNEL {
            let mut acc = load_sums(s, each_map!(m < M => &d_w[map + m][tap]));
            for row in 0..H1_SIDE {
                if taps_inside(row, SIDE).contains(&tap) {
                    let above = each_map!(m < M => &d_h1[map + m][row]);
                    row_gradient(s, &x[STRIDE * row + tap - PADDING], above, &mut acc);
                }
            }
            for m in 0..M {
                store_sums(s, &acc[m], &mut d_w[map + m][tap]);
            }
        }
    }
}
