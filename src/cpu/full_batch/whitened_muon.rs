//! Muon on whitened inputs, as the reference's `whitened_muon`: in f64, because whitening amplifies rounding.

use std::cmp::Reverse;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

use super::muon::make_orthogonal;
use crate::cpu::simd::Level;
use crate::engine::State;
use crate::net::{LAYERS, Layer};
use crate::recipe::StepScalars;
use crate::threads::Threads;
use crate::whitening::{GroupWhitening, Whitening, dot};

/// Updates parameters and momentum by one step's gradient.
pub fn update(
    state: &mut State,
    momentum: f64,
    scalars: StepScalars,
    gradient: &[f32],
    whitening: &Whitening,
    (level, threads): (Level, &Threads),
) {
    let mut work = Vec::new();
    for (depth, layer) in LAYERS.iter().enumerate() {
        let groups = (0..layer.groups).map(|group| {
            let mean = &whitening.of_group(depth, group).mean;
            momentum_of(state, momentum, gradient, layer, group, mean)
        });
        work.push((depth, groups.collect::<Vec<_>>()));
    }
    // The layer of the most work first.
    work.sort_by_key(|(depth, _)| Reverse(LAYERS[*depth].rows() * LAYERS[*depth].inputs()));
    threads.for_each(work.iter_mut().collect(), |_, (depth, groups)| {
        step(*depth, groups, whitening, level);
    });
    for (depth, changes) in &work {
        for (group, change) in changes.iter().enumerate() {
            let mean = &whitening.of_group(*depth, group).mean;
            apply(state, scalars, change, &LAYERS[*depth], group, mean);
        }
    }
}

/// Replaces the groups' momenta, `[group][input, row]`, by the changes of the weights at rate 1.
fn step(depth: usize, groups: &mut [Mat<f64>], whitening: &Whitening, level: Level) {
    let layer = &LAYERS[depth];
    let mut steps = vec![0.0; layer.inputs() * layer.rows()];
    for (group, ahead) in groups.iter().enumerate() {
        let inverse = matrix(whitening.of_group(depth, group));
        multiply(of_group(&mut steps, layer, group), inverse, ahead.as_ref());
    }
    make_orthogonal(&mut steps, layer.rows(), level);
    for (group, change) in groups.iter_mut().enumerate() {
        let inverse = matrix(whitening.of_group(depth, group));
        let steps = of_group(&mut steps, layer, group);
        multiply(change.as_mut(), inverse.transpose(), steps.as_ref());
    }
}

/// L⁻¹, `[input][input]`.
fn matrix(of: &GroupWhitening) -> MatRef<'_, f64> {
    let n = of.whitening.len().isqrt();
    MatRef::from_row_major_slice(&of.whitening, n, n)
}

/// A group's part of a layer's `[input][row]`.
fn of_group<'a>(all: &'a mut [f64], layer: &Layer, group: usize) -> MatMut<'a, f64> {
    let all = MatMut::from_row_major_slice_mut(all, layer.inputs(), layer.rows());
    all.subcols_mut(group * layer.group_rows(), layer.group_rows())
}

fn multiply(to: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    matmul(to, Accum::Replace, left, right, 1.0, Par::Seq);
}

/// The momentum of a group's gradient by centred inputs, one step ahead: `[input][row]`.
fn momentum_of(
    state: &mut State,
    momentum: f64,
    gradient: &[f32],
    layer: &Layer,
    group: usize,
    mean: &[f64],
) -> Mat<f64> {
    let buffer = state.first_moment.tensor_mut(&layer.weights);
    let of_weights = &gradient[layer.weights.range()];
    let of_biases = &gradient[layer.biases.range()];
    let mut all = Mat::zeros(layer.inputs(), layer.group_rows());
    for (row, ahead) in all.col_iter_mut().enumerate() {
        let row = group * layer.group_rows() + row;
        let ahead = ahead.try_as_col_major_mut().expect("contiguous");
        let ahead = ahead.as_slice_mut();
        for (input, g) in ahead.iter_mut().enumerate() {
            *g = f64::from(of_weights[layer.index(row, input)]);
        }
        let of_biases = &of_biases[row * layer.positions..][..layer.positions];
        for (mean, &bias) in mean.chunks_exact(ahead.len()).zip(of_biases) {
            let means = ahead.iter_mut().zip(mean);
            means.for_each(|(g, mean)| *g -= f64::from(bias) * mean);
        }
        for (input, g) in ahead.iter_mut().enumerate() {
            let m = &mut buffer[layer.index(row, input)];
            *m = (momentum * f64::from(*m) + (1.0 - momentum) * *g) as f32;
            *g = momentum * f64::from(*m) + (1.0 - momentum) * *g;
        }
    }
    all
}

/// `W ← shrink·W − η·change`, and biases that keep the mean sums. `change`: `[input][row]`.
fn apply(
    state: &mut State,
    scalars: StepScalars,
    change: &Mat<f64>,
    layer: &Layer,
    group: usize,
    mean: &[f64],
) {
    let mut less = vec![0.0; layer.inputs()];
    for (row, change) in change.col_iter().enumerate() {
        let row = group * layer.group_rows() + row;
        let weights = state.parameters.tensor_mut(&layer.weights);
        for ((input, less), change) in less.iter_mut().enumerate().zip(change.iter()) {
            let w = &mut weights[layer.index(row, input)];
            let before = f64::from(*w);
            *w = (before * scalars.shrink - scalars.learning_rate * change) as f32;
            *less = before - f64::from(*w);
        }
        let biases = state.parameters.tensor_mut(&layer.biases);
        let biases = &mut biases[row * layer.positions..][..layer.positions];
        for (bias, mean) in biases.iter_mut().zip(mean.chunks_exact(less.len())) {
            *bias = (f64::from(*bias) + dot(&less, mean)) as f32;
        }
    }
}
