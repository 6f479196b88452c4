//! Whitened Muon from a layer's orthogonal steps to its weights and biases.

use super::orthogonal::product;
use super::{InputStatistics, Muon, Real};
use crate::net::{Layer, Parameters};

/// `W ← shrink·W − η·steps L⁻¹;  b_p ← b_p + (W before − W after) μ_p`
///
/// `steps`: a layer's rows by whitened inputs, `[row][input]`
pub fn unwhiten<T: Real>(
    layer: &Layer,
    statistics: &[InputStatistics<T>],
    steps: &[T],
    parameters: &mut Parameters<T>,
    with: Muon<T>,
) {
    let (n, positions) = (layer.inputs(), layer.positions);
    for (row, step) in steps.chunks_exact(n).enumerate() {
        let of_row = &statistics[row / layer.group_rows()];
        let steps = product(step, &of_row.whitening, n, n)
            .into_iter()
            .enumerate();
        let change = steps.map(|(input, step)| {
            let w = &mut parameters.tensor_mut(&layer.weights)[layer.index(row, input)];
            let before = *w;
            *w = with.shrink * *w - with.learning_rate * step;
            before - *w
        });
        let change: Vec<T> = change.collect();
        let biases = &mut parameters.tensor_mut(&layer.biases)[row * positions..][..positions];
        for (b, change) in biases.iter_mut().zip(product(&of_row.mean, &change, n, 1)) {
            *b = *b + change;
        }
    }
}
