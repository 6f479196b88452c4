//! The stages of a training step, one function each. A chunk of examples goes through the whole net and back in their
//! order, tile by tile.

use std::ops::Range;

use super::dense::{dense_backward, dense_forward, dense_gradient};
use super::dropout::dropout_factors;
use super::h1::{h1_forward, h1_gradient};
use super::h2::{h2_backward, h2_forward, h2_gradient};
use super::input::input;
use super::loss::loss;
use super::sums::Sums;
use super::tile::{Activations16, TILE, VECTORS};
use super::weights::Weights;
use crate::cpu::activation::{activate, scaled_tanh, times_slope};
use crate::cpu::simd::{LANES, Lanes, Level, Quads, Simd, WithSimd};
use crate::data::{Dataset, Examples};
use crate::draw;
use crate::net::{H2_UNITS, H3_UNITS, Parameters};
use crate::recipe::{Loss, Recipe};

/// A stage of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named after what they compute
pub enum Stage {
    Input,
    H1Forward,
    H2Forward,
    H3Forward,
    OutForward,
    Loss,
    OutGradient,
    OutBackward,
    H3Gradient,
    H3Backward,
    H2Gradient,
    H2Backward,
    H1Gradient,
}

impl Stage {
    /// All stages, in the order of a step.
    pub const ALL: [Self; 13] = [
        Self::Input,
        Self::H1Forward,
        Self::H2Forward,
        Self::H3Forward,
        Self::OutForward,
        Self::Loss,
        Self::OutGradient,
        Self::OutBackward,
        Self::H3Gradient,
        Self::H3Backward,
        Self::H2Gradient,
        Self::H2Backward,
        Self::H1Gradient,
    ];
    /// The stages of an evaluation.
    pub const FORWARD: &[Self] = Self::ALL.split_at(6).0;
}

/// Memory of one thread: megabytes, kept out of the stack and from step to step.
pub(super) struct Scratch {
    pub(super) vectors: Box<[Activations16]>,
    pub(super) sums: Box<[Sums]>,
}

impl Scratch {
    /// All zeros.
    pub fn new() -> Self {
        Self {
            vectors: vec![Activations16::ZERO; VECTORS].into_boxed_slice(),
            sums: vec![Sums::ZERO].into_boxed_slice(),
        }
    }
}

/// A chunk's part of the loss, the misses and, in training, the gradient (without the padding's part).
#[derive(Clone)]
pub(super) struct PartialGradient {
    /// Sum of the examples' losses.
    pub loss: f64,
    /// Examples missed.
    pub misses: u32,
    /// The chunk's gradient.
    pub gradient: Parameters,
}

impl PartialGradient {
    /// The part of no examples.
    pub fn zero() -> Self {
        Self {
            loss: 0.0,
            misses: 0,
            gradient: Parameters::zeros(),
        }
    }
}

/// Inputs of a step, the same for all its examples.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    /// The examples.
    pub set: &'a dyn Examples,
    /// The present parameters.
    pub weights: &'a Weights,
    /// Functions, loss and noise.
    pub recipe: &'a Recipe,
    /// The step whose shift and dropout are drawn and whose gradient is computed; `None` to evaluate.
    pub step: Option<u32>,
}

/// A chunk of examples to run through stages.
pub(super) struct Chunk<'a> {
    /// Inputs that all chunks share.
    pub inputs: Inputs<'a>,
    /// Its examples, from a multiple of [`TILE`].
    pub examples: Range<usize>,
    /// The stages.
    pub stages: &'a [Stage],
    /// The thread's memory.
    pub scratch: &'a mut Scratch,
    /// Destination of the result.
    pub partial: &'a mut PartialGradient,
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Quads>(self, s: S) {
        let mut tile = Tile {
            inputs: self.inputs,
            first: 0,
            vectors: self.scratch.vectors.first_chunk_mut().expect("a tile"),
            sums: self.scratch.sums.first_mut().expect("one set of sums"),
            loss: 0.0,
            misses: 0,
        };
        let with_gradient = self.inputs.step.is_some();
        if with_gradient {
            tile.sums.clear();
        }
        for first in self.examples.step_by(TILE) {
            tile.first = first;
            for &stage in self.stages {
                tile.run(s, stage);
            }
        }
        (self.partial.loss, self.partial.misses) = (tile.loss, tile.misses);
        if with_gradient {
            tile.sums.finish(s, &mut self.partial.gradient);
        }
    }
}

