//! Loss of sixteen examples, how many are missed, and the gradient of the output's sums.

use crate::cpu::activation::tanh_slope;
use crate::cpu::simd::{LANES, Lanes, Simd, exp};
use crate::net::CLASSES;
use crate::recipe::{Activation, Loss, Recipe};

/// Sum of the losses of `labels.len()` (0 to 16) examples, in order, and how many were missed (the first of equal
/// outputs counts).
///
/// - MSE: `loss = Σ (out[k] − target[k])² / 10`, target +1 for the label, −1 for the others;
///   `d_out[k] = scale · 2/10 · (out[k] − target[k]) · g′[k]`, g′ being 1 − out[k]², or scaled tanh's
/// - cross-entropy: `loss = ln Σ exp(out[k]) − out[label]`; `d_out[k] = scale · (softmax(out)[k] − [k = label])`
///
/// `out`, `d_out`: `[10]`; lanes past the last label get a gradient of 0.
#[inline(always)]
pub fn loss<S: Simd>(
    s: S,
    out: &[Lanes; CLASSES],
    labels: &[u8],
    recipe: &Recipe,
    scale: f32,
    d_out: &mut [Lanes; CLASSES],
) -> (f64, u32) {
    let is_label = one_hot(labels);
    let mut values = Lanes::ZERO;
    let value = match recipe.loss {
        Loss::Mse => squared_error(s, out, &is_label, recipe.activation, scale, d_out),
        Loss::CrossEntropy => {
            let (largest, total) = softmax(s, out, &is_label, scale, d_out);
            for (lane, value) in values.0.iter_mut().enumerate().take(labels.len()) {
                let logit = out[usize::from(labels[lane])].0[lane];
                *value = total.0[lane].ln() + largest.0[lane] - logit;
            }
            s.load(&values)
        }
    };
    s.store(&mut values, value);
    for gradient in d_out.iter_mut() {
        gradient.0[labels.len()..].fill(0.0);
    }
    let mut sum = 0.0;
    let mut misses = 0;
    for (lane, &label) in labels.iter().enumerate() {
        sum += f64::from(values.0[lane]);
        let mut guess = 0;
        for class in 1..CLASSES {
            if out[class].0[lane] > out[guess].0[lane] {
                guess = class;
            }
        }
        misses += u32::from(guess != usize::from(label));
    }
    (sum, misses)
}

/// `[class]`: 1 in the lanes of the examples with that label, else 0.
#[inline(always)]
fn one_hot(labels: &[u8]) -> [Lanes; CLASSES] {
    let mut is_label = [Lanes::ZERO; CLASSES];
    for (lane, &label) in labels.iter().enumerate().take(LANES) {
        is_label[usize::from(label)].0[lane] = 1.0;
    }
    is_label
}

/// MSE's loss of each example; writes `d_out`.
#[inline(always)]
fn squared_error<S: Simd>(
    s: S,
    out: &[Lanes; CLASSES],
    is_label: &[Lanes; CLASSES],
    activation: Activation,
    scale: f32,
    d_out: &mut [Lanes; CLASSES],
) -> S::V {
    let one = s.splat(1.0);
    let scale = s.splat(scale * (2.0 / CLASSES as f32));
    let mut sum = s.splat(0.0);
    for class in 0..CLASSES {
        let y = s.load(&out[class]);
        // Target: 2·[k = label] − 1.
        let target = s.sub(
            s.add(s.load(&is_label[class]), s.load(&is_label[class])),
            one,
        );
        let difference = s.sub(y, target);
        sum = s.mul_add(difference, difference, sum);
        let slope = tanh_slope(s, activation, y);
        s.store(&mut d_out[class], s.mul(s.mul(scale, difference), slope));
    }
    s.div(sum, s.splat(CLASSES as f32))
}

/// The largest logit and Σ exp(logit − largest) of each example; writes `d_out`.
#[inline(always)]
fn softmax<S: Simd>(
    s: S,
    out: &[Lanes; CLASSES],
    is_label: &[Lanes; CLASSES],
    scale: f32,
    d_out: &mut [Lanes; CLASSES],
) -> (Lanes, Lanes) {
    // Subtracting the largest logit keeps exp from overflowing.
    let mut largest = s.load(&out[0]);
    for logits in &out[1..] {
        largest = s.max(largest, s.load(logits));
    }
    let mut sum = s.splat(0.0);
    for (power, logits) in d_out.iter_mut().zip(out) {
        let value = exp(s, s.sub(s.load(logits), largest));
        sum = s.add(sum, value);
        s.store(power, value);
    }
    let scale = s.splat(scale);
    for (gradient, target) in d_out.iter_mut().zip(is_label) {
        let probability = s.div(s.load(gradient), sum);
        let value = s.mul(scale, s.sub(probability, s.load(target)));
        s.store(gradient, value);
    }
    let (mut l, mut t) = (Lanes::ZERO, Lanes::ZERO);
    s.store(&mut l, largest);
    s.store(&mut t, sum);
    (l, t)
}
