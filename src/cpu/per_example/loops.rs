//! Loops over examples, compiled for each level and rule.

use std::marker::PhantomData;

use super::forward_backward::{Activations, Moments};
use super::input::{Set, place, place_shifted};
use super::layout::QUAD;
use super::loss::{loss, missed};
use super::rule::{Accumulate, Update};
use crate::cpu::simd::{Lanes, Quads, WithSimd};
use crate::draw;
use crate::net::H2_SIDE;
use crate::recipe::Recipe;

/// Draws an example's shift and dropout in one step and places its image.
#[inline(always)]
fn place_drawn(
    activations: &mut Activations,
    recipe: &Recipe,
    set: &Set,
    step: u32,
    example: usize,
) {
    let image = set.image(example);
    if recipe.shift == 0 {
        place(image, &mut activations.x);
    } else {
        let shift = draw::shift(recipe.seed, step, example as u32, recipe.shift);
        place_shifted(image, shift, &mut activations.x);
    }
    if recipe.dropout > 0.0 {
        let threshold = draw::dropout_threshold(recipe.dropout);
        let kept = (1.0 / (1.0 - recipe.dropout)) as f32;
        for (group, rows) in activations.factors.iter_mut().enumerate() {
            let words =
                draw::dropout_words_by_position(recipe.seed, step, example as u32, group as u32);
            for (row, Lanes(factors)) in rows.iter_mut().enumerate() {
                for (lane, factor) in factors.iter_mut().enumerate() {
                    let (column, map) = (lane / QUAD, lane % QUAD);
                    let keep = words[map][row * H2_SIDE + column] >= threshold;
                    *factor = if keep { kept } else { 0.0 };
                }
            }
        }
    }
}

/// Updates from `step` on, one example each; fills `losses`.
pub struct Train<'a, R> {
    /// The training set.
    pub set: &'a Set,
    /// Functions, loss, noise and rates.
    pub recipe: &'a Recipe,
    /// Type of the update rule.
    pub rule: PhantomData<R>,
    /// Memory for an example.
    pub activations: &'a mut Activations,
    /// The weights and moments to update.
    pub moments: &'a mut Moments,
    /// Number of the first update.
    pub step: u32,
    /// One loss per update.
    pub losses: &'a mut [f32],
}

impl<R: Update> WithSimd for Train<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Quads>(self, s: S) {
        let (recipe, examples) = (self.recipe, self.set.labels.len());
        let rule_at = |step| R::new(recipe, &recipe.step_scalars(u64::from(step), examples));
        let mut rule = rule_at(self.step);
        let mut example = self.step as usize % examples;
        for (step, value) in (self.step..).zip(self.losses) {
            // After the warm-up the rate is the same throughout an epoch.
            if !R::CONSTANT_IN_AN_EPOCH || example == 0 || u64::from(step) <= recipe.warmup {
                rule = rule_at(step);
            }
            place_drawn(self.activations, recipe, self.set, step, example);
            self.activations.forward(s, &self.moments.weights);
            let label = usize::from(self.set.labels[example]);
            *value = self.activations.backward(s, label, self.moments, rule);
            example += 1;
            if example == examples {
                example = 0;
            }
        }
    }
}

/// Adds up the gradient of the mean loss in `moments.first`; returns the mean loss.
pub struct Gradient<'a> {
    /// The training set.
    pub set: &'a Set,
    /// Functions, loss and noise.
    pub recipe: &'a Recipe,
    /// Memory for an example.
    pub activations: &'a mut Activations,
    /// The weights, and where the gradient is summed.
    pub moments: &'a mut Moments,
    /// Number of the next update, for the draws.
    pub step: u32,
}

impl WithSimd for Gradient<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Quads>(self, s: S) -> f64 {
        let scale = 1.0 / self.set.labels.len() as f64;
        let rule = Accumulate {
            scale: scale as f32,
        };
        let mut sum = 0.0;
        for (example, &label) in self.set.labels.iter().enumerate() {
            place_drawn(self.activations, self.recipe, self.set, self.step, example);
            self.activations.forward(s, &self.moments.weights);
            let value = self
                .activations
                .backward(s, usize::from(label), self.moments, rule);
            sum += f64::from(value);
        }
        sum * scale
    }
}

/// Sum of losses and number of misses over a set.
pub struct Evaluate<'a> {
    /// The set.
    pub set: &'a Set,
    /// A activations that drops nothing.
    pub activations: &'a mut Activations,
    /// The weights.
    pub moments: &'a Moments,
}

impl WithSimd for Evaluate<'_> {
    type Output = (f64, u32);
    #[inline(always)]
    fn run<S: Quads>(self, s: S) -> (f64, u32) {
        let (mut sum, mut misses) = (0.0, 0);
        let mut unused = Lanes::ZERO;
        for (example, &label) in self.set.labels.iter().enumerate() {
            let label = usize::from(label);
            place(self.set.image(example), &mut self.activations.x);
            self.activations.forward(s, &self.moments.weights);
            let out = &self.activations.out;
            let (activation, kind) = (self.activations.activation, self.activations.loss);
            let value = loss(s, activation, kind, out, label, 1.0, &mut unused);
            sum += f64::from(value);
            misses += u32::from(missed(out, label));
        }
        (sum, misses)
    }
}
