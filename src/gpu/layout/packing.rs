//! Parameters of the fused kernels: vectors of four maps, units or classes, in the order of their use.
//!
//! `shaders/fused/weights.wgsl` lists what each tensor's vectors hold; floats that no parameter fills stay zero.

use super::sizes::{CLASS_QUADS, H3_QUADS, MAP_QUADS};
use crate::net::{
    CLASSES, H1_AREA, H2_AREA, H2_FAN_MAPS, H3_UNITS, MAPS, PARAMETERS, Parameters, TAPS,
};

/// Vectors of each tensor, in the order of [`PARAMETERS`].
const VECTORS: [usize; 8] = [
    MAP_QUADS * TAPS,
    MAP_QUADS * H1_AREA,
    MAP_QUADS * H2_FAN_MAPS * TAPS,
    MAP_QUADS * H2_AREA,
    MAPS * H2_AREA * H3_QUADS,
    H3_QUADS,
    H3_QUADS * 4 * CLASS_QUADS,
    CLASS_QUADS,
];

/// Vectors of all parameters.
pub const PACKED_VECTORS: usize = first_vector(VECTORS.len());

/// First vector of a tensor.
pub const fn first_vector(tensor: usize) -> usize {
    let (mut before, mut sum) = (0, 0);
    while before < tensor {
        sum += VECTORS[before];
        before += 1;
    }
    sum
}

/// Index of a map's float at a position: `positions` vectors per quad.
fn in_maps(map: usize, position: usize, positions: usize) -> usize {
    ((map / 4) * positions + position) * 4 + map % 4
}

/// Index of one element among its tensor's packed floats.
fn index_in_tensor(tensor: usize, index: usize) -> usize {
    match tensor {
        0 => in_maps(index / TAPS, index % TAPS, TAPS),
        1 => in_maps(index / H1_AREA, index % H1_AREA, H1_AREA),
        2 => {
            let (map, of_map) = (index / (H2_FAN_MAPS * TAPS), index % (H2_FAN_MAPS * TAPS));
            let (source, tap) = (of_map / TAPS, of_map % TAPS);
            // [half][tap][source of four]
            let position = (source / 4 * TAPS + tap) * 4 + source % 4;
            in_maps(map, position, H2_FAN_MAPS * TAPS)
        }
        3 => in_maps(index / H2_AREA, index % H2_AREA, H2_AREA),
        4 => {
            let (input, unit) = (index / H3_UNITS, index % H3_UNITS);
            let (map, position) = (input / H2_AREA, input % H2_AREA);
            let input_quad = map / 4 * H2_AREA + position;
            ((input_quad * H3_QUADS + unit / 4) * 4 + map % 4) * 4 + unit % 4
        }
        6 => {
            let (unit, class) = (index / CLASSES, index % CLASSES);
            (((unit / 4) * CLASS_QUADS + class / 4) * 4 + unit % 4) * 4 + class % 4
        }
        _ => index,
    }
}

/// Index of each parameter among the packed floats, in the order of [`PARAMETERS`].
pub fn packed_indices() -> Vec<u32> {
    let tensors = PARAMETERS.iter().enumerate();
    let indices = tensors.flat_map(|(number, tensor)| {
        let first = 4 * first_vector(number);
        (0..tensor.len()).map(move |index| (first + index_in_tensor(number, index)) as u32)
    });
    indices.collect()
}

/// Packed floats, zero where no parameter is stored.
pub fn pack(parameters: &Parameters) -> Vec<f32> {
    let mut floats = vec![0.0; 4 * PACKED_VECTORS];
    for (&value, index) in parameters.flat().iter().zip(packed_indices()) {
        floats[index as usize] = value;
    }
    floats
}

/// Parameters from packed floats.
///
/// # Panics
/// If there are too few floats.
pub fn unpack(floats: &[f32]) -> Parameters {
    let indices = packed_indices().into_iter();
    Parameters::from_flat(indices.map(|index| floats[index as usize]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::PARAMETER_COUNT;

    #[test]
    fn each_parameter_has_its_own_index_and_is_found_there() {
        let mut seen = vec![false; 4 * PACKED_VECTORS];
        for index in packed_indices() {
            assert!(!std::mem::replace(&mut seen[index as usize], true));
        }
        assert_eq!(seen.iter().filter(|&&seen| seen).count(), PARAMETER_COUNT);
        // Two units of H3 and two classes are padding.
        assert_eq!(seen.len() - PARAMETER_COUNT, 2 * 193 + 12 * 32 - 300 + 2);
        let values = (0..PARAMETER_COUNT).map(|index| index as f32).collect();
        let parameters = Parameters::from_flat(values);
        assert_eq!(unpack(&pack(&parameters)), parameters);
    }
}
