//! Gradient of H1's kernels and biases.

use super::Real;
use crate::net::{H1_AREA, H1_SIDE, KERNEL, MAPS, PADDED_SIDE, STRIDE, TAPS};

/// Differentiates `h1[m, r, c] = b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr, 2c + kc]` and adds one example's share:
/// `d_w[m, kr, kc] += Σ x[2r + kr, 2c + kc] · d_h1[m, r, c]`, `d_b += d_h1`
///
/// - `x`: `[20][20]`, padded; `d_h1`, `d_b`: `[12][8][8]`; `d_w`: `[12][5][5]`
pub fn h1_gradient<T: Real>(x: &[T], d_h1: &[T], d_w: &mut [T], d_b: &mut [T]) {
    for map in 0..MAPS {
        for row in 0..H1_SIDE {
            for column in 0..H1_SIDE {
                let unit = map * H1_AREA + row * H1_SIDE + column;
                for kr in 0..KERNEL {
                    for kc in 0..KERNEL {
                        let pixel = x[(STRIDE * row + kr) * PADDED_SIDE + STRIDE * column + kc];
                        let at = map * TAPS + kr * KERNEL + kc;
                        d_w[at] = d_w[at] + pixel * d_h1[unit];
                    }
                }
                d_b[unit] = d_b[unit] + d_h1[unit];
            }
        }
    }
}
