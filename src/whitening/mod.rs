//! Statistics of each layer's inputs over a sample of the training set, for whitened Muon.
//!
//! Computed on the host in f64: the sample goes through the net, layer by layer. Work is cut into the same pieces whatever
//! the number of threads, so that it changes no bit.
//!
//! A convolution's inputs are units of the layer below, so the covariance of a layer's patches is a sum of elements of the
//! covariance of those units: 768² of H1's instead of 300² at 16 positions, 2.5 times less work.

mod inputs;

use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par, Side};

use self::inputs::{Inputs, Units};
use crate::data::Examples;
use crate::error::{Error, Result};
use crate::net::{LAYERS, Layer, Parameters};
use crate::recipe::{Activation, Functions};
use crate::threads::Threads;

/// Mean and whitening matrix of the inputs that a group of a layer's rows sees.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupWhitening {
    /// μ, `[position][input]`.
    pub mean: Vec<f64>,
    /// L⁻¹, lower triangular, `[input][input]`.
    pub whitening: Vec<f64>,
}

/// Whitening of all groups of all layers, in the order of [`LAYERS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening(Vec<GroupWhitening>);

impl Whitening {
    /// Whitening of the inputs that these parameters make of the first examples of a set, all where there are fewer.
    ///
    /// # Errors
    /// [`Error::Diverged`] with the layer's name, if its damped covariance is not positive definite.
    pub fn estimate(
        set: &dyn Examples,
        examples: usize,
        parameters: &Parameters,
        functions: Functions,
        damping: f64,
        threads: &Threads,
    ) -> Result<Self> {
        let mut values = Units::pixels(set, examples.min(set.count()));
        let mut all = Vec::new();
        for (depth, layer) in LAYERS.iter().enumerate() {
            let inputs = Inputs::of(layer, values, threads);
            let mut found: Vec<_> = (0..layer.groups).map(|_| None).collect();
            let jobs = found.iter_mut().enumerate().collect();
            threads.for_each(jobs, |_, (group, to)| {
                *to = Some(GroupWhitening::of(layer, &inputs, group, damping));
            });
            all.extend(found.into_iter().flatten().collect::<Result<Vec<_>>>()?);
            if depth + 1 == LAYERS.len() {
                break;
            }
            let weights = rows(layer, parameters);
            let offsets = offsets(layer, &inputs, &weights, parameters);
            let sums = inputs.sums(&weights, &offsets, threads);
            values = sums.map(|sum| activate(functions.activation, sum), threads);
        }
        Ok(Self(all))
    }

    /// Of a layer's row.
    pub fn of(&self, layer: usize, row: usize) -> &GroupWhitening {
        let before: usize = LAYERS[..layer].iter().map(|layer| layer.groups).sum();
        &self.0[before + row / LAYERS[layer].group_rows()]
    }
}

impl GroupWhitening {
    fn of(layer: &Layer, inputs: &Inputs, group: usize, damping: f64) -> Result<Self> {
        let (n, mut covariance) = (layer.inputs(), inputs.covariance(group));
        let trace: f64 = (0..n).map(|k| covariance[(k, k)]).sum();
        for k in 0..n {
            covariance[(k, k)] += damping * trace / n as f64;
        }
        let is_finite = trace.is_finite() && trace > 0.0;
        let factor = is_finite.then(|| covariance.llt(Side::Lower).ok());
        let factor = factor.flatten().ok_or_else(|| not_definite(layer))?;
        let mut inverse = Mat::<f64>::identity(n, n);
        solve_lower_triangular_in_place(factor.L(), inverse.as_mut(), Par::Seq);
        let element = |at: usize| inverse[(at / n, at % n)];
        Ok(Self {
            mean: inputs.mean(group),
            whitening: (0..n * n).map(element).collect(),
        })
    }
}

/// The error of a layer whose inputs' covariance has no Cholesky factor.
pub fn not_definite(layer: &Layer) -> Error {
    Error::Diverged(format!(
        "whitened-muon: found a covariance of the inputs of {} that is not positive definite after damping, expected \
         finite inputs and a larger --damping",
        layer.name()
    ))
}

/// A layer's weights, `[row][input]`.
fn rows(layer: &Layer, parameters: &Parameters) -> Vec<f64> {
    let (n, weights) = (layer.inputs(), parameters.tensor(&layer.weights));
    let at = |at: usize| f64::from(weights[layer.index(at / n, at % n)]);
    (0..layer.rows() * n).map(at).collect()
}

/// A layer's sums where its inputs have their mean, `[row][position]`.
fn offsets(layer: &Layer, inputs: &Inputs, weights: &[f64], parameters: &Parameters) -> Vec<f64> {
    let n = layer.inputs();
    let means: Vec<_> = (0..layer.groups).map(|group| inputs.mean(group)).collect();
    let of_row = |row: usize| {
        let weights = &weights[row * n..][..n];
        let biases = &parameters.tensor(&layer.biases)[row * layer.positions..];
        let means = means[row / layer.group_rows()].chunks_exact(n).zip(biases);
        means.map(|(mean, &bias)| f64::from(bias) + dot(mean, weights))
    };
    (0..layer.rows()).flat_map(of_row).collect()
}

/// Σ a·b, in eight sums side by side.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    const SUMS: usize = 8;
    let (left, left_rest) = left.as_chunks::<SUMS>();
    let (right, right_rest) = right.as_chunks::<SUMS>();
    let mut sums = [0.0; SUMS];
    for (left, right) in left.iter().zip(right) {
        for ((sum, a), b) in sums.iter_mut().zip(left).zip(right) {
            *sum += a * b;
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

fn activate(activation: Activation, sum: f64) -> f64 {
    let (amplitude, gain) = activation.tanh_scale();
    match activation {
        // Not `max`: that would hide a NaN.
        Activation::Relu if sum < 0.0 => 0.0,
        Activation::Relu => sum,
        Activation::Tanh | Activation::ScaledTanh => amplitude * (gain * sum).tanh(),
    }
}
