//! Loss of sixteen examples, how many are missed, and the gradient of the output's sums.

use crate::cpu::activation::tanh_slope;
use crate::cpu::simd::{LANES, Lanes, Simd, exp};
use crate::net::CLASSES;
use crate::recipe::{Activation, Loss, Recipe};

/// Sum of the losses of `labels.len()` (0 to 16) examples, and how many were missed (the first of equal outputs
/// counts).
///
/// - MSE: `Σ (out[k] − target[k])² / 10`; `d_out[k] = scale · 2/10 · (out[k] − target[k]) · g′[k]`, g′ being
///   1 − out[k]², or scaled tanh's; target +1 for the label, −1 for the others
/// - cross-entropy: `ln Σ exp(out[k]) − out[label]`; `d_out[k] = scale · (softmax(out)[k] − [k = label])`
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
    let mut sum = 0.0;
    match recipe.loss {
        Loss::Mse => {
            let mut values = Lanes::ZERO;
            let value = squared_error(s, out, &is_label, recipe.activation, scale, d_out);
            s.store(&mut values, value);
            sum += values.0[..labels.len()]
                .iter()
                .map(|&value| f64::from(value))
                .sum::<f64>();
        }
        Loss::CrossEntropy => {
            let (largest, total) = softmax(s, out, &is_label, scale, d_out);
            // The logarithms' sum by one logarithm: sixteen factors are from 1 to 10.
            let mut product = 1.0;
            for (lane, &label) in labels.iter().enumerate() {
                product *= f64::from(total.0[lane]);
                sum += f64::from(largest.0[lane] - out[usize::from(label)].0[lane]);
            }
            sum += product.ln();
        }
    }
    if labels.len() < LANES {
        for gradient in d_out.iter_mut() {
            gradient.0[labels.len()..].fill(0.0);
        }
    }
    let guesses = guesses(s, out).0;
    let pairs = guesses.iter().zip(labels);
    let misses = pairs.filter(|&(&guess, &label)| guess != f32::from(label));
    (sum, misses.count() as u32)
}

/// The first class with the largest output of each example; a NaN is not larger than anything, nor anything than it.
#[inline(always)]
fn guesses<S: Simd>(s: S, out: &[Lanes; CLASSES]) -> Lanes {
    let mut largest = s.load(&out[0]);
    let mut guess = s.splat(0.0);
    for class in 1..CLASSES {
        let value = s.load(&out[class]);
        let rise = s.sub(s.splat(class as f32), guess);
        guess = s.add(guess, s.where_positive(s.sub(value, largest), rise));
        largest = s.max(value, largest);
    }
    let mut guesses = Lanes::ZERO;
    s.store(&mut guesses, guess);
    guesses
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
