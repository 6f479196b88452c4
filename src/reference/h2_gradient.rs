//! Gradient of H2's kernels and biases.

use super::{Real, h1_padded};
use crate::net::{H2_AREA, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, MAPS, STRIDE, TAPS};

/// Differentiates `h2[m, r, c] = b[m, r, c] + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2]` and adds
/// one example's share: `d_w[m, s, kr, kc] += Σ h1[…] · d_h2[m, r, c]` (−1 in the padding), `d_b += d_h2`
///
/// - `h1`: `[12][8][8]`; `d_h2`, `d_b`: `[12][4][4]`; `d_w`: `[12][8][5][5]`
pub fn h2_gradient<T: Real>(h1: &[T], d_h2: &[T], d_w: &mut [T], d_b: &mut [T]) {
    for map in 0..MAPS {
        for row in 0..H2_SIDE {
            for column in 0..H2_SIDE {
                let unit = map * H2_AREA + row * H2_SIDE + column;
                for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
                    for kr in 0..KERNEL {
                        for kc in 0..KERNEL {
                            let at = (map * H2_FAN_MAPS + channel) * TAPS + kr * KERNEL + kc;
                            let below =
                                h1_padded(h1, source, STRIDE * row + kr, STRIDE * column + kc);
                            d_w[at] = d_w[at] + below * d_h2[unit];
                        }
                    }
                }
                d_b[unit] = d_b[unit] + d_h2[unit];
            }
        }
    }
}
