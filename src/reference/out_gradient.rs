//! Gradient of the output layer's weights and biases.

use super::Real;
use crate::net::{CLASSES, H3_UNITS};

/// Differentiates `out[k] = b[k] + Σ h3[j] · w[j, k]` and adds one example's share:
/// `d_w[j, k] += h3[j] · d_out[k]`, `d_b[k] += d_out[k]`
///
/// - `h3`: `[30]`; `d_out`, `d_b`: `[10]`; `d_w`: `[30][10]`
pub fn out_gradient<T: Real>(h3: &[T], d_out: &[T], d_w: &mut [T], d_b: &mut [T]) {
    for class in 0..CLASSES {
        for input in 0..H3_UNITS {
            let at = input * CLASSES + class;
            d_w[at] = d_w[at] + h3[input] * d_out[class];
        }
        d_b[class] = d_b[class] + d_out[class];
    }
}
