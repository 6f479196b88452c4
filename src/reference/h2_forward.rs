//! H2: twelve 8×5×5 kernels over eight of H1's maps each, padded with −1; a bias per unit, activation.

use super::{Real, activate, h1_padded};
use crate::net::{H2_AREA, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, MAPS, STRIDE, TAPS};
use crate::recipe::Activation;

/// `h2[m, r, c] = f(b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2])`
///
/// - `h1`: `[12][8][8]`, −1 outside
/// - `w`: `[12][8][5][5]`; `b`, `h2`: `[12][4][4]`
pub fn h2_forward<T: Real>(h1: &[T], w: &[T], b: &[T], activation: Activation, h2: &mut [T]) {
    for map in 0..MAPS {
        for row in 0..H2_SIDE {
            for column in 0..H2_SIDE {
                let unit = map * H2_AREA + row * H2_SIDE + column;
                let mut sum = b[unit];
                for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
                    for kr in 0..KERNEL {
                        for kc in 0..KERNEL {
                            let weight = w[(map * H2_FAN_MAPS + channel) * TAPS + kr * KERNEL + kc];
                            let below =
                                h1_padded(h1, source, STRIDE * row + kr, STRIDE * column + kc);
                            sum = sum + weight * below;
                        }
                    }
                }
                h2[unit] = activate(activation, sum);
            }
        }
    }
}
