//! The update rules: PyTorch's `SGD` and `AdamW`, as in the reference.

use crate::engine::State;
use crate::recipe::{Optimizer, Recipe};
use crate::schedule::StepScalars;

/// Updates parameters and moments by one step's gradient, and counts the step.
pub fn update(state: &mut State, recipe: &Recipe, scalars: StepScalars, gradient: &[f32]) {
    let weights = state.parameters.flat_mut().iter_mut().zip(gradient);
    let first = state.first_moment.flat_mut().iter_mut();
    match recipe.optimizer {
        // g ← g + decay · w;  m ← momentum · m + g;  w ← w − η · m
        Optimizer::Sgd => {
            let (momentum, decay) = (recipe.momentum as f32, recipe.weight_decay as f32);
            let rate = scalars.step_size as f32;
            for ((w, &g), m) in weights.zip(first) {
                *m = momentum * *m + (g + decay * *w);
                *w -= rate * *m;
            }
        }
        // w ← shrink · w;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  w ← w − step_size · m / (√v · scale + ε)
        Optimizer::AdamW => {
            let (beta1, beta2) = (recipe.beta1 as f32, recipe.beta2 as f32);
            let (rest1, rest2) = ((1.0 - recipe.beta1) as f32, (1.0 - recipe.beta2) as f32);
            let epsilon = recipe.epsilon as f32;
            let scale = scalars.second_moment_scale as f32;
            let (size, shrink) = (scalars.step_size as f32, scalars.shrink as f32);
            let moments = first.zip(state.second_moment.flat_mut());
            for ((w, &g), (m, v)) in weights.zip(moments) {
                *m = beta1 * *m + rest1 * g;
                *v = beta2 * *v + rest2 * g * g;
                *w = *w * shrink - size * *m / (v.sqrt() * scale + epsilon);
            }
        }
        Optimizer::DiagonalNewton => unreachable!("refused when the engine was made"),
    }
    state.step += 1;
}
