//! A chunk of examples through the whole net and back, tile by tile.

use std::ops::Range;

use super::dense::{dense_backward, dense_forward, dense_gradient};
use super::dropout::dropout_factors;
use super::h1::{h1_forward, h1_gradient};
use super::h2::{h2_backward, h2_forward, h2_gradient};
use super::input::input;
use super::loss::loss;
use super::sums::Sums;
use super::tile::{Sixteen, TILE, VECTORS, activate, times_slope};
use super::weights::Weights;
use crate::cpu::scaled_tanh::scaled_tanh;
use crate::cpu::simd::{Kernel, LANES, Lanes, Simd};
use crate::data::Examples;
use crate::draw;
use crate::net::{H2_UNITS, H3_UNITS, Parameters};
use crate::recipe::{Loss, Recipe};

/// What one thread works on; megabytes are kept out of the stack and from step to step.
pub struct Scratch {
    tile: Box<[Sixteen]>,
    sums: Box<[Sums]>,
}

impl Scratch {
    /// All zeros.
    pub fn new() -> Self {
        Self {
            tile: vec![Sixteen::ZERO; VECTORS].into_boxed_slice(),
            sums: vec![Sums::ZERO].into_boxed_slice(),
        }
    }

    /// The tile and the sums.
    #[inline(always)]
    pub fn parts(&mut self) -> (&mut [Sixteen; VECTORS], &mut Sums) {
        let tile = self.tile.first_chunk_mut().expect("a whole tile");
        let sums = self.sums.first_mut().expect("one set of sums");
        (tile, sums)
    }
}

/// What a chunk gave: the sum of its examples' losses, how many were missed, and, of training, its share of the
/// gradient (without the padding's).
#[derive(Clone)]
pub struct Share {
    /// Sum of the losses.
    pub loss: f64,
    /// Examples missed.
    pub misses: u32,
    /// The chunk's gradient.
    pub gradient: Parameters,
}

/// A chunk to run: forward only, or with the gradient.
pub struct Chunk<'a> {
    /// Where the examples are.
    pub set: &'a dyn Examples,
    /// Which ones; starts at a multiple of [`TILE`].
    pub examples: Range<usize>,
    /// The present parameters.
    pub weights: &'a Weights,
    /// What is computed.
    pub recipe: &'a Recipe,
    /// The step whose shift and dropout are drawn, and of which the gradient is wanted; `None` to evaluate.
    pub step: Option<u32>,
    /// The thread's memory.
    pub scratch: &'a mut Scratch,
    /// Where the result goes.
    pub share: &'a mut Share,
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            set,
            weights,
            recipe,
            step,
            scratch,
            share,
            ..
        } = self;
        let (tile, sums) = scratch.parts();
        if step.is_some() {
            sums.clear();
        }
        (share.loss, share.misses) = (0.0, 0);
        for first in self.examples.clone().step_by(TILE) {
            forward(s, set, first, weights, recipe, step, tile);
            for (vector, sixteen) in tile.iter_mut().enumerate() {
                let start = (first + vector * LANES).min(set.count());
                let end = (start + LANES).min(set.count());
                let mut labels = [0; LANES];
                let labels = &mut labels[..end - start];
                for (label, example) in labels.iter_mut().zip(start..) {
                    *label = set.label(example);
                }
                let scale = 1.0 / set.count() as f32;
                let Sixteen { out, d_out, .. } = sixteen;
                let (value, misses) = loss(s, out, labels, recipe, scale, d_out);
                share.loss += value;
                share.misses += misses;
            }
            if step.is_some() {
                backward(s, weights, recipe, tile, sums);
            }
        }
        if step.is_some() {
            sums.finish(s, &mut share.gradient);
        }
    }
}

