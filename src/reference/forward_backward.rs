//! One example through the whole net and back.

use super::*;
use crate::net::{
    CLASSES, H1_UNITS, H1B, H1W, H2_UNITS, H2B, H2W, H3_UNITS, H3B, H3W, OUTB, OUTW,
    ParameterTensor, Parameters,
};
use crate::recipe::Functions;

/// Adds one example's share: (what is below, gradient above, `d_w`, `d_b`).
type GradientKernel<T> = fn(&[T], &[T], &mut [T], &mut [T]);

/// Activations and gradients of one example; every field is filled by [`Activations::forward`] and [`Activations::backward`].
#[derive(Debug, Clone)]
pub struct Activations<T> {
    /// Padded image, `[20][20]`.
    pub x: Vec<T>,
    /// `[12][8][8]`.
    pub h1: Vec<T>,
    /// `[12][4][4]`.
    pub h2: Vec<T>,
    /// Dropout's factors, `[192]`.
    pub factors: Vec<T>,
    /// H2 after dropout, `[192]`.
    pub dropped: Vec<T>,
    /// `[30]`.
    pub h3: Vec<T>,
    /// `[10]`: tanh outputs for MSE, logits for cross-entropy.
    pub out: Vec<T>,
    /// Gradient of the output's sums, `[10]`.
    pub d_out: Vec<T>,
    /// Gradient of H3's sums, `[30]`.
    pub d_h3: Vec<T>,
    /// Gradient of H2's sums, `[12][4][4]`.
    pub d_h2: Vec<T>,
    /// Gradient of H1's sums, `[12][8][8]`.
    pub d_h1: Vec<T>,
}

impl<T: Real> Activations<T> {
    /// Runs the net on an image as it is, without shift and dropout: pixel codes `[16][16]` over their denominator.
    pub fn evaluation(
        parameters: &Parameters<T>,
        codes: &[u16],
        denominator: u16,
        functions: Functions,
    ) -> Self {
        let x = input(codes, denominator, (0, 0));
        Self::forward(parameters, x, vec![T::one(); H2_UNITS], functions)
    }

    /// Runs the net on a padded image; `factors` are dropout's, all one in evaluation.
    pub fn forward(
        parameters: &Parameters<T>,
        x: Vec<T>,
        factors: Vec<T>,
        Functions { activation, loss }: Functions,
    ) -> Self {
        let zeros = |length| vec![T::zero(); length];
        let mut values = Self {
            x,
            h1: zeros(H1_UNITS),
            h2: zeros(H2_UNITS),
            factors,
            dropped: zeros(H2_UNITS),
            h3: zeros(H3_UNITS),
            out: zeros(CLASSES),
            d_out: zeros(CLASSES),
            d_h3: zeros(H3_UNITS),
            d_h2: zeros(H2_UNITS),
            d_h1: zeros(H1_UNITS),
        };
        let (p, f, v) = (|tensor| parameters.tensor(tensor), activation, &mut values);
        h1_forward(&v.x, p(&H1W), p(&H1B), f, &mut v.h1);
        h2_forward(&v.h1, p(&H2W), p(&H2B), f, &mut v.h2);
        dropout(&v.h2, &v.factors, &mut v.dropped);
        h3_forward(&v.dropped, p(&H3W), p(&H3B), f, &mut v.h3);
        out_forward(&v.h3, p(&OUTW), p(&OUTB), f, loss, &mut v.out);
        values
    }

    /// The loss, and whether the outputs miss the label; fills `d_out` with `scale` times the loss's gradient.
    pub fn loss(&mut self, label: u8, functions: Functions, scale: T) -> (T, bool) {
        let Functions {
            activation,
            loss: kind,
        } = functions;
        loss(&self.out, label, activation, kind, scale, &mut self.d_out)
    }

    /// Runs back from `d_out`, which [`Activations::loss`] has filled.
    pub fn backward(&mut self, parameters: &Parameters<T>, f: Activation) {
        let (p, v) = (|tensor| parameters.tensor(tensor), self);
        out_backward(&v.d_out, p(&OUTW), &v.h3, f, &mut v.d_h3);
        h3_backward(&v.d_h3, p(&H3W), &v.h2, &v.factors, f, &mut v.d_h2);
        h2_backward(&v.d_h2, p(&H2W), &v.h1, f, &mut v.d_h1);
    }

    /// Adds this example's share to the gradient.
    pub fn add_gradient(&self, gradient: &mut Parameters<T>) {
        let mut add = |weights: &ParameterTensor,
                       biases: &ParameterTensor,
                       kernel: GradientKernel<T>,
                       below: &[T],
                       above: &[T]| {
            // A layer's biases follow its weights, so the two can be borrowed together.
            let (head, tail) = gradient.flat_mut().split_at_mut(biases.offset);
            let (d_w, d_b) = (&mut head[weights.range()], &mut tail[..biases.len()]);
            kernel(below, above, d_w, d_b);
        };
        add(&OUTW, &OUTB, out_gradient, &self.h3, &self.d_out);
        add(&H3W, &H3B, h3_gradient, &self.dropped, &self.d_h3);
        add(&H2W, &H2B, h2_gradient, &self.h1, &self.d_h2);
        add(&H1W, &H1B, h1_gradient, &self.x, &self.d_h1);
    }
}
