//! Muon on whitened inputs: each layer's step is made orthogonal where its inputs have mean 0 and covariance 1.
//!
//! A layer's sums are W·a + b, a being the whole layer below (H3, output) or a patch of it at each position p (H1, H2).
//! With μ_p the mean input at a position, A the covariance of a − μ_p over examples and positions, and L the Cholesky
//! factor of A + δ·tr(A)/n·I for n inputs, a step is
//!
//! ```text
//! G_c = G − Σ_p g_p μ_pᵀ                   gradient by centred inputs; g_p: by the biases at position p
//! U   = momentum of G_c, as Muon's
//! W   ← shrink·W − η·orthogonal(U L⁻ᵀ) L⁻¹
//! b_p ← b_p + (W before − W after) μ_p     keeps the mean pre-activations
//! ```
//!
//! The rows of a group (H2 has three) see the same inputs and share μ and L; all rows of a layer are made orthogonal
//! together. The covariance of the inputs is K-FAC's (Martens & Grosse 2015) and, without the gradients' covariance,
//! FOOF's (Benzing 2022).

use super::{Activations, Muon, Real, h1_padded, orthogonal, unwhiten, whiten};
use crate::error::Result;
use crate::net::{
    H1_SIDE, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, KERNEL, LAYERS, Layer, PADDED_SIDE, Parameters,
    STRIDE, TAPS,
};
use crate::whitening::not_definite;

/// Mean and whitening matrix of the inputs that a group of a layer's rows sees.
#[derive(Debug, Clone, PartialEq)]
pub struct InputStatistics<T> {
    /// μ, `[position][input]`.
    pub mean: Vec<T>,
    /// A, `[input][input]`.
    pub covariance: Vec<T>,
    /// L⁻¹, lower triangular, `[input][input]`.
    pub whitening: Vec<T>,
}

/// Statistics of each group of each layer, in the order of [`LAYERS`].
pub type Statistics<T> = [Vec<InputStatistics<T>>; LAYERS.len()];

/// Statistics of these examples' activations, for one damping δ.
///
/// # Errors
/// [`Error::Diverged`](crate::error::Error::Diverged) if a damped covariance is not positive definite, with the layer's name.
pub fn statistics<T: Real>(examples: &[Activations<T>], damping: T) -> Result<Statistics<T>> {
    let mut all: Statistics<T> = Default::default();
    for (of_layer, layer) in all.iter_mut().zip(&LAYERS) {
        for group in 0..layer.groups {
            of_layer.push(input_statistics(examples, layer, group, damping)?);
        }
    }
    Ok(all)
}

fn input_statistics<T: Real>(
    examples: &[Activations<T>],
    layer: &Layer,
    group: usize,
    damping: T,
) -> Result<InputStatistics<T>> {
    let n = layer.inputs();
    let mut mean = vec![T::zero(); layer.positions * n];
    let share = T::of(1.0 / examples.len() as f64);
    for values in examples {
        for (position, mean) in mean.chunks_exact_mut(n).enumerate() {
            let inputs = inputs(values, layer, group, position);
            mean.iter_mut()
                .zip(inputs)
                .for_each(|(m, a)| *m = *m + share * a);
        }
    }
    let mut covariance = vec![T::zero(); n * n];
    let share = T::of(1.0 / (examples.len() * layer.positions) as f64);
    for values in examples {
        for (position, mean) in mean.chunks_exact(n).enumerate() {
            let inputs = inputs(values, layer, group, position);
            let centred: Vec<T> = inputs.iter().zip(mean).map(|(&a, &m)| a - m).collect();
            for (row, &a) in covariance.chunks_exact_mut(n).zip(&centred) {
                row.iter_mut()
                    .zip(&centred)
                    .for_each(|(sum, &b)| *sum = *sum + share * a * b);
            }
        }
    }
    let trace = (0..n).fold(T::zero(), |sum, k| sum + covariance[k * n + k]);
    let mut damped = covariance.clone();
    for k in 0..n {
        damped[k * n + k] = damped[k * n + k] + damping * trace / T::of(n as f64);
    }
    let whitening = inverse_factor(&damped, n).ok_or_else(|| not_definite(layer))?;
    Ok(InputStatistics {
        mean,
        covariance,
        whitening,
    })
}

/// Inputs of a group's rows at a position: a patch, or the whole layer below.
fn inputs<T: Real>(
    values: &Activations<T>,
    layer: &Layer,
    group: usize,
    position: usize,
) -> Vec<T> {
    let taps = |side: usize| {
        let (row, column) = (STRIDE * (position / side), STRIDE * (position % side));
        (0..TAPS).map(move |tap| (row + tap / KERNEL, column + tap % KERNEL))
    };
    match layer.weights.name {
        "H1w" => taps(H1_SIDE)
            .map(|(row, column)| values.x[row * PADDED_SIDE + column])
            .collect(),
        "H2w" => H2_SOURCES[group * layer.group_rows()][..H2_FAN_MAPS]
            .iter()
            .flat_map(|&map| {
                taps(H2_SIDE).map(move |(row, column)| h1_padded(&values.h1, map, row, column))
            })
            .collect(),
        "H3w" => values.dropped.clone(),
        _ => values.h3.clone(),
    }
}

/// Inverse of the Cholesky factor of a symmetric matrix, `[n][n]`; `None` if it is not positive definite.
fn inverse_factor<T: Real>(matrix: &[T], n: usize) -> Option<Vec<T>> {
    let mut factor = vec![T::zero(); n * n];
    for row in 0..n {
        for column in 0..=row {
            let sum = (0..column).fold(matrix[row * n + column], |sum, k| {
                sum - factor[row * n + k] * factor[column * n + k]
            });
            factor[row * n + column] = if column < row {
                sum / factor[column * n + column]
            } else if sum > T::zero() && sum.is_finite() {
                sum.sqrt()
            } else {
                return None;
            };
        }
    }
    // Column by column of L·L⁻¹ = I.
    let mut inverse = vec![T::zero(); n * n];
    for column in 0..n {
        for row in column..n {
            let unit = if row == column { T::one() } else { T::zero() };
            let sum = (column..row).fold(unit, |sum, k| {
                sum - factor[row * n + k] * inverse[k * n + column]
            });
            inverse[row * n + column] = sum / factor[row * n + row];
        }
    }
    Some(inverse)
}

/// One step of all layers, as the module describes it. `buffer` is the momentum, of which the biases' part is unused.
pub fn whitened_muon<T: Real>(
    parameters: &mut Parameters<T>,
    gradient: &Parameters<T>,
    buffer: &mut Parameters<T>,
    statistics: &Statistics<T>,
    with: Muon<T>,
) {
    for (layer, statistics) in LAYERS.iter().zip(statistics) {
        let whitened = whiten(layer, statistics, gradient, buffer, with.momentum);
        let steps = orthogonal(&whitened, layer.inputs());
        unwhiten(layer, statistics, &steps, parameters, with);
    }
}