/// A tile of examples on its way through the net and back.
struct Tile<'a> {
    inputs: Inputs<'a>,
    /// Its first example.
    first: usize,
    vectors: &'a mut [Activations16; VECTORS],
    sums: &'a mut Sums,
    loss: f64,
    misses: u32,
}

impl Tile<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, s: S, stage: Stage) {
        match stage {
            Stage::Input => self.input(s),
            Stage::H1Forward => self.h1_forward(s),
            Stage::H2Forward => self.h2_forward(s),
            Stage::H3Forward => self.h3_forward(s),
            Stage::OutForward => self.out_forward(s),
            Stage::Loss => self.loss(s),
            Stage::OutGradient => self.out_gradient(s),
            Stage::OutBackward => self.out_backward(s),
            Stage::H3Gradient => self.h3_gradient(s),
            Stage::H3Backward => self.h3_backward(s),
            Stage::H2Gradient => h2_gradient(s, self.vectors, &mut self.sums.h2w),
            Stage::H2Backward => self.h2_backward(s),
            Stage::H1Gradient => self.h1_gradient(s),
        }
    }

    #[inline(always)]
    fn input<S: Simd>(&mut self, s: S) {
        let Inputs { recipe, step, .. } = self.inputs;
        let shift = |example| match step {
            Some(step) => draw::shift(recipe.seed, step, example as u32, recipe.shift),
            None => (0, 0),
        };
        for (vector, t) in self.vectors.iter_mut().enumerate() {
            let first = self.first + vector * LANES;
            input(s, self.inputs.set, first, shift, &mut t.x);
        }
    }

    #[inline(always)]
    fn h1_forward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.inputs.weights, self.inputs.recipe.activation);
        for t in self.vectors.iter_mut() {
            h1_forward(s, &t.x, &w.h1w, &w.h1b, activation, &mut t.h1);
        }
    }

    /// H2, and dropout.
    #[inline(always)]
    fn h2_forward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.inputs.weights, self.inputs.recipe);
        for (vector, t) in self.vectors.iter_mut().enumerate() {
            h2_forward(s, &t.h1, &w.h2w, &w.h2b, recipe.activation, &mut t.h2);
            let h2 = t.h2.as_flattened().as_flattened();
            t.dropped.copy_from_slice(h2);
            if let Some(step) = self.inputs.step
                && recipe.dropout > 0.0
            {
                let first = (self.first + vector * LANES) as u32;
                dropout_factors(recipe.seed, step, recipe.dropout, first, &mut t.factors);
                for (value, factor) in t.dropped.iter_mut().zip(&t.factors) {
                    s.store(value, s.mul(s.load(value), s.load(factor)));
                }
            }
        }
    }

    #[inline(always)]
    fn h3_forward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.inputs.weights, self.inputs.recipe.activation);
        let operands = self.vectors.each_mut().map(|t| (&t.dropped, &mut t.h3));
        dense_forward(s, operands, &w.h3w, &w.h3b);
        for value in self.vectors.iter_mut().flat_map(|t| &mut t.h3) {
            s.store(value, activate(s, activation, s.load(value)));
        }
    }

    #[inline(always)]
    fn out_forward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.inputs.weights, self.inputs.recipe);
        let operands = self.vectors.each_mut().map(|t| (&t.h3, &mut t.out));
        dense_forward(s, operands, &w.outw, &w.outb);
        if recipe.loss == Loss::Mse {
            for value in self.vectors.iter_mut().flat_map(|t| &mut t.out) {
                s.store(value, scaled_tanh(s, recipe.activation, s.load(value)));
            }
        }
    }

    #[inline(always)]
    fn loss<S: Simd>(&mut self, s: S) {
        let Inputs { set, recipe, .. } = self.inputs;
        let scale = 1.0 / set.count() as f32;
        for (vector, t) in self.vectors.iter_mut().enumerate() {
            let start = (self.first + vector * LANES).min(set.count());
            let end = (start + LANES).min(set.count());
            let mut labels = [0; LANES];
            let labels = &mut labels[..end - start];
            for (label, example) in labels.iter_mut().zip(start..) {
                *label = set.label(example);
            }
            let (value, misses) = loss(s, &t.out, labels, recipe, scale, &mut t.d_out);
            self.loss += value;
            self.misses += misses;
        }
    }

    #[inline(always)]
    fn out_gradient<S: Simd>(&mut self, s: S) {
        for t in self.vectors.iter() {
            for (sum, d) in self.sums.outb.iter_mut().zip(&t.d_out) {
                add_to(s, s.load(d), sum);
            }
        }
        let operands = self.vectors.each_ref().map(|t| (&t.h3, &t.d_out));
        dense_gradient(s, operands, &mut self.sums.outw);
    }

    /// Gradient of H3's sums, which is that of its biases.
    #[inline(always)]
    fn out_backward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.inputs.weights, self.inputs.recipe.activation);
        let operands = self.vectors.each_mut().map(|t| (&t.d_out, &mut t.d_h3));
        dense_backward(s, operands, &w.outw);
        for t in self.vectors.iter_mut() {
            for unit in 0..H3_UNITS {
                let d = s.load(&t.d_h3[unit]);
                let d = times_slope(s, activation, s.load(&t.h3[unit]), d);
                s.store(&mut t.d_h3[unit], d);
                add_to(s, d, &mut self.sums.h3b[unit]);
            }
        }
    }

    #[inline(always)]
    fn h3_gradient<S: Simd>(&mut self, s: S) {
        let operands = self.vectors.each_ref().map(|t| (&t.dropped, &t.d_h3));
        dense_gradient(s, operands, &mut self.sums.h3w);
    }

    /// Gradient of H2's sums, which is that of its biases.
    #[inline(always)]
    fn h3_backward<S: Simd>(&mut self, s: S) {
        let (w, recipe) = (self.inputs.weights, self.inputs.recipe);
        // Nothing needs the input of H3 any more: its gradient takes its place.
        let operands = self.vectors.each_mut().map(|t| (&t.d_h3, &mut t.dropped));
        dense_backward(s, operands, &w.h3w);
        let biases = self.sums.h2b.as_flattened_mut().as_flattened_mut();
        for t in self.vectors.iter_mut() {
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

    /// Gradient of H1's sums, which is that of its biases.
    #[inline(always)]
    fn h2_backward<S: Simd>(&mut self, s: S) {
        let (w, activation) = (self.inputs.weights, self.inputs.recipe.activation);
        for t in self.vectors.iter_mut() {
            h2_backward(s, &t.h2, &w.h2w, activation, &mut t.h1, &mut self.sums.h1b);
        }
    }

    #[inline(always)]
    fn h1_gradient<S: Simd>(&mut self, s: S) {
        for t in self.vectors.iter() {
            h1_gradient(s, &t.x, &t.h1, &mut self.sums.h1w);
        }
    }
}

#[inline(always)]
fn add_to<S: Simd>(s: S, value: S::V, sum: &mut Lanes) {
    s.store(sum, s.add(s.load(sum), value));
}

/// A set's first tile, through which single stages are run: for benches.
pub struct FirstTile {
    level: Level,
    set: Dataset,
    recipe: Recipe,
    weights: Box<Weights>,
    pub(super) scratch: Scratch,
    partial: PartialGradient,
}

impl FirstTile {
    /// Number of examples.
    pub const EXAMPLES: usize = TILE;

    /// The tile before the first stage.
    pub fn new(level: Level, set: Dataset, recipe: Recipe, parameters: &Parameters) -> Self {
        let mut weights = Box::new(Weights::ZERO);
        weights.set(parameters);
        Self {
            level,
            set,
            recipe,
            weights,
            scratch: Scratch::new(),
            partial: PartialGradient::zero(),
        }
    }

    /// Runs stages on what the ones before have left, without shift and dropout. After the loss each overwrites
    /// activations with gradients and adds to sums: run often, the numbers mean nothing.
    pub fn run(&mut self, stages: &[Stage]) {
        self.level.run(Chunk {
            inputs: Inputs {
                set: &self.set,
                weights: &self.weights,
                recipe: &self.recipe,
                step: None,
            },
            examples: 0..TILE.min(self.set.len()),
            stages,
            scratch: &mut self.scratch,
            partial: &mut self.partial,
        });
    }
}
