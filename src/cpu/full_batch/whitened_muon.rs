//! Muon on whitened inputs, as the reference's `whitened_muon`: in f64, because whitening amplifies rounding.

use super::muon::make_orthogonal;
use crate::engine::State;
use crate::net::{LAYERS, Layer};
use crate::recipe::StepScalars;
use crate::whitening::{GroupWhitening, Whitening, dot};

/// Updates parameters and momentum by one step's gradient.
pub fn update(
    state: &mut State,
    momentum: f64,
    scalars: StepScalars,
    gradient: &[f32],
    whitening: &Whitening,
) {
    for (depth, layer) in LAYERS.iter().enumerate() {
        let of_row = |row| whitening.of(depth, row);
        let mut steps = whitened(state, momentum, gradient, layer, of_row);
        make_orthogonal(&mut steps, layer.rows());
        apply(state, scalars, &steps, layer, of_row);
    }
}

/// The momentum by whitened inputs, `[input][row]`.
fn whitened<'a>(
    state: &mut State,
    momentum: f64,
    gradient: &[f32],
    layer: &Layer,
    of_row: impl Fn(usize) -> &'a GroupWhitening,
) -> Vec<f64> {
    let (n, rows) = (layer.inputs(), layer.rows());
    let buffer = state.first_moment.tensor_mut(&layer.weights);
    let of_weights = &gradient[layer.weights.range()];
    let of_biases = &gradient[layer.biases.range()];
    let mut result = vec![0.0; n * rows];
    let mut ahead = vec![0.0; n];
    for row in 0..rows {
        let GroupWhitening { mean, whitening } = of_row(row);
        for (input, g) in ahead.iter_mut().enumerate() {
            *g = f64::from(of_weights[layer.index(row, input)]);
        }
        let of_biases = &of_biases[row * layer.positions..][..layer.positions];
        for (mean, &bias) in mean.chunks_exact(n).zip(of_biases) {
            let means = ahead.iter_mut().zip(mean);
            means.for_each(|(g, mean)| *g -= f64::from(bias) * mean);
        }
        for (input, g) in ahead.iter_mut().enumerate() {
            let m = &mut buffer[layer.index(row, input)];
            *m = (momentum * f64::from(*m) + (1.0 - momentum) * *g) as f32;
            *g = momentum * f64::from(*m) + (1.0 - momentum) * *g;
        }
        for (input, of) in whitening.chunks_exact(n).enumerate() {
            result[input * rows + row] = dot(&of[..=input], &ahead[..=input]);
        }
    }
    result
}

/// `W ← shrink·W − η·steps L⁻¹`, and biases that keep the mean sums. `steps`: `[input][row]`.
fn apply<'a>(
    state: &mut State,
    scalars: StepScalars,
    steps: &[f64],
    layer: &Layer,
    of_row: impl Fn(usize) -> &'a GroupWhitening,
) {
    let (n, rows) = (layer.inputs(), layer.rows());
    let mut change = vec![0.0; n];
    for row in 0..rows {
        let GroupWhitening { mean, whitening } = of_row(row);
        change.fill(0.0);
        for (input, of) in whitening.chunks_exact(n).enumerate() {
            let step = steps[input * rows + row];
            let below = change.iter_mut().zip(&of[..=input]);
            below.for_each(|(change, l)| *change += step * l);
        }
        let weights = state.parameters.tensor_mut(&layer.weights);
        for (input, change) in change.iter_mut().enumerate() {
            let w = &mut weights[layer.index(row, input)];
            let before = *w;
            let after = f64::from(before) * scalars.shrink - scalars.learning_rate * *change;
            *w = after as f32;
            *change = f64::from(before) - f64::from(*w);
        }
        let biases = state.parameters.tensor_mut(&layer.biases);
        let biases = &mut biases[row * layer.positions..][..layer.positions];
        for (bias, mean) in biases.iter_mut().zip(mean.chunks_exact(n)) {
            *bias = (f64::from(*bias) + dot(&change, mean)) as f32;
        }
    }
}
