//! Gradient of H3's weights and biases.

use super::Real;
use crate::net::{H2_UNITS, H3_UNITS};

/// Differentiates `h3[j] = b[j] + Σ dropped[i] · w[i, j]` and adds one example's share:
/// `d_w[i, j] += dropped[i] · d_h3[j]`, `d_b[j] += d_h3[j]`
///
/// - `dropped`: `[192]`, H2 after dropout; `d_h3`, `d_b`: `[30]`; `d_w`: `[192][30]`
pub fn h3_gradient<T: Real>(dropped: &[T], d_h3: &[T], d_w: &mut [T], d_b: &mut [T]) {
    for unit in 0..H3_UNITS {
        for input in 0..H2_UNITS {
            let at = input * H3_UNITS + unit;
            d_w[at] = d_w[at] + dropped[input] * d_h3[unit];
        }
        d_b[unit] = d_b[unit] + d_h3[unit];
    }
}
