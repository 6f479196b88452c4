//! Statistics of the layers' inputs on the device: `shaders/shared/rows.wgsl` says where each group's start.

use crate::net::{LAYERS, Layer};
use crate::whitening::Whitening;

/// Floats of all means.
pub const MEANS: usize = first_mean(LAYERS.len());
/// Floats of all whitening matrices.
pub const WHITENING: usize = first_whitening(LAYERS.len());

const fn means_of(layer: &Layer) -> usize {
    layer.groups * layer.positions * layer.inputs()
}

const fn whitening_of(layer: &Layer) -> usize {
    layer.groups * layer.inputs() * layer.inputs()
}

/// First float of a layer's means.
pub const fn first_mean(layer: usize) -> usize {
    let (mut before, mut sum) = (0, 0);
    while before < layer {
        sum += means_of(&LAYERS[before]);
        before += 1;
    }
    sum
}

/// First float of a layer's whitening matrices.
pub const fn first_whitening(layer: usize) -> usize {
    let (mut before, mut sum) = (0, 0);
    while before < layer {
        sum += whitening_of(&LAYERS[before]);
        before += 1;
    }
    sum
}

/// A lower triangular matrix of n columns with its transpose in the upper triangle.
pub fn mirrored(lower: &[f64], n: usize) -> impl Iterator<Item = f32> {
    (0..n * n).map(move |at| {
        let (row, column) = (at / n, at % n);
        lower[row.max(column) * n + row.min(column)] as f32
    })
}

/// Means and whitening matrices in the order of the device.
pub fn packed(whitening: &Whitening) -> (Vec<f32>, Vec<f32>) {
    let (mut means, mut matrices) = (Vec::with_capacity(MEANS), Vec::with_capacity(WHITENING));
    for (depth, layer) in LAYERS.iter().enumerate() {
        for group in 0..layer.groups {
            let of_group = whitening.of(depth, group * layer.group_rows());
            means.extend(of_group.mean.iter().map(|&mean| mean as f32));
            matrices.extend(mirrored(&of_group.whitening, layer.inputs()));
        }
    }
    (means, matrices)
}
