//! From H2 back to H1. What falls on the padding goes nowhere.

use super::{Real, h1_index, slope};
use crate::net::{H2_AREA, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, MAPS, STRIDE, TAPS};
use crate::recipe::Activation;

/// Differentiates `h2[m, r, c] = b + Σ w[m, s, kr, kc] · h1[source(m, s), 2r + kr − 2, 2c + kc − 2]` by H1's sums:
/// each `d_h2[m, r, c] · w[m, s, kr, kc]` is added to the unit of H1 it came from, then times f′(h1).
///
/// - `d_h2`: `[12][4][4]`; `w`: `[12][8][5][5]`; `h1`, `d_h1`: `[12][8][8]`
pub fn h2_backward<T: Real>(d_h2: &[T], w: &[T], h1: &[T], activation: Activation, d_h1: &mut [T]) {
    d_h1.fill(T::zero());
    for map in 0..MAPS {
        for row in 0..H2_SIDE {
            for column in 0..H2_SIDE {
                let above = d_h2[map * H2_AREA + row * H2_SIDE + column];
                for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
                    for kr in 0..KERNEL {
                        for kc in 0..KERNEL {
                            let at = h1_index(source, STRIDE * row + kr, STRIDE * column + kc);
                            if let Some(unit) = at {
                                let tap = kr * KERNEL + kc;
                                let weight = w[(map * H2_FAN_MAPS + channel) * TAPS + tap];
                                d_h1[unit] = d_h1[unit] + weight * above;
                            }
                        }
                    }
                }
            }
        }
    }
    for (gradient, &value) in d_h1.iter_mut().zip(h1) {
        *gradient = *gradient * slope(activation, value);
    }
}
