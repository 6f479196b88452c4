//! The stages of a training step, one function each. A chunk of examples goes through the whole net and back in their
//! order, tile by tile.

use std::ops::Range;

use bytemuck::Zeroable;

use super::convolution::{H1_SOURCES, forward, gradient, h2_backward};
use super::dense::{dense, dense_gradient};
use super::dropout::dropout_factors;
use super::input::input;
use super::loss::loss;
use super::sums::Sums;
use super::tile::{Activations16, TILE, VECTORS};
use super::weights::Weights;
use crate::cpu::activation::{activate, scaled_tanh, times_slope};
use crate::cpu::simd::{LANES, Lanes, Simd, WithSimd};
use crate::data::Examples;
use crate::draw;
use crate::net::{H2_SOURCES, H2_UNITS, H3_UNITS, Parameters};
use crate::recipe::{Loss, Recipe};

/// Defines the stages, in the order of a step, each by the method that runs it on a tile.
macro_rules! stages {
    ($($stage:ident = $run:ident,)*) => {
        /// A stage of a step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // named after what they compute
        pub enum Stage {
            $($stage,)*
        }

        impl Stage {
            /// All stages, in the order of a step.
            pub const ALL: &[Self] = &[$(Self::$stage,)*];
            /// The stages of an evaluation.
            pub const FORWARD: &[Self] = Self::ALL.split_at(6).0;
        }

        impl Chunk<'_> {
            #[inline(always)]
            fn stage<S: Simd>(&mut self, s: S, stage: Stage) {
                match stage {
                    $(Stage::$stage => self.$run(s),)*
                }
            }
        }
    };
}
stages! {
    Input = input,
    H1Forward = h1_forward,
    H2Forward = h2_forward,
    H3Forward = h3_forward,
    OutForward = out_forward,
    Loss = loss,
    OutGradient = out_gradient,
    OutBackward = out_backward,
    H3Gradient = h3_gradient,
    H3Backward = h3_backward,
    H2Gradient = h2_gradient,
    H2Backward = h2_backward,
    H1Gradient = h1_gradient,
}

/// Memory of one thread: megabytes, kept out of the stack and from step to step.
#[derive(Zeroable)]
pub(super) struct Scratch {
    pub(super) vectors: [Activations16; VECTORS],
    pub(super) sums: Sums,
}

/// A chunk's part of the loss, the misses and, in training, the gradient (without the padding's part).
pub(super) struct PartialGradient {
    pub loss: f64,
    pub misses: u32,
    pub gradient: Parameters,
}

impl PartialGradient {
    pub fn zero() -> Self {
        Self {
            loss: 0.0,
            misses: 0,
            gradient: Parameters::zeros(),
        }
    }
}

/// A chunk of examples to run through stages, and results of those that have been.
pub(super) struct Chunk<'a> {
    pub set: &'a dyn Examples,
    pub weights: &'a Weights,
    pub recipe: &'a Recipe,
    /// The step whose shift and dropout are drawn and whose gradient is computed; `None` to evaluate.
    pub step: Option<u32>,
    /// The examples to run, from a multiple of [`TILE`]: the present tile and those after it.
    pub examples: Range<usize>,
    pub stages: &'a [Stage],
    pub scratch: &'a mut Scratch,
    pub partial: &'a mut PartialGradient,
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        (self.partial.loss, self.partial.misses) = (0.0, 0);
        if self.step.is_some() {
            bytemuck::write_zeroes(&mut self.scratch.sums);
        }
        while !self.examples.is_empty() {
            for &stage in self.stages {
                self.stage(s, stage);
            }
            self.examples.start += TILE;
        }
        if self.step.is_some() {
            self.scratch.sums.finish(s, &mut self.partial.gradient);
        }
    }
}

