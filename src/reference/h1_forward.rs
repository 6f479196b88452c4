//! H1: twelve 5×5 kernels over the padded image, a bias per unit, activation.

use super::{Real, activate};
use crate::net::{H1_AREA, H1_SIDE, KERNEL, MAPS, PADDED_SIDE, STRIDE, TAPS};
use crate::recipe::Activation;

/// `h1[m, r, c] = f(b[m, r, c] + Σ w[m, kr, kc] · x[2r + kr, 2c + kc])`
///
/// - `x`: `[20][20]`, padded
/// - `w`: `[12][5][5]`; `b`, `h1`: `[12][8][8]`
pub fn h1_forward<T: Real>(x: &[T], w: &[T], b: &[T], activation: Activation, h1: &mut [T]) {
    for map in 0..MAPS {
        for row in 0..H1_SIDE {
            for column in 0..H1_SIDE {
                let unit = map * H1_AREA + row * H1_SIDE + column;
                let mut sum = b[unit];
                for kr in 0..KERNEL {
                    for kc in 0..KERNEL {
                        let pixel = x[(STRIDE * row + kr) * PADDED_SIDE + STRIDE * column + kc];
                        sum = sum + w[map * TAPS + kr * KERNEL + kc] * pixel;
                    }
                }
                h1[unit] = activate(activation, sum);
            }
        }
    }
}
