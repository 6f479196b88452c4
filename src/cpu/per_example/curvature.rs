//! Diagonal Newton's curvature of each weight (`crate::reference::add_curvature` has the formulas).
//!
//! Second derivatives run back over squared weights and squared slopes and meet squared inputs: the gradient's kernels
//! on squares. One sign is off: H2's kernel takes the padding for −1, whose square is 1. It gets H1's squares negated
//! instead, so that its sums come out as −h, whose magnitude is taken at the end.

use std::slice::{from_mut, from_ref};

use bytemuck::{cast_slice, cast_slice_mut, zeroed_box};

use super::forward_backward::{Inputs, KEEP_ALL, backward};
use super::input::place;
use super::layout::{Moments, Packed};
use super::rule::{Accumulate, Rule};
use super::{PerExample, loss};
use crate::cpu::simd::{Lanes, Simd, WithSimd};

/// Writes squares over `to`, those of H1 negated.
#[inline(always)]
fn square<S: Simd>(s: S, from: &Inputs, to: &mut Inputs) {
    let vectors = cast_slice::<_, Lanes>(from_ref(from)).iter();
    for (from, to) in vectors.zip(cast_slice_mut(from_mut(to))) {
        let value = s.load(from);
        s.store(to, s.mul(value, value));
    }
    for lanes in to.h1.as_flattened_mut().as_flattened_mut() {
        s.store(lanes, s.sub(s.splat(0.0), s.load(lanes)));
    }
}

/// Makes each weight's 1/(μ + h), in `moments.second`; h is a mean over the sample, without shift and dropout.
pub struct Curvature<'a>(pub &'a mut PerExample);

impl WithSimd for Curvature<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let PerExample {
            train,
            recipe,
            memory,
            moments,
            ..
        } = self.0;
        let weights = moments.weights.unpack();
        let mut sums = Moments::start(Packed::pack(&weights.map(|w| w * w)));
        let sample = train.labels.len().min(recipe.curvature_sample as usize);
        let rule = Accumulate(1.0 / sample as f32);
        let mut squares: Box<Inputs> = zeroed_box();
        let (values, d) = (&mut memory.values, &mut memory.gradients);
        values.factors = KEEP_ALL;
        for example in 0..sample {
            place(train.image(example), &mut values.inputs.x);
            values.forward(s, recipe, &moments.weights);
            square(s, &values.inputs, &mut squares);
            d.out = loss::curvature(s, recipe, &values.out, rule.loss_scale());
            let f = recipe.activation;
            backward::<S, _, true>(s, f, values, &squares, d, &mut sums, rule);
        }
        let h = sums.first.unpack();
        let damping = recipe.damping as f32;
        moments.second = Packed::pack(&h.map(|h| 1.0 / (damping + h.abs())));
    }
}
