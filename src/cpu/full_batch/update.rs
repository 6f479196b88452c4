//! The update rules: PyTorch's `SGD` and `AdamW`, Muon and whitened Muon, as in the reference.

use std::ops::Range;

use super::muon::muon;
use super::whitened_muon;
use crate::cpu::simd::{Level, Simd, WithSimd};
use crate::engine::State;
use crate::net::{PARAMETER_COUNT, PARAMETERS};
use crate::recipe::{Optimizer, Recipe, StepScalars};
use crate::threads::Threads;
use crate::whitening::Whitening;

/// Updates parameters and moments by one step's gradient, and counts the step. `whitening` is whitened Muon's.
pub fn update(
    state: &mut State,
    recipe: &Recipe,
    scalars: StepScalars,
    gradient: &[f32],
    whitening: Option<&Whitening>,
    (level, threads): (Level, &Threads),
) {
    let adamw = |state: &mut State, at: Range<usize>| {
        level.run(AdamW {
            state,
            recipe,
            scalars,
            gradient,
            at,
        });
    };
    match recipe.optimizer {
        Optimizer::Sgd => sgd(state, recipe, scalars, gradient),
        Optimizer::AdamW => adamw(state, 0..PARAMETER_COUNT),
        Optimizer::Muon => {
            let rates = [recipe.momentum, scalars.learning_rate, scalars.shrink];
            for tensor in &PARAMETERS {
                let at = tensor.range();
                match tensor.columns() {
                    None => adamw(state, at),
                    Some(columns) => muon(
                        &mut state.parameters.flat_mut()[at.clone()],
                        &gradient[at.clone()],
                        &mut state.first_moment.flat_mut()[at],
                        columns,
                        rates.map(|rate| rate as f32),
                        level,
                    ),
                }
            }
        }
        Optimizer::WhitenedMuon => {
            let whitening = whitening.expect("estimated before the update");
            let on = (level, threads);
            whitened_muon::update(state, recipe.momentum, scalars, gradient, whitening, on);
        }
        Optimizer::DiagonalNewton => unreachable!("refused when the engine was made"),
    }
    state.step += 1;
}

/// `g ← g + decay · w;  m ← momentum · m + g;  w ← w − η · m`
fn sgd(state: &mut State, recipe: &Recipe, scalars: StepScalars, gradient: &[f32]) {
    let (momentum, decay) = (recipe.momentum as f32, recipe.weight_decay as f32);
    let rate = scalars.step_size as f32;
    let weights = state.parameters.flat_mut().iter_mut().zip(gradient);
    for ((w, &g), m) in weights.zip(state.first_moment.flat_mut()) {
        *m = momentum * *m + (g + decay * *w);
        *w -= rate * *m;
    }
}

/// `w ← shrink · w;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  w ← w − step_size · m / (√v · scale + ε)`, for the
/// parameters of this range.
struct AdamW<'a> {
    state: &'a mut State,
    recipe: &'a Recipe,
    scalars: StepScalars,
    gradient: &'a [f32],
    at: Range<usize>,
}

impl WithSimd for AdamW<'_> {
    type Output = ();

    /// The compiler's vectors: no operation is fused, so that a level changes no bit.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self {
            state,
            recipe,
            scalars,
            gradient,
            at,
        } = self;
        let (beta1, beta2) = (recipe.beta1 as f32, recipe.beta2 as f32);
        let (rest1, rest2) = ((1.0 - recipe.beta1) as f32, (1.0 - recipe.beta2) as f32);
        let epsilon = recipe.epsilon as f32;
        let scale = scalars.second_moment_scale as f32;
        let (size, shrink) = (scalars.step_size as f32, scalars.shrink as f32);
        let weights = state.parameters.flat_mut()[at.clone()].iter_mut();
        let first = state.first_moment.flat_mut()[at.clone()].iter_mut();
        let moments = first.zip(&mut state.second_moment.flat_mut()[at.clone()]);
        for ((w, &g), (m, v)) in weights.zip(&gradient[at]).zip(moments) {
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * g * g;
            *w = *w * shrink - size * *m / (v.sqrt() * scale + epsilon);
        }
    }
}
