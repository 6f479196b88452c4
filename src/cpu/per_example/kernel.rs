//! The loops over examples, compiled for each level and rule.

use super::input::{Images, place, place_shifted};
use super::layout::QUAD;
use super::loss::{loss, missed};
use super::pass::{Moments, Pass};
use super::rule::{Accumulate, Schedule};
use crate::cpu::simd::{Kernel, Lanes, Quads};
use crate::draw;
use crate::net::H2_SIDE;
use crate::recipe::Recipe;

/// A set as the kernels read it.
pub struct Set<'a> {
    /// Its images.
    pub images: &'a Images,
    /// Its labels.
    pub labels: &'a [u8],
}

/// Draws an example's shift and dropout in one step and puts it into the pass.
#[inline(always)]
fn place_drawn(pass: &mut Pass, recipe: &Recipe, images: &Images, step: u32, example: usize) {
    let image = images.image(example);
    if recipe.shift == 0 {
        place(image, &mut pass.x);
    } else {
        let shift = draw::shift(recipe.seed, step, example as u32, recipe.shift);
        place_shifted(image, shift, &mut pass.x);
    }
    if recipe.dropout > 0.0 {
        let threshold = draw::dropout_threshold(recipe.dropout);
        let kept = (1.0 / (1.0 - recipe.dropout)) as f32;
        for (group, rows) in pass.factors.iter_mut().enumerate() {
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
pub struct Train<'a, C> {
    /// The training set.
    pub set: Set<'a>,
    /// What is trained.
    pub recipe: &'a Recipe,
    /// Makes each step's rule.
    pub schedule: C,
    /// Room for an example.
    pub pass: &'a mut Pass,
    /// What is updated.
    pub moments: &'a mut Moments,
    /// The first update's number.
    pub step: u32,
    /// One loss an update.
    pub losses: &'a mut [f32],
}

impl<C: Schedule> Kernel for Train<'_, C> {
    type Output = ();
    #[inline(always)]
    fn run<S: Quads>(self, s: S) {
        let examples = self.set.labels.len();
        let rule_at = |step: u32| {
            self.schedule
                .at(&self.recipe.step_scalars(u64::from(step), examples))
        };
        let mut rule = rule_at(self.step);
        let mut example = self.step as usize % examples;
        for (step, value) in (self.step..).zip(self.losses) {
            // Past the warm-up the rate stays within a pass.
            if !C::CONSTANT_IN_A_PASS || example == 0 || u64::from(step) <= self.recipe.warmup {
                rule = rule_at(step);
            }
            place_drawn(self.pass, self.recipe, self.set.images, step, example);
            self.pass.forward(s, &self.moments.weights);
            let label = usize::from(self.set.labels[example]);
            *value = self.pass.backward(s, label, self.moments, rule);
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
    pub set: Set<'a>,
    /// What is trained.
    pub recipe: &'a Recipe,
    /// Room for an example.
    pub pass: &'a mut Pass,
    /// The weights, and where the gradient is summed.
    pub moments: &'a mut Moments,
    /// The next update's number, for the draws.
    pub step: u32,
}

impl Kernel for Gradient<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Quads>(self, s: S) -> f64 {
        let scale = 1.0 / self.set.labels.len() as f64;
        let rule = Accumulate {
            scale: scale as f32,
        };
        let mut sum = 0.0;
        for (example, &label) in self.set.labels.iter().enumerate() {
            place_drawn(self.pass, self.recipe, self.set.images, self.step, example);
            self.pass.forward(s, &self.moments.weights);
            let value = self
                .pass
                .backward(s, usize::from(label), self.moments, rule);
            sum += f64::from(value);
        }
        sum * scale
    }
}

/// Sum of losses and number of misses over a set.
pub struct Evaluate<'a> {
    /// The set.
    pub set: Set<'a>,
    /// A pass that drops nothing.
    pub pass: &'a mut Pass,
    /// The weights.
    pub moments: &'a Moments,
}

impl Kernel for Evaluate<'_> {
    type Output = (f64, u32);
    #[inline(always)]
    fn run<S: Quads>(self, s: S) -> (f64, u32) {
        let (mut sum, mut misses) = (0.0, 0);
        let mut unused = Lanes::ZERO;
        for (example, &label) in self.set.labels.iter().enumerate() {
            let label = usize::from(label);
            place(self.set.images.image(example), &mut self.pass.x);
            self.pass.forward(s, &self.moments.weights);
            let out = &self.pass.out;
            sum += f64::from(loss(
                s,
                self.pass.activation,
                self.pass.loss,
                out,
                label,
                1.0,
                &mut unused,
            ));
            misses += u32::from(missed(out, label));
        }
        (sum, misses)
    }
}
