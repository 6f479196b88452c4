//! Diagonal Newton's curvature of each weight (`crate::reference::add_curvature` has the formulas).
//!
//! Second derivatives run back over squared weights and squared slopes and meet squared inputs: the gradient's kernels
//! on squares. One sign is off: H2's kernel takes the padding for −1, whose square is 1. It gets H1's squares negated
//! instead, so that its sums come out as −h, whose magnitude is taken at the end.

use super::forward_backward::{Activations, KEEP_ALL, Moments, trained};
use super::input::{BACKGROUND, Columns, Set, place};
use super::layout::{CLASS_QUADS, H3_INPUT_QUADS, H3_QUADS, MAP_QUADS, Packed};
use super::rule::{Accumulate, Rule};
use super::{dense, h1, h2, loss};
use crate::cpu::activation::times_slope;
use crate::cpu::simd::{Lanes, Quads, WithSimd};
use crate::net::{H1_SIDE, H2_SIDE};

/// Squares of the layers' inputs.
struct Squares {
    x: Columns,
    /// Negated.
    h1: h1::Units,
    h2: h2::Units,
    h3: [Lanes; H3_QUADS / 4],
}

impl Squares {
    const ZERO: Self = Self {
        x: BACKGROUND,
        h1: [[[Lanes::ZERO; 2]; H1_SIDE]; MAP_QUADS],
        h2: [[Lanes::ZERO; H2_SIDE]; MAP_QUADS],
        h3: [Lanes::ZERO; H3_QUADS / 4],
    };

    /// Squares the activations of an example that has been run forward.
    #[inline(always)]
    fn take<S: Quads>(&mut self, s: S, activations: &Activations) {
        square(s, activations.x.as_flattened(), self.x.as_flattened_mut());
        let h1 = self.h1.as_flattened_mut().as_flattened_mut();
        square(s, activations.h1.as_flattened().as_flattened(), h1);
        for lanes in h1 {
            let negated = s.sub(s.splat(0.0), s.load(lanes));
            s.store(lanes, negated);
        }
        square(s, activations.h2.as_flattened(), self.h2.as_flattened_mut());
        square(s, &activations.h3, &mut self.h3);
    }
}

#[inline(always)]
fn square<S: Quads>(s: S, from: &[Lanes], to: &mut [Lanes]) {
    for (from, to) in from.iter().zip(to) {
        let value = s.load(from);
        s.store(to, s.mul(value, value));
    }
}

/// Makes each weight's 1/(μ + h), in `moments.second`; h is a mean over the sample, without shift and dropout.
pub struct Curvature<'a> {
    /// The training set.
    pub set: &'a Set,
    /// Number of its first examples to estimate on; at least one, at most all.
    pub sample: usize,
    /// μ.
    pub damping: f32,
    /// Memory for an example.
    pub activations: &'a mut Activations,
    /// The weights, and where the steps go.
    pub moments: &'a mut Moments,
}

impl WithSimd for Curvature<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Quads>(self, s: S) {
        let weights = self.moments.weights.unpack();
        let mut sums = Moments {
            weights: Packed::pack(&weights.map(|w| w * w)),
            first: Box::new(Packed::ZERO),
            second: Box::new(Packed::ZERO),
        };
        let rule = Accumulate {
            scale: 1.0 / self.sample as f32,
        };
        let mut squares = Box::new(Squares::ZERO);
        self.activations.factors = KEEP_ALL;
        for example in 0..self.sample {
            place(self.set.image(example), &mut self.activations.x);
            self.activations.forward(s, &self.moments.weights);
            squares.take(s, self.activations);
            second_backward(s, self.activations, &squares, &mut sums, rule);
        }
        let h = sums.first.unpack();
        let damping = self.damping;
        self.moments.second = Packed::pack(&h.map(|h| 1.0 / (damping + h.abs())));
    }
}

/// Runs second derivatives back from the loss, in the places of the gradients.
///
/// - `sums.weights`: the weights squared; `sums.first`: what the rule adds up
#[inline(always)]
fn second_backward<S: Quads>(
    s: S,
    activations: &mut Activations,
    squares: &Squares,
    sums: &mut Moments,
    rule: Accumulate,
) {
    let f = activations.activation;
    let d_out = loss::curvature(s, f, activations.loss, &activations.out, rule.loss_scale());
    let (w, d_h3) = (trained!(sums, outw), &mut activations.d_h3);
    let d = std::slice::from_ref(&d_out);
    dense::backward::<S, Accumulate, H3_QUADS, CLASS_QUADS>(s, &squares.h3, d, w, rule, d_h3);
    rule.take(s, trained!(sums, outb).at(0), s.load(&d_out));
    for (at, (d, h3)) in d_h3.iter_mut().zip(&activations.h3).enumerate() {
        let value = s.load(h3);
        let slope_once = times_slope(s, f, value, s.load(d));
        s.store(d, times_slope(s, f, value, slope_once));
        rule.take(s, trained!(sums, h3b).at(at), s.load(d));
    }
    let (x, d_h2) = (
        squares.h2.as_flattened(),
        activations.d_h2.as_flattened_mut(),
    );
    let w = trained!(sums, h3w);
    dense::backward::<S, Accumulate, H3_INPUT_QUADS, H3_QUADS>(s, x, d_h3, w, rule, d_h2);
    for (d, h2) in d_h2.iter_mut().zip(activations.h2.as_flattened()) {
        let value = s.load(h2);
        let slope_once = times_slope(s, f, value, s.load(d));
        s.store(d, times_slope(s, f, value, slope_once));
    }
    h2::repeat(s, &activations.d_h2, &mut activations.d_h2_repeated);
    let repeated = &activations.d_h2_repeated;
    // This multiplies by the slopes once.
    h2::backward(
        s,
        repeated,
        &sums.weights.h2w,
        &activations.h1,
        f,
        &mut activations.d_h1,
    );
    let d_h1 = activations.d_h1.as_flattened_mut().as_flattened_mut();
    for (d, h1) in d_h1
        .iter_mut()
        .zip(activations.h1.as_flattened().as_flattened())
    {
        let value = s.transpose(s.load(h1));
        s.store(d, times_slope(s, f, value, s.load(d)));
    }
    let (w, b) = (trained!(sums, h2w), trained!(sums, h2b));
    h2::gradient(s, &squares.h1, &activations.d_h2, repeated, w, b, rule);
    let (w, b) = (trained!(sums, h1w), trained!(sums, h1b));
    h1::gradient(s, &squares.x, &activations.d_h1, w, b, rule);
}
