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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whitening::GroupWhitening;

    #[test]
    fn a_triangle_is_mirrored() {
        let lower = [1.0, 9.0, 9.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0];
        let found: Vec<f32> = mirrored(&lower, 3).collect();
        assert_eq!(found, [1.0, 2.0, 4.0, 2.0, 3.0, 5.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn groups_follow_each_other_from_each_layers_first_float_on() {
        let of_group = |layer: &Layer, number: usize| GroupWhitening {
            mean: vec![number as f64; layer.positions * layer.inputs()],
            whitening: vec![number as f64; layer.inputs().pow(2)],
        };
        let layers = LAYERS.iter().enumerate();
        let groups = layers.flat_map(|(depth, layer)| {
            (0..layer.groups).map(move |group| of_group(layer, 10 * depth + group))
        });
        let (means, matrices) = packed(&Whitening::from(groups.collect::<Vec<_>>()));
        assert_eq!((means.len(), matrices.len()), (MEANS, WHITENING));
        for (depth, layer) in LAYERS.iter().enumerate() {
            let [mean, matrix] = first_floats(depth);
            for group in 0..layer.groups {
                let number = (10 * depth + group) as f32;
                let (of_mean, of_matrix) =
                    (layer.positions * layer.inputs(), layer.inputs().pow(2));
                let mean = &means[mean + group * of_mean..][..of_mean];
                let matrix = &matrices[matrix + group * of_matrix..][..of_matrix];
                assert!(mean.iter().chain(matrix).all(|found| *found == number));
            }
        }
    }
}
