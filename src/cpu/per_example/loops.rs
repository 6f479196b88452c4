//! Loops over examples, compiled for each level and rule.

use std::marker::PhantomData;

use super::PerExample;
use super::forward_backward::{Activations, KEEP_ALL};
use super::input::{Set, place, place_shifted};
use super::layout::{Moments, QUAD};
use super::loss::{loss, missed};
use super::rule::{Accumulate, Update};
use crate::cpu::simd::{Lanes, Simd, WithSimd};
use crate::draw;
use crate::engine::{Evaluation, Split};
use crate::net::{H2_SIDE, Parameters};
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
        place(image, &mut activations.inputs.x);
    } else {
        let shift = draw::shift(recipe.seed, step, example as u32, recipe.shift);
        place_shifted(image, shift, &mut activations.inputs.x);
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

/// Updates from the present step on, one example each; fills `losses`.
pub struct Train<'a, R> {
    pub engine: &'a mut PerExample,
    pub losses: &'a mut [f32],
    /// Type of the update rule.
    pub rule: PhantomData<R>,
}

impl<R: Update> WithSimd for Train<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let PerExample {
            train,
            recipe,
            memory,
            moments,
            step,
            ..
        } = self.engine;
        let examples = train.labels.len();
        let rule_at = |step| R::new(recipe, &recipe.step_scalars(u64::from(step), examples));
        let mut rule = rule_at(*step);
        let mut example = *step as usize % examples;
        for value in self.losses {
            // After the warm-up the rate is the same throughout an epoch.
            if !R::CONSTANT_IN_AN_EPOCH || example == 0 || u64::from(*step) <= recipe.warmup {
                rule = rule_at(*step);
            }
            place_drawn(&mut memory.values, recipe, train, *step, example);
            let label = train.labels[example];
            *value = memory.forward_backward(s, recipe, label, moments, rule);
            *step += 1;
            example += 1;
            if example == examples {
                example = 0;
            }
        }
    }
}

/// The mean loss and its gradient.
pub struct Gradient<'a>(pub &'a mut PerExample);

impl WithSimd for Gradient<'_> {
    type Output = (f64, Parameters);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f64, Parameters) {
        let PerExample {
            train,
            recipe,
            memory,
            moments,
            step,
            ..
        } = self.0;
        let mut sums = Moments::start(moments.weights.clone());
        let scale = 1.0 / train.labels.len() as f64;
        let rule = Accumulate(scale as f32);
        let mut sum = 0.0;
        for (example, &label) in train.labels.iter().enumerate() {
            place_drawn(&mut memory.values, recipe, train, *step, example);
            let value = memory.forward_backward(s, recipe, label, &mut sums, rule);
            sum += f64::from(value);
        }
        (sum * scale, sums.first.unpack())
    }
}

/// Loss and misses over a set.
pub struct Evaluate<'a> {
    pub engine: &'a mut PerExample,
    pub split: Split,
}

impl WithSimd for Evaluate<'_> {
    type Output = Evaluation;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Evaluation {
        let PerExample {
            train,
            test,
            recipe,
            memory,
            moments,
            ..
        } = self.engine;
        let set = match self.split {
            Split::Train => train,
            Split::Test => test,
        };
        let values = &mut memory.values;
        values.factors = KEEP_ALL;
        let (mut sum, mut misses) = (0.0, 0);
        let mut unused = Lanes::ZERO;
        for (example, &label) in set.labels.iter().enumerate() {
            place(set.image(example), &mut values.inputs.x);
            values.forward(s, recipe, &moments.weights);
            sum += f64::from(loss(s, recipe, &values.out, label, 1.0, &mut unused));
            misses += u32::from(missed(&values.out, label));
        }
        Evaluation {
            loss: sum / set.labels.len() as f64,
            misses,
            examples: set.labels.len() as u32,
        }
    }
}
