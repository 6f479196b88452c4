//! Rules that consume gradients: the optimizers' updates, as types, so that each compiles to its own training loop.

use super::layout::Trained;
use crate::cpu::simd::{Lanes, Simd};
use crate::recipe::{Recipe, StepScalars};

/// Consumes the gradient of sixteen parameters.
pub trait Rule: Copy {
    /// Factor of the loss's gradient before it runs back: all gradients are in proportion to it.
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        1.0
    }

    /// Takes a gradient, times [`Rule::loss_scale`].
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V);

    /// Takes the gradient a · b.
    #[inline(always)]
    fn take_product<S: Simd>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        self.take(s, at, s.mul(a, b));
    }
}

/// A rule that updates the weights.
pub trait Update: Rule {
    /// Tells whether the rule depends on the learning rate alone, which is the same throughout an epoch.
    const CONSTANT_IN_AN_EPOCH: bool = true;

    /// The rule of a step.
    fn new(recipe: &Recipe, scalars: &StepScalars) -> Self;
}

/// Gradient descent with neither momentum nor decay: `w ← w − η·g`. The η, which it holds, comes with the gradient.
#[derive(Debug, Clone, Copy)]
pub struct Sgd(f32);

impl Update for Sgd {
    #[inline(always)]
    fn new(_: &Recipe, scalars: &StepScalars) -> Self {
        Self(scalars.step_size as f32)
    }
}

impl Rule for Sgd {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.0
    }
    #[inline(always)]
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let w = s.load(at.weights);
        s.store(at.weights, s.sub(w, gradient));
    }
    #[inline(always)]
    fn take_product<S: Simd>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        let w = s.load(at.weights);
        s.store(at.weights, s.neg_mul_add(a, b, w));
    }
}

/// Gradient descent with a step for each weight: `w ← w − η·step·g`. The η comes with the gradient as well; the steps are
/// stored in place of the second moment.
#[derive(Debug, Clone, Copy)]
pub struct DiagonalNewton(f32);

impl Update for DiagonalNewton {
    #[inline(always)]
    fn new(_: &Recipe, scalars: &StepScalars) -> Self {
        Self(scalars.step_size as f32)
    }
}

impl Rule for DiagonalNewton {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.0
    }
    #[inline(always)]
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let (w, step) = (s.load(at.weights), s.load(at.second));
        s.store(at.weights, s.neg_mul_add(gradient, step, w));
    }
}

/// Gradient descent in full: `m ← momentum·m + (g + decay·w);  w ← w − η·m`.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    learning_rate: f32,
    momentum: f32,
    weight_decay: f32,
}

impl Update for Momentum {
    #[inline(always)]
    fn new(recipe: &Recipe, scalars: &StepScalars) -> Self {
        Self {
            learning_rate: scalars.step_size as f32,
            momentum: recipe.momentum as f32,
            weight_decay: recipe.weight_decay as f32,
        }
    }
}

impl Rule for Momentum {
    #[inline(always)]
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let w = s.load(at.weights);
        let m = s.load(at.first);
        let g = s.mul_add(s.splat(self.weight_decay), w, gradient);
        let m = s.mul_add(s.splat(self.momentum), m, g);
        s.store(at.first, m);
        s.store(at.weights, s.neg_mul_add(s.splat(self.learning_rate), m, w));
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

impl Update for AdamW {
    const CONSTANT_IN_AN_EPOCH: bool = false;
    #[inline(always)]
    fn new(recipe: &Recipe, scalars: &StepScalars) -> Self {
        Self {
            beta1: recipe.beta1 as f32,
            beta2: recipe.beta2 as f32,
            rests: ((1.0 - recipe.beta1) as f32, (1.0 - recipe.beta2) as f32),
            // With an ε of 0 in f32 the lanes of padding would come to 0/0.
            epsilon: (recipe.epsilon as f32).max(f32::MIN_POSITIVE),
            step_size: scalars.step_size as f32,
            second_moment_scale: scalars.second_moment_scale as f32,
            shrink: scalars.shrink as f32,
        }
    }
}

impl Rule for AdamW {
    #[inline(always)]
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
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

/// Adds the gradient to the first moment's place and leaves the weights alone; holds one over the number of examples.
#[derive(Debug, Clone, Copy)]
pub struct Accumulate(pub f32);

impl Rule for Accumulate {
    #[inline(always)]
    fn loss_scale(self) -> f32 {
        self.0
    }
    #[inline(always)]
    fn take<S: Simd>(self, s: S, at: Trained<'_, Lanes>, gradient: S::V) {
        let sum = s.load(at.first);
        s.store(at.first, s.add(sum, gradient));
    }
    #[inline(always)]
    fn take_product<S: Simd>(self, s: S, at: Trained<'_, Lanes>, a: S::V, b: S::V) {
        let sum = s.load(at.first);
        s.store(at.first, s.mul_add(a, b, sum));
    }
}
