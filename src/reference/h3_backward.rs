//! From H3 back to H2, through dropout.

use super::{Real, slope};
use crate::net::{H2_UNITS, H3_UNITS};
use crate::recipe::Activation;

/// Differentiates `h3[j] = b[j] + Σ h2[i] · factor[i] · w[i, j]` by H2's sums:
/// `d_h2[i] = f′(h2[i]) · factor[i] · Σ w[i, j] · d_h3[j]`
///
/// - `d_h3`: `[30]`; `w`: `[192][30]`; `h2`, `factors`, `d_h2`: `[192]`
pub fn h3_backward<T: Real>(
    d_h3: &[T],
    w: &[T],
    h2: &[T],
    factors: &[T],
    activation: Activation,
    d_h2: &mut [T],
) {
    for input in 0..H2_UNITS {
        let mut sum = T::zero();
        for unit in 0..H3_UNITS {
            sum = sum + w[input * H3_UNITS + unit] * d_h3[unit];
        }
        d_h2[input] = sum * factors[input] * slope(activation, h2[input]);
    }
}
