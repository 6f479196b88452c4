//! One example forward and, with a rule, back.

use std::slice::{from_mut, from_ref};

use bytemuck::{Pod, Zeroable};

use super::input::Columns;
use super::layout::{CLASS_QUADS, H3_INPUT_QUADS, H3_QUADS, MAP_QUADS, Moments, Packed, trained};
use super::rule::Rule;
use super::{dense, h1, h2, loss};
use crate::cpu::activation::{activate, times_slope};
use crate::cpu::simd::{Lanes, Simd};
use crate::net::H2_SIDE;
use crate::recipe::{Activation, Recipe};

/// Dropout's factors when nothing is dropped.
pub const KEEP_ALL: h2::Units = [[Lanes([1.0; 16]); H2_SIDE]; MAP_QUADS];

/// The layers' inputs.
#[derive(Clone, Copy, Zeroable, Pod)]
#[repr(C)]
pub struct Inputs {
    /// The padded image.
    pub x: Columns,
    /// Lanes `[column][map]`.
    pub h1: h1::Units,
    /// H2 after dropout.
    pub dropped: h2::Units,
    pub h3: [Lanes; H3_QUADS / 4],
}

/// One example on its way forward.
#[derive(Zeroable)]
pub struct Activations {
    pub inputs: Inputs,
    /// H2 before dropout.
    h2: h2::Units,
    /// Dropout's.
    pub factors: h2::Units,
    h2_edges: h2::Edges,
    /// The outputs, lanes `[class]`.
    pub out: Lanes,
}

/// Gradients of the layers' sums.
#[derive(Zeroable)]
pub struct Gradients {
    pub out: Lanes,
    h3: [Lanes; H3_QUADS / 4],
    h2: h2::Units,
    h2_repeated: h2::Repeated,
    h2_edges: h2::Edges,
    /// Lanes `[map][column]`.
    h1: h1::Units,
}

/// Memory for one example.
#[derive(Zeroable)]
pub struct Memory {
    pub values: Activations,
    pub gradients: Gradients,
}

impl Memory {
    /// Runs the image forward, and back from the loss, which it returns, handing each gradient to the rule.
    #[inline(always)]
    pub fn forward_backward<S: Simd, R: Rule>(
        &mut self,
        s: S,
        recipe: &Recipe,
        label: u8,
        moments: &mut Moments,
        rule: R,
    ) -> f32 {
        let (values, d) = (&mut self.values, &mut self.gradients);
        values.forward(s, recipe, &moments.weights);
        let scale = rule.loss_scale();
        let value = loss::loss(s, recipe, &values.out, label, scale, &mut d.out);
        let f = recipe.activation;
        backward::<S, R, false>(s, f, values, &values.inputs, d, moments, rule);
        value
    }
}

impl Activations {
    /// Runs the image through the net, to `out`.
    #[inline(always)]
    pub fn forward<S: Simd>(&mut self, s: S, recipe: &Recipe, w: &Packed) {
        let (f, inputs) = (recipe.activation, &mut self.inputs);
        h1::forward(s, &inputs.x, &w.h1w, &w.h1b, f, &mut inputs.h1);
        let (edges, h2) = (&mut self.h2_edges, &mut self.h2);
        h2::forward(
            s,
            &inputs.h1,
            &w.h2w,
            &w.h2b,
            f,
            edges,
            h2,
            w.h3w.as_flattened(),
        );
        for group in 0..MAP_QUADS {
            for row in 0..H2_SIDE {
                let value = s.load(&self.h2[group][row]);
                let kept = s.mul(value, s.load(&self.factors[group][row]));
                s.store(&mut inputs.dropped[group][row], kept);
            }
        }
        let (x, sums) = (inputs.dropped.as_flattened(), &mut inputs.h3);
        if S::MANY_REGISTERS {
            dense::forward::<S, H3_INPUT_QUADS, H3_QUADS, 8>(s, x, &w.h3w, &w.h3b, sums);
        } else {
            dense::forward::<S, H3_INPUT_QUADS, H3_QUADS, 4>(s, x, &w.h3w, &w.h3b, sums);
        }
        for h3 in sums.iter_mut() {
            s.store(h3, activate(s, f, s.load(h3)));
        }
        let out = from_mut(&mut self.out);
        dense::forward::<S, H3_QUADS, CLASS_QUADS, 3>(s, &inputs.h3, &w.outw, &w.outb, out);
        let out = loss::outputs(s, recipe, s.load(&self.out));
        s.store(&mut self.out, out);
    }
}

/// Runs back from `d.out`, handing each gradient to the rule.
///
/// With `SECOND` it runs second derivatives back, for which weights and inputs are squared and every slope counts twice.
#[inline(always)]
pub fn backward<S: Simd, R: Rule, const SECOND: bool>(
    s: S,
    f: Activation,
    values: &Activations,
    inputs: &Inputs,
    d: &mut Gradients,
    moments: &mut Moments,
    rule: R,
) {
    let (w, d_out) = (trained!(moments, outw), from_ref(&d.out));
    dense::backward::<S, R, H3_QUADS, CLASS_QUADS>(s, &inputs.h3, d_out, w, rule, &mut d.h3);
    rule.take(s, trained!(moments, outb).at(0), s.load(&d.out));
    for (d, h3) in d.h3.iter_mut().zip(&values.inputs.h3) {
        s.store(d, slope::<S, SECOND>(s, f, s.load(h3), s.load(d)));
    }
    let (x, d_x) = (inputs.dropped.as_flattened(), d.h2.as_flattened_mut());
    let w = trained!(moments, h3w);
    dense::backward::<S, R, H3_INPUT_QUADS, H3_QUADS>(s, x, &d.h3, w, rule, d_x);
    let h2 = values.h2.as_flattened().iter();
    for (d, (h2, factor)) in d_x.iter_mut().zip(h2.zip(values.factors.as_flattened())) {
        let sum = s.mul(s.load(d), s.load(factor));
        s.store(d, slope::<S, SECOND>(s, f, s.load(h2), sum));
    }
    for (at, d) in d.h3.iter().enumerate() {
        rule.take(s, trained!(moments, h3b).at(at), s.load(d));
    }
    h2::repeat(s, &d.h2, &mut d.h2_repeated);
    let (w, h1) = (&moments.weights.h2w, &values.inputs.h1);
    h2::backward::<S, SECOND>(s, &d.h2_repeated, w, h1, f, &mut d.h1);
    let (w, b) = (trained!(moments, h2w), trained!(moments, h2b));
    let edges = &mut d.h2_edges;
    h2::gradient(s, &inputs.h1, &d.h2, &d.h2_repeated, edges, w, b, rule);
    let (w, b) = (trained!(moments, h1w), trained!(moments, h1b));
    h1::gradient(s, &inputs.x, &d.h1, w, b, rule);
}

/// `d` times the nonlinearity's derivative at `value`, or with `SECOND` its square.
#[inline(always)]
pub fn slope<S: Simd, const SECOND: bool>(s: S, f: Activation, value: S::V, d: S::V) -> S::V {
    let once = times_slope(s, f, value, d);
    if SECOND {
        times_slope(s, f, value, once)
    } else {
        once
    }
}
