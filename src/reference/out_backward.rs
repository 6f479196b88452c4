//! From the output back to H3.

use super::{Real, slope};
use crate::net::{CLASSES, H3_UNITS};
use crate::recipe::Activation;

/// Differentiates `out[k] = b[k] + Σ h3[j] · w[j, k]` by H3's sums:
/// `d_h3[j] = f′(h3[j]) · Σ w[j, k] · d_out[k]`
///
/// - `d_out`: `[10]`; `w`: `[30][10]`; `h3`, `d_h3`: `[30]`
pub fn out_backward<T: Real>(
    d_out: &[T],
    w: &[T],
    h3: &[T],
    activation: Activation,
    d_h3: &mut [T],
) {
    for input in 0..H3_UNITS {
        let mut sum = T::zero();
        for class in 0..CLASSES {
            sum = sum + w[input * CLASSES + class] * d_out[class];
        }
        d_h3[input] = sum * slope(activation, h3[input]);
    }
}
