//! The hidden layers' nonlinearity on vectors.

use crate::cpu::scaled_tanh::{scaled_tanh, tanh_slope};
use crate::cpu::simd::Simd;
use crate::recipe::Activation;

/// f(sum)
#[inline(always)]
pub fn activate<S: Simd>(s: S, activation: Activation, sum: S::V) -> S::V {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => scaled_tanh(s, activation, sum),
        Activation::Relu => s.max(sum, s.splat(0.0)),
    }
}

/// f′ · gradient, f′ from the nonlinearity's value.
#[inline(always)]
pub fn slope_times<S: Simd>(s: S, activation: Activation, value: S::V, gradient: S::V) -> S::V {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => {
            s.mul(tanh_slope(s, activation, value), gradient)
        }
        Activation::Relu => s.where_positive(value, gradient),
    }
}
