//! What is done with a gradient: the update rules, as types, so that each compiles to its own training loop.

use super::layout::Trained;
use crate::cpu::simd::{Lanes, Quads};
use crate::recipe::Recipe;
use crate::recipe::StepScalars;

/// Consumes the gradient of sixteen parameters.
pub trait Rule: Copy {
    /// What the loss's gradient is multiplied by before it runs back: all gradients are in proportion to it.
    fn loss_scale(self) -> f32;

    /// Takes a gradient, times [`Rule::loss_scale`].
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V);

    /// Takes the gradient a · b.
    #[inline(always)]
    fn take_product<S: Quads>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        self.take(s, at, s.mul(a, b));
    }
}

/// Makes the rule of a step.
pub trait Schedule: Copy {
    /// The rule it makes.
    type Rule: Rule;
    /// The rule with this step's numbers.
    fn at(self, scalars: &StepScalars) -> Self::Rule;
    /// Whether the numbers are those of the learning rate alone, the same through a pass.
    const CONSTANT_IN_A_PASS: bool;
}

/// Gradient descent with neither momentum nor decay: `w ← w − η·g`. The η comes with the gradient.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    learning_rate: f32,
}

impl Rule for Sgd {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.learning_rate
    }
    #[inline(always)]
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let w = s.load(at.weights);
        s.store(at.weights, s.sub(w, gradient));
    }
    #[inline(always)]
    fn take_product<S: Quads>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        let w = s.load(at.weights);
        s.store(at.weights, s.neg_mul_add(a, b, w));
    }
}

/// Makes [`Sgd`].
#[derive(Debug, Clone, Copy)]
pub struct SgdSchedule;

impl Schedule for SgdSchedule {
    type Rule = Sgd;
    const CONSTANT_IN_A_PASS: bool = true;
    #[inline(always)]
    fn at(self, scalars: &StepScalars) -> Sgd {
        Sgd {
            learning_rate: scalars.step_size as f32,
        }
    }
}

/// Gradient descent with a step for each weight: `w ← w − η·step·g`. The η comes with the gradient, the steps lie where
/// the second moment does.
#[derive(Debug, Clone, Copy)]
pub struct DiagonalNewton {
    learning_rate: f32,
}

impl Rule for DiagonalNewton {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.learning_rate
    }
    #[inline(always)]
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let (w, step) = (s.load(at.weights), s.load(at.second));
        s.store(at.weights, s.neg_mul_add(gradient, step, w));
    }
}

/// Makes [`DiagonalNewton`].
#[derive(Debug, Clone, Copy)]
pub struct DiagonalNewtonSchedule;

impl Schedule for DiagonalNewtonSchedule {
    type Rule = DiagonalNewton;
    const CONSTANT_IN_A_PASS: bool = true;
    #[inline(always)]
    fn at(self, scalars: &StepScalars) -> DiagonalNewton {
        DiagonalNewton {
            learning_rate: scalars.step_size as f32,
        }
    }
}

/// Gradient descent in full: `m ← momentum·m + (g + decay·w);  w ← w − η·m`.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    learning_rate: f32,
    momentum: f32,
    weight_decay: f32,
}

impl Rule for Momentum {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        1.0
    }
    #[inline(always)]
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let w = s.load(at.weights);
        let m = s.load(at.first);
        let g = s.mul_add(s.splat(self.weight_decay), w, gradient);
        let m = s.mul_add(s.splat(self.momentum), m, g);
        s.store(at.first, m);
        s.store(at.weights, s.neg_mul_add(s.splat(self.learning_rate), m, w));
    }
}

/// Makes [`Momentum`].
#[derive(Debug, Clone, Copy)]
pub struct MomentumSchedule {
    momentum: f32,
    weight_decay: f32,
}

impl MomentumSchedule {
    /// With the recipe's momentum and decay.
    pub fn new(recipe: &Recipe) -> Self {
        Self {
            momentum: recipe.momentum as f32,
            weight_decay: recipe.weight_decay as f32,
        }
    }
}

impl Schedule for MomentumSchedule {
    type Rule = Momentum;
    const CONSTANT_IN_A_PASS: bool = true;
    #[inline(always)]
    fn at(self, scalars: &StepScalars) -> Momentum {
        Momentum {
            learning_rate: scalars.step_size as f32,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
        }
    }
}

/// `m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  w ← shrink·w − step_size · m / (√v · scale + ε)`
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    beta1: f32,
    beta2: f32,
    /// 1 − β₁ and 1 − β₂, rounded once.
    rests: (f32, f32),
    epsilon: f32,
    step_size: f32,
    second_moment_scale: f32,
    shrink: f32,
}

impl Rule for AdamW {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        1.0
    }
    #[inline(always)]
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let g = gradient;
        let m = s.mul(s.splat(self.beta1), s.load(at.first));
        let m = s.mul_add(s.splat(self.rests.0), g, m);
        let v = s.mul(s.splat(self.beta2), s.load(at.second));
        let v = s.mul_add(s.mul(s.splat(self.rests.1), g), g, v);
        s.store(at.first, m);
        s.store(at.second, v);
        let scale = s.splat(self.second_moment_scale);
        let divisor = s.mul_add(s.sqrt(v), scale, s.splat(self.epsilon));
        let change = s.div(s.mul(s.splat(self.step_size), m), divisor);
        let w = s.mul(s.load(at.weights), s.splat(self.shrink));
        s.store(at.weights, s.sub(w, change));
    }
}

/// Makes [`AdamW`].
#[derive(Debug, Clone, Copy)]
pub struct AdamWSchedule {
    betas: (f64, f64),
    epsilon: f32,
}

impl AdamWSchedule {
    /// With the recipe's β₁, β₂ and ε.
    pub fn new(recipe: &Recipe) -> Self {
        Self {
            betas: (recipe.beta1, recipe.beta2),
            // With an ε of 0 in f32 the lanes of padding would come to 0/0.
            epsilon: (recipe.epsilon as f32).max(f32::MIN_POSITIVE),
        }
    }
}

impl Schedule for AdamWSchedule {
    type Rule = AdamW;
    const CONSTANT_IN_A_PASS: bool = false;
    #[inline(always)]
    fn at(self, scalars: &StepScalars) -> AdamW {
        let (beta1, beta2) = self.betas;
        AdamW {
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            rests: ((1.0 - beta1) as f32, (1.0 - beta2) as f32),
            epsilon: self.epsilon,
            step_size: scalars.step_size as f32,
            second_moment_scale: scalars.second_moment_scale as f32,
            shrink: scalars.shrink as f32,
        }
    }
}

/// Adds the gradient to the first moment's place and leaves the weights alone.
#[derive(Debug, Clone, Copy)]
pub struct Accumulate {
    /// One over the number of examples.
    pub scale: f32,
}

impl Rule for Accumulate {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.scale
    }
    #[inline(always)]
    fn take<S: Quads>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let sum = s.load(at.first);
        s.store(at.first, s.add(sum, gradient));
    }
    #[inline(always)]
    fn take_product<S: Quads>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        let sum = s.load(at.first);
        s.store(at.first, s.mul_add(a, b, sum));
    }
}
