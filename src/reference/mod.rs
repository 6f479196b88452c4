//! The oracle: plain scalar code, one file per kernel, generic over f32 and f64, written to be read.
//!
//! Each kernel handles one example; [`Activations`] composes them, [`Reference`] sums over the batch and updates.
//!
//! ```
//! use gpu_train::data::embedded;
//! use gpu_train::net::Parameters;
//! use gpu_train::recipe::{Recipe, RecipeName};
//! use gpu_train::reference::Activations;
//!
//! let train = embedded::digits().train;
//! let recipe = Recipe::named(RecipeName::Reproduction);
//! let parameters: Parameters<f64> = recipe.initial_parameters().map(f64::from);
//! let functions = (&recipe).into();
//!
//! // One image forward, its loss, and back: its share of the gradient.
//! let codes = train.image_codes(0);
//! let mut values = Activations::evaluation(&parameters, codes, train.denominator(), functions);
//! let (loss, is_missed) = values.loss(train.labels()[0], functions, 1.0);
//! values.backward(&parameters, recipe.activation);
//! let mut gradient = Parameters::zeros();
//! values.add_gradient(&mut gradient);
//! assert!(loss > 0.0 && gradient.flat().iter().any(|&slope| slope != 0.0));
//! # let _ = is_missed;
//! ```

// The kernels' loops run over the indices of their formulas, several arrays at once.
#![allow(clippy::needless_range_loop)]

mod adamw;
mod curvature;
mod dropout;
mod engine;
mod forward_backward;
mod h1_forward;
mod h1_gradient;
mod h2_backward;
mod h2_forward;
mod h2_gradient;
mod h3_backward;
mod h3_forward;
mod h3_gradient;
mod input;
mod loss;
mod muon;
mod orthogonal;
mod out_backward;
mod out_forward;
mod out_gradient;
mod reduce_gradient;
mod scores;
mod sgd;
mod tally;
mod unwhiten;
mod update;
mod whiten;
mod whitened_muon;

pub use adamw::{AdamW, adamw};
pub use curvature::{add_curvature, diagonal_newton, output_curvature};
pub use dropout::{dropout, dropout_factors};
pub use engine::Reference;
pub use forward_backward::Activations;
pub use h1_forward::h1_forward;
pub use h1_gradient::h1_gradient;
pub use h2_backward::h2_backward;
pub use h2_forward::h2_forward;
pub use h2_gradient::h2_gradient;
pub use h3_backward::h3_backward;
pub use h3_forward::h3_forward;
pub use h3_gradient::h3_gradient;
pub use input::input;
pub use loss::{guess, loss};
pub use muon::{Muon, muon};
pub use orthogonal::orthogonal;
pub use out_backward::out_backward;
pub use out_forward::out_forward;
pub use out_gradient::out_gradient;
pub use reduce_gradient::reduce_gradient;
pub use scores::scores;
pub use sgd::sgd;
pub use tally::{Progress, tally};
pub use unwhiten::unwhiten;
pub use update::{Rule, update};
pub use whiten::whiten;
pub use whitened_muon::{InputStatistics, Statistics, statistics, whitened_muon};

use crate::net::{H1_AREA, H1_SIDE, PADDING, PADDING_VALUE};
use crate::recipe::Activation;

/// f32 or f64.
pub trait Real: num_traits::Float + Default + Send + Sync + 'static {
    /// The nearest value.
    fn of(value: f64) -> Self {
        num_traits::cast(value).expect("a float's cast")
    }
    /// As f64, exactly.
    fn to_f64_exact(self) -> f64 {
        num_traits::cast(self).expect("a float's cast")
    }
}

impl Real for f32 {}
impl Real for f64 {}

/// The hidden layers' nonlinearity.
pub fn activate<T: Real>(activation: Activation, sum: T) -> T {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => scaled_tanh(activation, sum),
        // Not `max`: that would hide a NaN.
        Activation::Relu if sum < T::zero() => T::zero(),
        Activation::Relu => sum,
    }
}

/// A·tanh(g·sum), A and g being 1 but for scaled tanh: what MSE's outputs use, whatever the hidden layers'.
pub fn scaled_tanh<T: Real>(activation: Activation, sum: T) -> T {
    let (amplitude, gain) = activation.tanh_scale();
    T::of(amplitude) * (T::of(gain) * sum).tanh()
}

/// Its derivative, from its *value*: g·A − g/A·y².
pub fn scaled_tanh_slope<T: Real>(activation: Activation, value: T) -> T {
    let (amplitude, gain) = activation.tanh_scale();
    T::of(gain * amplitude) - T::of(gain / amplitude) * value * value
}

/// The nonlinearity's derivative, from its *value*: 1 − y² for tanh, 1 where y > 0 for ReLU (0 at 0, as in PyTorch).
pub fn slope<T: Real>(activation: Activation, value: T) -> T {
    match activation {
        Activation::Tanh | Activation::ScaledTanh => scaled_tanh_slope(activation, value),
        Activation::Relu if value > T::zero() => T::one(),
        Activation::Relu => T::zero(),
    }
}

/// Index among H1's units of (row, column) of the *padded* map; `None` in the padding.
fn h1_index(map: usize, padded_row: usize, padded_column: usize) -> Option<usize> {
    let inside = PADDING..PADDING + H1_SIDE;
    (inside.contains(&padded_row) && inside.contains(&padded_column))
        .then(|| map * H1_AREA + (padded_row - PADDING) * H1_SIDE + padded_column - PADDING)
}

/// H1's activation at (row, column) of the padded map: −1 in the padding.
fn h1_padded<T: Real>(h1: &[T], map: usize, padded_row: usize, padded_column: usize) -> T {
    h1_index(map, padded_row, padded_column)
        .map_or_else(|| T::of(f64::from(PADDING_VALUE)), |unit| h1[unit])
}
