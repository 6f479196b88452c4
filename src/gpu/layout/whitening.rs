//! Statistics of the layers' inputs on the device: `shaders/shared/rows.wgsl` says where each group's start.

use crate::net::{LAYERS, Layer};
use crate::whitening::Whitening;

/// Floats of all means.
pub const MEANS: usize = first_floats(LAYERS.len())[0];
/// Floats of all whitening matrices.
pub const WHITENING: usize = first_floats(LAYERS.len())[1];

/// First float of a layer's means, and of its whitening matrices.
pub const fn first_floats(layer: usize) -> [usize; 2] {
    let (mut before, mut first) = (0, [0; 2]);
    while before < layer {
        let Layer {
            groups, positions, ..
        } = LAYERS[before];
        let inputs = LAYERS[before].inputs();
        first[0] += groups * positions * inputs;
        first[1] += groups * inputs * inputs;
        before += 1;
    }
    first
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
            let of_group = whitening.of_group(depth, group);
            means.extend(of_group.mean.iter().map(|&mean| mean as f32));
            matrices.extend(mirrored(&of_group.whitening, layer.inputs()));
        }
    }
    (means, matrices)
}
