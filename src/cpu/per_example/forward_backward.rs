//! One example forward and, with a rule, back.

use super::input::{BACKGROUND, Columns};
use super::layout::{CLASS_QUADS, H3_INPUT_QUADS, H3_QUADS, MAP_QUADS, Packed};
use super::rule::Rule;
use super::{dense, h1, h2, loss};
use crate::cpu::activation::{activate, times_slope};
use crate::cpu::simd::{Lanes, Quads};
use crate::net::{H1_SIDE, H2_SIDE, Parameters};
use crate::recipe::{Activation, Loss};

/// Dropout's factors when nothing is dropped.
pub const KEEP_ALL: h2::Units = [[Lanes([1.0; 16]); H2_SIDE]; MAP_QUADS];

/// The weights and the optimizer's moments.
pub struct Moments {
    /// Weights and biases.
    pub weights: Box<Packed>,
    /// AdamW's first moment, SGD's momentum buffer, or a gradient being summed.
    pub first: Box<Packed>,
    /// AdamW's second moment, or diagonal Newton's 1/(μ + h).
    pub second: Box<Packed>,
}

impl Moments {
    /// These parameters, and moments of zero.
    pub fn start(parameters: &Parameters) -> Self {
        Self {
            weights: Packed::pack(parameters),
            first: Box::new(Packed::ZERO),
            second: Box::new(Packed::ZERO),
        }
    }
}

/// The same tensor among the weights and both moments.
macro_rules! trained {
    ($moments:ident, $tensor:ident) => {
        $crate::cpu::per_example::layout::Trained {
            weights: &mut $moments.weights.$tensor,
            first: &mut $moments.first.$tensor,
            second: &mut $moments.second.$tensor,
        }
    };
}
pub(super) use trained;

/// Activations and gradients of one example.
pub struct Activations {
    /// The hidden layers' nonlinearity.
    pub activation: Activation,
    /// The loss.
    pub loss: Loss,
    /// The padded image.
    pub x: Columns,
    /// Dropout's factors.
    pub factors: h2::Units,
    /// The outputs, lanes `[class]`.
    pub out: Lanes,
    /// Lanes `[column][map]`.
    pub(super) h1: h1::Units,
    pub(super) h2: h2::Units,
    /// H2 after dropout.
    dropped: h2::Units,
    pub(super) h3: [Lanes; H3_QUADS / 4],
    d_out: Lanes,
    pub(super) d_h3: [Lanes; H3_QUADS / 4],
    pub(super) d_h2: h2::Units,
    pub(super) d_h2_repeated: h2::Repeated,
    /// Lanes `[map][column]`.
    pub(super) d_h1: h1::Units,
}

impl Activations {
    /// Memory for one example.
    pub fn new(activation: Activation, loss: Loss) -> Self {
        let h1 = [[[Lanes::ZERO; 2]; H1_SIDE]; MAP_QUADS];
        let h2 = [[Lanes::ZERO; H2_SIDE]; MAP_QUADS];
        Self {
            activation,
            loss,
            x: BACKGROUND,
            factors: KEEP_ALL,
            out: Lanes::ZERO,
            h1,
            h2,
            dropped: h2,
            h3: [Lanes::ZERO; H3_QUADS / 4],
            d_out: Lanes::ZERO,
            d_h3: [Lanes::ZERO; H3_QUADS / 4],
            d_h2: h2,
            d_h2_repeated: [[[Lanes::ZERO; H2_SIDE]; H2_SIDE]; MAP_QUADS],
            d_h1: h1,
        }
    }

    /// Runs `x` through the net, to `out`.
    #[inline(always)]
    pub fn forward<S: Quads>(&mut self, s: S, w: &Packed) {
        let f = self.activation;
        h1::forward(s, &self.x, &w.h1w, &w.h1b, f, &mut self.h1);
        h2::forward(s, &self.h1, &w.h2w, &w.h2b, f, &mut self.h2);
        for group in 0..MAP_QUADS {
            for row in 0..H2_SIDE {
                let value = s.load(&self.h2[group][row]);
                let kept = s.mul(value, s.load(&self.factors[group][row]));
                s.store(&mut self.dropped[group][row], kept);
            }
        }
        let (x, sums) = (self.dropped.as_flattened(), &mut self.h3);
        if S::REGISTERS >= 32 {
            dense::forward::<S, H3_INPUT_QUADS, H3_QUADS, 8>(s, x, &w.h3w, &w.h3b, sums);
        } else {
            dense::forward::<S, H3_INPUT_QUADS, H3_QUADS, 4>(s, x, &w.h3w, &w.h3b, sums);
        }
        for h3 in &mut self.h3 {
            let value = activate(s, f, s.load(h3));
            s.store(h3, value);
        }
        let sums = std::slice::from_mut(&mut self.out);
        dense::forward::<S, H3_QUADS, CLASS_QUADS, 3>(s, &self.h3, &w.outw, &w.outb, sums);
        let out = loss::outputs(s, f, self.loss, s.load(&self.out));
        s.store(&mut self.out, out);
    }

    /// Runs back from the loss, handing each gradient to the rule; returns the loss.
    #[inline(always)]
    pub fn backward<S: Quads, R: Rule>(
        &mut self,
        s: S,
        label: usize,
        moments: &mut Moments,
        rule: R,
    ) -> f32 {
        let f = self.activation;
        let scale = rule.loss_scale();
        let value = loss::loss(s, f, self.loss, &self.out, label, scale, &mut self.d_out);
        let d_out = std::slice::from_ref(&self.d_out);
        let (w, d_h3) = (trained!(moments, outw), &mut self.d_h3);
        dense::backward::<S, R, H3_QUADS, CLASS_QUADS>(s, &self.h3, d_out, w, rule, d_h3);
        rule.take(s, trained!(moments, outb).at(0), s.load(&self.d_out));
        for (d, h3) in d_h3.iter_mut().zip(&self.h3) {
            let sum = times_slope(s, f, s.load(h3), s.load(d));
            s.store(d, sum);
        }
        let (x, d_x) = (self.dropped.as_flattened(), self.d_h2.as_flattened_mut());
        let w = trained!(moments, h3w);
        dense::backward::<S, R, H3_INPUT_QUADS, H3_QUADS>(s, x, d_h3, w, rule, d_x);
        let values = self.h2.as_flattened().iter();
        for (d, (h2, factor)) in d_x.iter_mut().zip(values.zip(self.factors.as_flattened())) {
            let sum = s.mul(s.load(d), s.load(factor));
            s.store(d, times_slope(s, f, s.load(h2), sum));
        }
        for (at, d) in self.d_h3.iter().enumerate() {
            rule.take(s, trained!(moments, h3b).at(at), s.load(d));
        }
        h2::repeat(s, &self.d_h2, &mut self.d_h2_repeated);
        let repeated = &self.d_h2_repeated;
        let h2w = &moments.weights.h2w;
        h2::backward(s, repeated, h2w, &self.h1, f, &mut self.d_h1);
        let (w, b) = (trained!(moments, h2w), trained!(moments, h2b));
        h2::gradient(s, &self.h1, &self.d_h2, repeated, w, b, rule);
        let (w, b) = (trained!(moments, h1w), trained!(moments, h1b));
        h1::gradient(s, &self.x, &self.d_h1, w, b, rule);
        value
    }
}
