//! Statistics of each layer's inputs over a sample of the training set, for whitened Muon.
//!
//! Computed on the host in f64: the sample goes through the net, layer by layer. Work is cut into the same pieces whatever
//! the number of threads, so that it changes no bit.
//!
//! A convolution's inputs are units of the layer below, so the covariance of a layer's patches is a sum of elements of the
//! covariance of those units: 768² of H1's instead of 300² at 16 positions, 2.5 times less work.
//!
//! ```
//! use gpu_train::data::embedded;
//! use gpu_train::recipe::{Recipe, RecipeName};
//! use gpu_train::threads::Threads;
//! use gpu_train::whitening::Sample;
//!
//! let recipe = Recipe::named(RecipeName::FullBatch);
//! let threads = Threads::start(1);
//! let sample = Sample::of(&embedded::digits().train, 64, recipe.damping, &threads)?;
//! let whitening = sample.whitening(&recipe.initial_parameters(), (&recipe).into(), &threads)?;
//! // H1: a mean at each of 8×8 positions, a matrix of 25×25.
//! let h1 = whitening.of_group(0, 0);
//! assert_eq!((h1.mean.len(), h1.whitening.len()), (64 * 25, 25 * 25));
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

mod inputs;

use faer::linalg::solvers::Llt;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, MatMut, Par, Side};

pub(crate) use self::inputs::{Inputs, Units};
use crate::data::Examples;
use crate::error::{Error, Result};
use crate::net::{LAYERS, Layer, Parameters};
use crate::recipe::{Functions, Recipe};
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

/// The first examples of a set, with all that does not depend on weights.
pub struct Sample {
    pixels: Inputs,
    of_pixels: GroupWhitening,
    damping: f64,
}

impl Sample {
    /// Of this number of examples, all where there are fewer.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the pixels' damped covariance is not positive definite.
    pub fn of(
        set: &dyn Examples,
        examples: usize,
        damping: f64,
        threads: &Threads,
    ) -> Result<Self> {
        let pixels = Units::pixels(set, examples.min(set.count()), threads);
        let pixels = Inputs::of(0, pixels, threads);
        let of_pixels = GroupWhitening::of(&pixels, 0, &pixels.covariance(0), damping)?;
        Ok(Self {
            pixels,
            of_pixels,
            damping,
        })
    }

    /// Whitening of the inputs that these parameters make of the examples.
    ///
    /// # Errors
    /// [`Error::Diverged`] with the layer's name, if its damped covariance is not positive definite.
    pub fn whitening(
        &self,
        parameters: &Parameters,
        functions: Functions,
        threads: &Threads,
    ) -> Result<Whitening> {
        let mut all = vec![self.of_pixels.clone()];
        let mut inputs = &self.pixels;
        let mut next;
        for (depth, layer) in LAYERS.iter().enumerate().skip(1) {
            let values = inputs.forward(parameters, functions.activation, threads);
            next = Inputs::of(depth, values, threads);
            inputs = &next;
            let mut found: Vec<_> = (0..layer.groups).map(|_| None).collect();
            let jobs = found.iter_mut().enumerate().collect();
            threads.for_each(jobs, |_, (group, to)| {
                let covariance = inputs.covariance(group);
                *to = Some(GroupWhitening::of(inputs, group, &covariance, self.damping));
            });
            all.extend(found.into_iter().flatten().collect::<Result<Vec<_>>>()?);
        }
        Ok(Whitening(all))
    }
}

impl Whitening {
    /// Whitening of the inputs that these parameters make of a set's first examples, as many as the recipe says. The
    /// examples are prepared once, and kept in `sample`.
    ///
    /// # Errors
    /// As [`Sample::of`] and [`Sample::whitening`].
    pub fn estimate(
        sample: &mut Option<Sample>,
        set: &dyn Examples,
        recipe: &Recipe,
        parameters: &Parameters,
        threads: &Threads,
    ) -> Result<Self> {
        let sample = match sample {
            Some(sample) => sample,
            none => {
                let examples = recipe.curvature_sample as usize;
                none.insert(Sample::of(set, examples, recipe.damping, threads)?)
            }
        };
        sample.whitening(parameters, recipe.into(), threads)
    }

    /// Of a group of a layer's rows.
    pub fn of_group(&self, layer: usize, group: usize) -> &GroupWhitening {
        let before: usize = LAYERS[..layer].iter().map(|layer| layer.groups).sum();
        &self.0[before + group]
    }
}

impl From<Vec<GroupWhitening>> for Whitening {
    /// Of all groups, in the order of [`LAYERS`].
    fn from(groups: Vec<GroupWhitening>) -> Self {
        Self(groups)
    }
}

impl GroupWhitening {
    /// Of a group's inputs, whose covariance this is.
    pub(crate) fn of(
        inputs: &Inputs,
        group: usize,
        covariance: &Mat<f64>,
        damping: f64,
    ) -> Result<Self> {
        let n = covariance.nrows();
        let factor = factor(covariance, damping).ok_or_else(|| not_definite(inputs.layer()))?;
        let mut whitening = vec![0.0; n * n];
        whitening
            .iter_mut()
            .step_by(n + 1)
            .for_each(|one| *one = 1.0);
        let inverse = MatMut::from_row_major_slice_mut(&mut whitening, n, n);
        solve_lower_triangular_in_place(factor.L(), inverse, Par::Seq);
        Ok(Self {
            mean: inputs.mean(group),
            whitening,
        })
    }
}

/// Cholesky factor of a covariance with this share of its mean eigenvalue added to each; `None` if it is not positive
/// definite.
pub(crate) fn factor(covariance: &Mat<f64>, damping: f64) -> Option<Llt<f64>> {
    let n = covariance.nrows();
    let trace: f64 = (0..n).map(|k| covariance[(k, k)]).sum();
    let mut damped = covariance.clone();
    for k in 0..n {
        damped[(k, k)] += damping * trace / n as f64;
    }
    let is_finite = trace.is_finite() && trace > 0.0;
    is_finite.then(|| damped.llt(Side::Lower).ok()).flatten()
}

/// The error of a layer whose inputs' covariance has no Cholesky factor.
pub fn not_definite(layer: &Layer) -> Error {
    Error::Diverged(format!(
        "whitened-muon: found a covariance of the inputs of {} that is not positive definite after damping, expected \
         finite inputs and a larger --damping",
        layer.name()
    ))
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
