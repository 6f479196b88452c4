//! Loss of one example, whether it was missed, and the gradient before the output's nonlinearity.

use super::{Real, scaled_tanh_slope};
use crate::net::CLASSES;
use crate::recipe::{Activation, Loss};

/// The class of the largest output, the first of equal ones. `out`: `[10]`.
pub fn guess<T: Real>(out: &[T]) -> usize {
    let mut guess = 0;
    for class in 1..CLASSES {
        if out[class] > out[guess] {
            guess = class;
        }
    }
    guess
}

/// Loss of one example and whether its largest output is not its label's (the first of equal ones counts).
///
/// - MSE: `loss = Σ (out[k] − target[k])² / 10`, target +1 for the label, −1 for the others;
///   `d_out[k] = scale · 2/10 · (out[k] − target[k]) · g′[k]`, g′ being `1 − out[k]²`, or scaled tanh's
/// - cross-entropy: `loss = ln Σ exp(out[k]) − out[label]`;
///   `d_out[k] = scale · (softmax(out)[k] − [k = label])`
///
/// `scale` is one over the number of examples of the batch. `out`, `d_out`: `[10]`.
pub fn loss<T: Real>(
    out: &[T],
    label: u8,
    activation: Activation,
    kind: Loss,
    scale: T,
    d_out: &mut [T],
) -> (T, bool) {
    let label = usize::from(label);
    let guess = guess(out);
    let value = match kind {
        Loss::Mse => {
            let mut sum = T::zero();
            for class in 0..CLASSES {
                let target = if class == label { T::one() } else { -T::one() };
                let difference = out[class] - target;
                sum = sum + difference * difference;
                let slope = scaled_tanh_slope(activation, out[class]);
                d_out[class] = scale * T::of(2.0 / CLASSES as f64) * difference * slope;
            }
            sum / T::of(CLASSES as f64)
        }
        Loss::CrossEntropy => {
            // Subtracting the largest logit keeps exp from overflowing.
            let largest = out[guess];
            let mut sum = T::zero();
            for class in 0..CLASSES {
                sum = sum + (out[class] - largest).exp();
            }
            for class in 0..CLASSES {
                let probability = (out[class] - largest).exp() / sum;
                let target = if class == label { T::one() } else { T::zero() };
                d_out[class] = scale * (probability - target);
            }
            sum.ln() + largest - out[label]
        }
    };
    (value, guess != label)
}
