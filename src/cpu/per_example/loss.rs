//! Loss of one example and its gradient, on one vector of 10 classes and 6 lanes of padding.

use crate::cpu::activation::{scaled_tanh, tanh_slope};
use crate::cpu::simd::{Lanes, Simd, exp};
use crate::net::CLASSES;
use crate::recipe::{Loss, Recipe};

/// MSE's targets for each label: +1 for it, −1 for the others, 0 (the output there) for the padding.
const TARGETS: [Lanes; CLASSES] = {
    let mut targets = [Lanes::ZERO; CLASSES];
    let mut label = 0;
    while label < CLASSES {
        let mut class = 0;
        while class < CLASSES {
            targets[label].0[class] = if class == label { 1.0 } else { -1.0 };
            class += 1;
        }
        label += 1;
    }
    targets
};

/// The outputs from their sums: tanh (scaled where the hidden layers' is) for MSE, the logits themselves for
/// cross-entropy.
#[inline(always)]
pub fn outputs<S: Simd>(s: S, recipe: &Recipe, sums: S::V) -> S::V {
    match recipe.loss {
        Loss::Mse => scaled_tanh(s, recipe.activation, sums),
        Loss::CrossEntropy => sums,
    }
}

/// The loss, and `scale` times its gradient by the sums, 0 in the padding.
///
/// - MSE: `Σ (out[k] − target[k])² / 10`; `d[k] = 2/10 · (out[k] − target[k]) · g′[k]`, g′ being 1 − out[k]²,
///   or scaled tanh's
/// - cross-entropy: `ln Σ exp(out[k]) − out[label]`; `d[k] = softmax(out)[k] − [k = label]`
#[inline(always)]
pub fn loss<S: Simd>(
    s: S,
    recipe: &Recipe,
    out: &Lanes,
    label: u8,
    scale: f32,
    d: &mut Lanes,
) -> f32 {
    let label = usize::from(label);
    match recipe.loss {
        Loss::Mse => {
            let out = s.load(out);
            let difference = s.sub(out, s.load(&TARGETS[label]));
            let slope = tanh_slope(s, recipe.activation, out);
            let factor = s.splat(scale * (2.0 / CLASSES as f32));
            s.store(d, s.mul(s.mul(factor, difference), slope));
            s.sum(s.mul(difference, difference)) / CLASSES as f32
        }
        Loss::CrossEntropy => {
            // Subtracting the largest logit keeps exp from overflowing.
            let logits = out.0[..CLASSES].iter();
            let largest = logits.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            let mut exponentials = Lanes::ZERO;
            s.store(
                &mut exponentials,
                exp(s, s.sub(s.load(out), s.splat(largest))),
            );
            exponentials.0[CLASSES..].fill(0.0);
            let exponentials = s.load(&exponentials);
            let sum = s.sum(exponentials);
            s.store(d, s.mul(s.splat(scale / sum), exponentials));
            d.0[label] -= scale;
            // In f64, where the system's library decides about no bit of the f32.
            f64::from(sum).ln() as f32 + largest - out.0[label]
        }
    }
}

/// `scale` times the second derivatives of the loss by the sums, without f″; 0 in the padding.
///
/// - MSE: `2/10 · g′[k]²`
/// - cross-entropy: `p[k] · (1 − p[k])`, p being the softmax
#[inline(always)]
pub fn curvature<S: Simd>(s: S, recipe: &Recipe, out: &Lanes, scale: f32) -> Lanes {
    let mut d = Lanes::ZERO;
    match recipe.loss {
        Loss::Mse => {
            let value = s.load(out);
            let slope = tanh_slope(s, recipe.activation, value);
            let factor = s.splat(scale * (2.0 / CLASSES as f32));
            s.store(&mut d, s.mul(s.mul(factor, slope), slope));
            d.0[CLASSES..].fill(0.0);
        }
        Loss::CrossEntropy => {
            // The label's −1 taken back, its gradient is the softmax.
            loss(s, recipe, out, 0, 1.0, &mut d);
            d.0[0] += 1.0;
            for d in &mut d.0 {
                *d = scale * *d * (1.0 - *d);
            }
        }
    }
    d
}

/// Returns true if the largest output is not the label's; the first of equal ones counts.
#[inline(always)]
pub fn missed(out: &Lanes, label: u8) -> bool {
    let mut guess = 0;
    for class in 1..CLASSES {
        if out.0[class] > out.0[guess] {
            guess = class;
        }
    }
    guess != usize::from(label)
}
