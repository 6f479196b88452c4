//! Whitened Muon from a layer's gradient to its momentum by whitened inputs.

use super::orthogonal::product;
use super::{InputStatistics, Real};
use crate::net::{Layer, Parameters};

/// `G_c = G − Σ_p g_p μ_pᵀ;  m ← βm + (1 − β)G_c;  U L⁻ᵀ` with `U = βm + (1 − β)G_c`
///
/// A layer's rows, `[row][input]`; g_p are the gradients by a row's biases, β is the momentum's decay rate.
pub fn whiten<T: Real>(
    layer: &Layer,
    statistics: &[InputStatistics<T>],
    gradient: &Parameters<T>,
    buffer: &mut Parameters<T>,
    momentum: T,
) -> Vec<T> {
    let (n, positions) = (layer.inputs(), layer.positions);
    let rest = T::one() - momentum;
    let mut whitened = Vec::with_capacity(layer.rows() * n);
    for row in 0..layer.rows() {
        let of_row = &statistics[row / layer.group_rows()];
        let of_biases = &gradient.tensor(&layer.biases)[row * positions..][..positions];
        let of_means = product(of_biases, &of_row.mean, positions, n);
        let ahead = of_means.iter().enumerate().map(|(input, &of_mean)| {
            let at = layer.index(row, input);
            let g = gradient.tensor(&layer.weights)[at] - of_mean;
            let m = &mut buffer.tensor_mut(&layer.weights)[at];
            *m = momentum * *m + rest * g;
            momentum * *m + rest * g
        });
        let ahead: Vec<T> = ahead.collect();
        whitened.extend(product(&of_row.whitening, &ahead, n, 1));
    }
    whitened
}
