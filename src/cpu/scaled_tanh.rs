//! A·tanh(g·x) and its derivative on vectors; `Activation::tanh_scale` has A and g.

use super::simd::Simd;
use crate::recipe::Activation;

/// A·tanh(g·sum): what MSE's outputs use, whatever the hidden layers' nonlinearity.
#[inline(always)]
pub fn scaled_tanh<S: Simd>(s: S, activation: Activation, sum: S::V) -> S::V {
    if activation != Activation::ScaledTanh {
        return s.tanh(sum);
    }
    let (amplitude, gain) = activation.tanh_scale();
    let value = s.tanh(s.mul(s.splat(gain as f32), sum));
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