impl Chunk<'_> {
    #[inline(always)]
    fn input<S: Simd>(&mut self, s: S) {
        let (recipe, step) = (self.recipe, self.step);
        let shift = |example| match step {
            Some(step) => draw::shift(recipe.seed, step, example as u32, recipe.shift),
            None => (0, 0),
        };
        for (vector, t) in self.scratch.vectors.iter_mut().enumerate() {
            let first = self.examples.start + vector * LANES;
            input(s, self.set, first, shift, &mut t.x[0]);
        }
    }

    #[inline(always)]
    fn h1_forward<S: Simd>(&mut self, s: S) {
        let (w, f) = (self.weights, self.recipe.activation);
        for t in self.scratch.vectors.iter_mut() {
            forward::<S, 6, _, _, _>(s, &t.x, &H1_SOURCES, &w.h1w, &w.h1b, f, &mut t.h1);
        }
    }

    /// H2, and dropout.
    #[inline(always)]
    fn h2_forward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.weights, self.recipe);
        for (vector, t) in self.scratch.vectors.iter_mut().enumerate() {
            let f = recipe.activation;
            forward::<S, 4, _, _, _>(s, &t.h1, &H2_SOURCES, &w.h2w, &w.h2b, f, &mut t.h2);
            let h2 = t.h2.as_flattened().as_flattened();
            t.dropped.copy_from_slice(h2);
            if let Some(step) = self.step
                && recipe.dropout > 0.0
            {
                let first = (self.examples.start + vector * LANES) as u32;
                dropout_factors(recipe.seed, step, recipe.dropout, first, &mut t.factors);
                for (value, factor) in t.dropped.iter_mut().zip(&t.factors) {
                    s.store(value, s.mul(s.load(value), s.load(factor)));
                }
            }
        }
    }

    #[inline(always)]
    fn h3_forward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.weights, self.recipe.activation);
        let operands = self
            .scratch
            .vectors
            .each_mut()
            .map(|t| (&t.dropped, &mut t.h3));
        dense::<S, _, _, 5>(s, operands, &w.h3w, &w.h3b);
        for value in self.scratch.vectors.iter_mut().flat_map(|t| &mut t.h3) {
            s.store(value, activate(s, activation, s.load(value)));
        }
    }

    #[inline(always)]
    fn out_forward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.weights, self.recipe);
        let operands = self.scratch.vectors.each_mut().map(|t| (&t.h3, &mut t.out));
        dense::<S, _, _, 5>(s, operands, &w.outw, &w.outb);
        if recipe.loss == Loss::Mse {
            for value in self.scratch.vectors.iter_mut().flat_map(|t| &mut t.out) {
                s.store(value, scaled_tanh(s, recipe.activation, s.load(value)));
            }
        }
    }

    #[inline(always)]
    fn loss<S: Simd>(&mut self, s: S) {
        let set = self.set;
        let scale = 1.0 / set.count() as f32;
        for (vector, t) in self.scratch.vectors.iter_mut().enumerate() {
            let start = (self.examples.start + vector * LANES).min(set.count());
            let end = (start + LANES).min(set.count());
            let mut labels = [0; LANES];
            let labels = &mut labels[..end - start];
            for (label, example) in labels.iter_mut().zip(start..) {
                *label = set.label(example);
            }
            let (value, misses) = loss(s, &t.out, labels, self.recipe, scale, &mut t.d_out);
            self.partial.loss += value;
            self.partial.misses += misses;
        }
    }

    #[inline(always)]
    fn out_gradient<S: Simd>(&mut self, s: S) {
        for t in self.scratch.vectors.iter() {
            for (sum, d) in self.scratch.sums.outb.iter_mut().zip(&t.d_out) {
                add_to(s, s.load(d), sum);
            }
        }
        let operands = self.scratch.vectors.each_ref().map(|t| (&t.h3, &t.d_out));
        dense_gradient(s, operands, &mut self.scratch.sums.outw);
    }

    /// Gradient of H3's sums, which is that of its biases.
    #[inline(always)]
    fn out_backward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.weights, self.recipe.activation);
        let operands = self
            .scratch
            .vectors
            .each_mut()
            .map(|t| (&t.d_out, &mut t.d_h3));
        dense::<S, _, _, 6>(s, operands, &w.outw_back, &[0.0; H3_UNITS]);
        for t in self.scratch.vectors.iter_mut() {
            for unit in 0..H3_UNITS {
                let d = s.load(&t.d_h3[unit]);
                let d = times_slope(s, activation, s.load(&t.h3[unit]), d);
                s.store(&mut t.d_h3[unit], d);
                add_to(s, d, &mut self.scratch.sums.h3b[unit]);
            }
        }
    }

    #[inline(always)]
    fn h3_gradient<S: Simd>(&mut self, s: S) {
        let operands = self
            .scratch
            .vectors
            .each_ref()
            .map(|t| (&t.dropped, &t.d_h3));
        dense_gradient(s, operands, &mut self.scratch.sums.h3w);
    }

    /// Gradient of H2's sums, which is that of its biases.
    #[inline(always)]
    fn h3_backward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.weights, self.recipe);
        // Nothing needs the input of H3 any more: its gradient takes its place.
        let operands = self
            .scratch
            .vectors
            .each_mut()
            .map(|t| (&t.d_h3, &mut t.dropped));
        dense::<S, _, _, 6>(s, operands, &w.h3w_back, &[0.0; H2_UNITS]);
        let biases = self.scratch.sums.h2b.as_flattened_mut().as_flattened_mut();
        for t in self.scratch.vectors.iter_mut() {
            let h2 = t.h2.as_flattened_mut().as_flattened_mut();
            for unit in 0..H2_UNITS {
                let mut d = s.load(&t.dropped[unit]);
                if recipe.dropout > 0.0 {
                    d = s.mul(d, s.load(&t.factors[unit]));
                }
                let d = times_slope(s, recipe.activation, s.load(&h2[unit]), d);
                s.store(&mut h2[unit], d);
                add_to(s, d, &mut biases[unit]);
            }
        }
    }

    #[inline(always)]
    fn h2_gradient<S: Simd>(&mut self, s: S) {
        let vectors = self.scratch.vectors.each_ref().map(|t| (&t.h1[..], &t.h2));
        gradient(s, &vectors, &H2_SOURCES, &mut self.scratch.sums.h2w);
    }

    /// Gradient of H1's sums, which is that of its biases.
    #[inline(always)]
    fn h2_backward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.weights, self.recipe.activation);
        for t in self.scratch.vectors.iter_mut() {
            h2_backward(
                s,
                &t.h2,
                &w.h2w,
                activation,
                &mut t.h1,
                &mut self.scratch.sums.h1b,
            );
        }
    }

    #[inline(always)]
    fn h1_gradient<S: Simd>(&mut self, s: S) {
        for t in self.scratch.vectors.iter() {
            gradient(s, &[(&t.x, &t.h1)], &H1_SOURCES, &mut self.scratch.sums.h1w);
        }
    }
}

#[inline(always)]
fn add_to<S: Simd>(s: S, value: S::V, sum: &mut Lanes) {
    s.store(sum, s.add(s.load(sum), value));
}
