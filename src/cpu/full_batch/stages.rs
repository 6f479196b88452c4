//! The stages of a training step, one function each. A chunk of examples goes through the whole net and back in their
//! order, tile by tile.

use std::ops::Range;

use bytemuck::Zeroable;

use super::convolution::{H1_SOURCES, forward, gradient, h2_backward};
use super::dense::{Layer, dense, dense_gradient};
use super::dropout::dropout_factors;
use super::input::input;
use super::loss::loss;
use super::sums::Sums;
use super::tile::{Activations16, TILE, Units, VECTORS};
use super::weights::Weights;
use crate::cpu::activation::{activate, scaled_tanh, times_slope};
use crate::cpu::simd::{LANES, Lanes, Simd, WithSimd};
use crate::data::Examples;
use crate::draw;
use crate::net::{CLASSES, H2_SIDE, H2_SOURCES, H2_UNITS, H3_UNITS, Parameters};
use crate::recipe::{Activation, Loss, Recipe};

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
pub struct Scratch {
    pub(super) vectors: [Activations16; VECTORS],
    pub(super) sums: Sums,
}

/// A block's part of the loss, the misses and, in training, the gradient (without the padding's part).
pub struct PartialGradient {
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

/// Adds gradients, in their order, from the element `first` on.
pub(super) struct Total<'a> {
    pub parts: &'a [&'a [f32]],
    pub first: usize,
    pub sums: &'a mut [f64],
}

impl WithSimd for Total<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for part in self.parts {
            for (sum, &part) in self.sums.iter_mut().zip(&part[self.first..]) {
                *sum += f64::from(part);
            }
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
    /// The present tile is the chunk's first.
    pub is_first: bool,
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
            self.scratch.sums.start();
        }
        while !self.examples.is_empty() {
            for &stage in self.stages {
                self.stage(s, stage);
            }
            self.examples.start += TILE;
            self.is_first = false;
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
        let (w, layer) = (self.weights, H3Forward(self.recipe.activation));
        dense::<S, _, _, _, 5>(s, &mut self.scratch.vectors, &w.h3w, &w.h3b, layer);
    }

    #[inline(always)]
    fn out_forward<S: Simd>(&mut self, s: S) {
        let (w, layer) = (self.weights, OutForward(self.recipe));
        dense::<S, _, _, _, 5>(s, &mut self.scratch.vectors, &w.outw, &w.outb, layer);
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
        dense_gradient(s, operands, self.is_first, &mut self.scratch.sums.outw);
    }

    /// Gradient of H3's sums, which is that of its biases.
    #[inline(always)]
    fn out_backward<S: Simd>(&mut self, s: S) {
        let Scratch { vectors, sums } = &mut *self.scratch;
        let layer = OutBackward {
            activation: self.recipe.activation,
            biases: &mut sums.h3b,
        };
        let none = &[0.0; H3_UNITS];
        dense::<S, _, _, _, 6>(s, vectors, &self.weights.outw_back, none, layer);
    }

    #[inline(always)]
    fn h3_gradient<S: Simd>(&mut self, s: S) {
        let operands = self
            .scratch
            .vectors
            .each_ref()
            .map(|t| (&t.dropped, &t.d_h3));
        dense_gradient(s, operands, self.is_first, &mut self.scratch.sums.h3w);
    }

    /// Gradient of H2's sums, which is that of its biases.
    #[inline(always)]
    fn h3_backward<S: Simd>(&mut self, s: S) {
        let Scratch { vectors, sums } = &mut *self.scratch;
        let layer = H3Backward {
            recipe: self.recipe,
            biases: &mut sums.h2b,
        };
        let none = &[0.0; H2_UNITS];
        dense::<S, _, _, _, 6>(s, vectors, &self.weights.h3w_back, none, layer);
    }

    #[inline(always)]
    fn h2_gradient<S: Simd>(&mut self, s: S) {
        let vectors = self.scratch.vectors.each_ref().map(|t| (&t.h1[..], &t.h2));
        let sums = &mut self.scratch.sums.h2w;
        gradient(s, &vectors, &H2_SOURCES, self.is_first, sums);
    }

    /// Gradient of H1's sums, which is that of its biases.
    #[inline(always)]
    fn h2_backward<S: Simd>(&mut self, s: S) {
        let Scratch { vectors, sums } = &mut *self.scratch;
        let (w, activation) = (&self.weights.h2w, self.recipe.activation);
        h2_backward(s, vectors, w, activation, &mut sums.h1b);
    }

    #[inline(always)]
    fn h1_gradient<S: Simd>(&mut self, s: S) {
        let Scratch { vectors, sums } = &mut *self.scratch;
        let mut is_first = self.is_first;
        for t in vectors.iter() {
            gradient(s, &[(&t.x, &t.h1)], &H1_SOURCES, is_first, &mut sums.h1w);
            is_first = false;
        }
    }
}

