//! The output layer: 30 inputs to 10 classes; tanh where the loss is MSE, logits where it is cross-entropy.

use super::{Real, scaled_tanh};
use crate::net::{CLASSES, H3_UNITS};
use crate::recipe::{Activation, Loss};

/// `out[k] = g(b[k] + Σ h3[j] · w[j, k])`, g being tanh (scaled where the hidden layers' is) for MSE and nothing for cross-entropy.
///
/// - `h3`: `[30]`; `w`: `[30][10]`; `b`, `out`: `[10]`
pub fn out_forward<T: Real>(
    h3: &[T],
    w: &[T],
    b: &[T],
    activation: Activation,
    loss: Loss,
    out: &mut [T],
) {
    for class in 0..CLASSES {
        let mut sum = b[class];
        for input in 0..H3_UNITS {
            sum = sum + h3[input] * w[input * CLASSES + class];
        }
        out[class] = match loss {
            Loss::Mse => scaled_tanh(activation, sum),
            Loss::CrossEntropy => sum,
        };
    }
}
