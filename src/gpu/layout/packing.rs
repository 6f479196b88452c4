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

    /// Numbers below each bound, the last running fastest.
    fn counted<const N: usize>(bounds: [usize; N]) -> impl Iterator<Item = [usize; N]> {
        (0..bounds.iter().product()).map(move |mut at| {
            let mut numbers = [0; N];
            for (number, bound) in numbers.iter_mut().zip(bounds).rev() {
                (*number, at) = (at % bound, at / bound);
            }
            numbers
        })
    }

    /// The parameter at each packed float, by the list in `shaders/fused/weights.wgsl`; `None` for padding.
    fn parameters_in_packed_order() -> Vec<Option<usize>> {
        let (maps, units, classes) = (12, 30, 10);
        let mut indices: Vec<Vec<Option<usize>>> = Vec::new();
        let of_maps = |positions| {
            let order = counted([maps / 4, positions, 4]);
            let index = move |[quad, position, map]: [usize; 3]| {
                Some((4 * quad + map) * positions + position)
            };
            order.map(index).collect()
        };
        let beyond = |index, bound: usize| (index < bound).then_some(index);
        indices.push(of_maps(25));
        indices.push(of_maps(64));
        let h2w = counted([maps / 4, 2, 25, 4, 4]).map(|[quad, half, tap, source, map]| {
            Some(((4 * quad + map) * 8 + 4 * half + source) * 25 + tap)
        });
        indices.push(h2w.collect());
        indices.push(of_maps(16));
        let h3w =
            counted([maps / 4, 16, 8, 4, 4]).map(|[quad, position, unit_quad, input, unit]| {
                let unit = beyond(4 * unit_quad + unit, units)?;
                Some(((4 * quad + input) * 16 + position) * units + unit)
            });
        indices.push(h3w.collect());
        indices.push((0..32).map(|unit| beyond(unit, units)).collect());
        let outw = counted([8, 3, 4, 4]).map(|[unit_quad, class_quad, unit, class]| {
            let unit = beyond(4 * unit_quad + unit, units)?;
            Some(unit * classes + beyond(4 * class_quad + class, classes)?)
        });
        indices.push(outw.collect());
        indices.push((0..12).map(|class| beyond(class, classes)).collect());
        let mut first = 0;
        let mut all = Vec::new();
        for (of_tensor, tensor) in indices.into_iter().zip(&PARAMETERS) {
            all.extend(
                of_tensor
                    .iter()
                    .map(|index| index.map(|index| first + index)),
            );
            first += tensor.len();
        }
        all
    }

    #[test]
    fn parameters_are_where_the_shaders_look_for_them() {
        let expected = parameters_in_packed_order();
        assert_eq!(expected.len(), 4 * PACKED_VECTORS);
        let values = (1..).take(PARAMETERS.iter().map(|tensor| tensor.len()).sum());
        let parameters = Parameters::from_flat(values.map(|value| value as f32).collect());
        let packed = pack(&parameters);
        let expected = expected
            .iter()
            .map(|index| index.map_or(0, |index| index + 1));
        assert!(
            expected
                .map(|value| value as f32)
                .eq(packed.iter().copied())
        );
        assert_eq!(unpack(&packed), parameters);
    }
}
