//! How the fused kernels hold parameters: vectors of four maps, units or classes, in the order of their use.
//!
//! `shaders/shared/packed.wgsl` says what each part holds; places that no parameter fills stay zero.

use super::compose::{CLASS_QUADS, H3_QUADS, MAP_QUADS};
use crate::net::{
    CLASSES, H1_AREA, H1B, H1W, H2_AREA, H2_FAN_MAPS, H2B, H2W, H3_UNITS, H3B, H3W, MAPS, OUTB,
    OUTW, PARAMETER_COUNT, PARAMETERS, Parameters, TAPS,
};

/// Vectors of each part, in the order of [`PARAMETERS`].
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

/// The vector at which a part begins.
pub const fn first_vector(part: usize) -> usize {
    let (mut before, mut sum) = (0, 0);
    while before < part {
        sum += VECTORS[before];
        before += 1;
    }
    sum
}

/// A map's vector and place in it: `positions` vectors a quad.
fn in_maps(map: usize, position: usize, positions: usize) -> usize {
    ((map / 4) * positions + position) * 4 + map % 4
}

/// The place of one element of a tensor among its part's floats.
fn place_in_part(part: usize, index: usize) -> usize {
    match part {
        0 => in_maps(index / TAPS, index % TAPS, TAPS),
        1 => in_maps(index / H1_AREA, index % H1_AREA, H1_AREA),
        2 => {
            let (map, of_map) = (index / (H2_FAN_MAPS * TAPS), index % (H2_FAN_MAPS * TAPS));
            let (source, tap) = (of_map / TAPS, of_map % TAPS);
            // [half][tap][source of four]
            let place = (source / 4 * TAPS + tap) * 4 + source % 4;
            in_maps(map, place, H2_FAN_MAPS * TAPS)
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

/// The place of each parameter among the packed floats, in the order of [`PARAMETERS`].
pub fn places() -> Vec<u32> {
    let parts = PARAMETERS.iter().enumerate();
    let places = parts.flat_map(|(part, tensor)| {
        (0..tensor.len())
            .map(move |index| (4 * first_vector(part) + place_in_part(part, index)) as u32)
    });
    places.collect()
}

/// Packed floats, zero where no parameter goes.
pub fn pack(parameters: &Parameters) -> Vec<f32> {
    let mut floats = vec![0.0; 4 * PACKED_VECTORS];
    for (&value, place) in parameters.flat().iter().zip(places()) {
        floats[place as usize] = value;
    }
    floats
}

/// Parameters from packed floats.
///
/// # Panics
/// If there are too few floats.
pub fn unpack(floats: &[f32]) -> Parameters {
    let values = places().into_iter().map(|place| floats[place as usize]);
    Parameters::from_flat(values.collect())
}

const _: () = assert!(
    H1W.offset == 0
        && H1B.offset < H2W.offset
        && H2B.offset < H3W.offset
        && H3B.offset < OUTW.offset
        && OUTB.offset < PARAMETER_COUNT
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_has_its_own_place() {
        let mut seen = vec![false; 4 * PACKED_VECTORS];
        for place in places() {
            assert!(!std::mem::replace(&mut seen[place as usize], true));
        }
        assert_eq!(seen.iter().filter(|&&seen| seen).count(), PARAMETER_COUNT);
        // Two units of H3 and two classes are padding.
        assert_eq!(seen.len() - PARAMETER_COUNT, 2 * 193 + 12 * 32 - 300 + 2);
    }

    #[test]
    fn unpacking_undoes_packing() {
        let values = (0..PARAMETER_COUNT).map(|index| index as f32).collect();
        let parameters = Parameters::from_flat(values);
        assert_eq!(unpack(&pack(&parameters)), parameters);
    }
}
