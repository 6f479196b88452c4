//! H3: 192 inputs to 30 units, activation.

use super::{Real, activate};
use crate::net::{H2_UNITS, H3_UNITS};
use crate::recipe::Activation;

/// `h3[j] = f(b[j] + Σ dropped[i] · w[i, j])`
///
/// - `dropped`: `[192]`, H2 after dropout
/// - `w`: `[192][30]`; `b`, `h3`: `[30]`
pub fn h3_forward<T: Real>(dropped: &[T], w: &[T], b: &[T], activation: Activation, h3: &mut [T]) {
    for unit in 0..H3_UNITS {
        let mut sum = b[unit];
        for input in 0..H2_UNITS {
            sum = sum + dropped[input] * w[input * H3_UNITS + unit];
        }
        h3[unit] = activate(activation, sum);
    }
}
