//! The nonlinearities and their derivatives on vectors; `Activation::tanh_scale` has A and g.

use super::simd::{Simd, tanh};
use crate::recipe::Activation;

/// The hidden layers' nonlinearity.
#[inline(always)]
pub fn activate<S: Simd>(s: S, activation: Activation, sum: S::V) -> S::V {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => scaled_tanh(s, activation, sum),
        // The bound comes first so that a NaN in the sum, as the second operand, comes through.
        Activation::Relu => s.max(s.splat(0.0), sum),
    }
}

/// `d` times the nonlinearity's derivative at the value `y`: 1 − y² for tanh, g·A − g/A·y² for scaled tanh, [y > 0]
/// for ReLU.
#[inline(always)]
pub fn times_slope<S: Simd>(s: S, activation: Activation, y: S::V, d: S::V) -> S::V {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => s.mul(d, tanh_slope(s, activation, y)),
        Activation::Relu => s.where_positive(y, d),
    }
}

/// A·tanh(g·sum): the outputs' nonlinearity for MSE, whatever the hidden layers' is.
#[inline(always)]
pub fn scaled_tanh<S: Simd>(s: S, activation: Activation, sum: S::V) -> S::V {
    if activation != Activation::ScaledTanh {
        return tanh(s, sum);
    }
    let (amplitude, gain) = activation.tanh_scale();
    let value = tanh(s, s.mul(s.splat(gain as f32), sum));
    s.mul(s.splat(amplitude as f32), value)
}

/// Its derivative, from its *value*: g·A − g/A·y².
#[inline(always)]
pub fn tanh_slope<S: Simd>(s: S, activation: Activation, value: S::V) -> S::V {
    if activation != Activation::ScaledTanh {
        return s.neg_mul_add(value, value, s.splat(1.0));
    }
    let (amplitude, gain) = activation.tanh_scale();
    let fall = s.mul(s.splat((gain / amplitude) as f32), value);
    s.neg_mul_add(fall, value, s.splat((gain * amplitude) as f32))
}