struct H3Forward(Activation);

impl Layer<H2_UNITS> for H3Forward {
    #[inline(always)]
    fn below(t: &Activations16) -> &[Lanes; H2_UNITS] {
        &t.dropped
    }
    #[inline(always)]
    fn take<S: Simd>(&mut self, s: S, t: &mut Activations16, unit: usize, sum: S::V) {
        s.store(&mut t.h3[unit], activate(s, self.0, sum));
    }
}

struct OutForward<'a>(&'a Recipe);

impl Layer<H3_UNITS> for OutForward<'_> {
    #[inline(always)]
    fn below(t: &Activations16) -> &[Lanes; H3_UNITS] {
        &t.h3
    }
    #[inline(always)]
    fn take<S: Simd>(&mut self, s: S, t: &mut Activations16, unit: usize, sum: S::V) {
        let value = match self.0.loss {
            Loss::Mse => scaled_tanh(s, self.0.activation, sum),
            Loss::CrossEntropy => sum,
        };
        s.store(&mut t.out[unit], value);
    }
}

/// To H3's sums; their gradient is that of the biases.
struct OutBackward<'a> {
    activation: Activation,
    biases: &'a mut [Lanes; H3_UNITS],
}

impl Layer<CLASSES> for OutBackward<'_> {
    #[inline(always)]
    fn below(t: &Activations16) -> &[Lanes; CLASSES] {
        &t.d_out
    }
    #[inline(always)]
    fn take<S: Simd>(&mut self, s: S, t: &mut Activations16, unit: usize, sum: S::V) {
        let d = times_slope(s, self.activation, s.load(&t.h3[unit]), sum);
        s.store(&mut t.d_h3[unit], d);
        add_to(s, d, &mut self.biases[unit]);
    }
}

/// To H2's sums, over its activations; their gradient is that of the biases.
struct H3Backward<'a> {
    recipe: &'a Recipe,
    biases: &'a mut Units<H2_SIDE>,
}

impl Layer<H3_UNITS> for H3Backward<'_> {
    #[inline(always)]
    fn below(t: &Activations16) -> &[Lanes; H3_UNITS] {
        &t.d_h3
    }
    #[inline(always)]
    fn take<S: Simd>(&mut self, s: S, t: &mut Activations16, unit: usize, sum: S::V) {
        let mut d = sum;
        if self.recipe.dropout > 0.0 {
            d = s.mul(d, s.load(&t.factors[unit]));
        }
        let h2 = &mut t.h2.as_flattened_mut().as_flattened_mut()[unit];
        let d = times_slope(s, self.recipe.activation, s.load(h2), d);
        s.store(h2, d);
        let biases = self.biases.as_flattened_mut().as_flattened_mut();
        add_to(s, d, &mut biases[unit]);
    }
}

#[inline(always)]
fn add_to<S: Simd>(s: S, value: S::V, sum: &mut Lanes) {
    s.store(sum, s.add(s.load(sum), value));
}