/// The images of the tile that starts at `first`, and all activations.
#[inline(always)]
fn forward<S: Simd>(
    s: S,
    set: &dyn Examples,
    first: usize,
    weights: &Weights,
    recipe: &Recipe,
    step: Option<u32>,
    tile: &mut [Sixteen; VECTORS],
) {
    let activation = recipe.activation;
    for (vector, sixteen) in tile.iter_mut().enumerate() {
        let first = first + vector * LANES;
        let Sixteen {
            x,
            h1,
            h2,
            factors,
            dropped,
            ..
        } = sixteen;
        let shift = |example| match step {
            Some(step) => draw::shift(recipe.seed, step, example as u32, recipe.shift),
            None => (0, 0),
        };
        input(s, set, first, shift, x);
        h1_forward(s, x, &weights.h1w, &weights.h1b, activation, h1);
        h2_forward(s, h1, &weights.h2w, &weights.h2b, activation, h2);
        dropped.copy_from_slice(h2.as_flattened().as_flattened());
        if let Some(step) = step
            && recipe.dropout > 0.0
        {
            dropout_factors(recipe.seed, step, recipe.dropout, first as u32, factors);
            for (value, factor) in dropped.iter_mut().zip(factors) {
                let kept = s.mul(s.load(value), s.load(factor));
                s.store(value, kept);
            }
        }
    }
    let operands = tile.each_mut().map(|t| (&t.dropped, &mut t.h3));
    dense_forward(s, operands, &weights.h3w, &weights.h3b);
    for value in tile.iter_mut().flat_map(|t| &mut t.h3) {
        s.store(value, activate(s, activation, s.load(value)));
    }
    let operands = tile.each_mut().map(|t| (&t.h3, &mut t.out));
    dense_forward(s, operands, &weights.outw, &weights.outb);
    if recipe.loss == Loss::Mse {
        for value in tile.iter_mut().flat_map(|t| &mut t.out) {
            s.store(value, scaled_tanh(s, activation, s.load(value)));
        }
    }
}

/// Back from `d_out`, every layer's gradient added to the sums.
#[inline(always)]
fn backward<S: Simd>(
    s: S,
    weights: &Weights,
    recipe: &Recipe,
    tile: &mut [Sixteen; VECTORS],
    sums: &mut Sums,
) {
    let activation = recipe.activation;
    for sixteen in tile.iter() {
        for (sum, d) in sums.outb.iter_mut().zip(&sixteen.d_out) {
            add_to(s, s.load(d), sum);
        }
    }
    let operands = tile.each_ref().map(|t| (&t.h3, &t.d_out));
    dense_gradient(s, operands, &mut sums.outw);

    let operands = tile.each_mut().map(|t| (&t.d_out, &mut t.d_h3));
    dense_backward(s, operands, &weights.outw);
    for sixteen in tile.iter_mut() {
        for unit in 0..H3_UNITS {
            let h3 = s.load(&sixteen.h3[unit]);
            let sum = s.load(&sixteen.d_h3[unit]);
            let gradient = times_slope(s, activation, h3, sum);
            s.store(&mut sixteen.d_h3[unit], gradient);
            add_to(s, gradient, &mut sums.h3b[unit]);
        }
    }
    let operands = tile.each_ref().map(|t| (&t.dropped, &t.d_h3));
    dense_gradient(s, operands, &mut sums.h3w);

    // Nothing needs the input of H3 any more: its gradient takes its place.
    let operands = tile.each_mut().map(|t| (&t.d_h3, &mut t.dropped));
    dense_backward(s, operands, &weights.h3w);
    let biases = sums.h2b.as_flattened_mut().as_flattened_mut();
    for sixteen in tile.iter_mut() {
        let h2 = sixteen.h2.as_flattened_mut().as_flattened_mut();
        for unit in 0..H2_UNITS {
            let mut sum = s.load(&sixteen.dropped[unit]);
            if recipe.dropout > 0.0 {
                sum = s.mul(sum, s.load(&sixteen.factors[unit]));
            }
            let gradient = times_slope(s, activation, s.load(&h2[unit]), sum);
            s.store(&mut h2[unit], gradient);
            add_to(s, gradient, &mut biases[unit]);
        }
    }
    h2_gradient(s, tile, &mut sums.h2w);

    for sixteen in tile.iter_mut() {
        let Sixteen { x, h1, h2, .. } = sixteen;
        h2_backward(s, h2, &weights.h2w, activation, h1, &mut sums.h1b);
        h1_gradient(s, x, h1, &mut sums.h1w);
    }
}

#[inline(always)]
fn add_to<S: Simd>(s: S, value: S::V, sum: &mut Lanes) {
    s.store(sum, s.add(s.load(sum), value));
}
