//! Places of the parameters among the vectors, and conversion from and to the flat order.

use bytemuck::{Zeroable, zeroed_box};

use crate::cpu::simd::{LANES, Lanes};
use crate::net::{
    CLASSES, H1_SIDE, H1B, H1W, H2_AREA, H2_FAN_MAPS, H2_SIDE, H2_SOURCES, H2B, H2W, H3_UNITS, H3B,
    H3W, KERNEL, MAPS, OUTB, OUTW, Parameters, TAPS,
};

/// Floats of a quad.
pub const QUAD: usize = 4;
/// Simd of maps, of H1 and of H2.
pub const MAP_QUADS: usize = MAPS / QUAD;
/// Vectors of four columns in a row of H1.
pub const HALVES: usize = H1_SIDE / QUAD;
/// Pairs of (map quad of H2, map quad of H1 it sees).
pub const PAIRS: usize = MAP_QUADS * H2_FAN_MAPS / QUAD;
/// Simd of H3's inputs, ordered (map quad, row, column): a quad is four maps at one position.
pub const H3_INPUT_QUADS: usize = MAP_QUADS * H2_AREA;
/// Simd of H3's units, 30 padded to 32.
pub const H3_QUADS: usize = H3_UNITS.div_ceil(QUAD);
/// Simd of classes, 10 padded to 12.
pub const CLASS_QUADS: usize = CLASSES.div_ceil(QUAD);

/// For each map quad of H1, the two map quads of H2 that see it, each with its pair's index.
pub const SEEN_BY: [[(usize, usize); 2]; MAP_QUADS] = {
    let mut seen_by = [[(0, 0); 2]; MAP_QUADS];
    let mut counts = [0; MAP_QUADS];
    let mut group = 0;
    while group < MAP_QUADS {
        let mut half = 0;
        while half < 2 {
            let source = H2_SOURCES[QUAD * group][QUAD * half] / QUAD;
            seen_by[source][counts[source]] = (group, 2 * group + half);
            counts[source] += 1;
            half += 1;
        }
        group += 1;
    }
    seen_by
};

/// One value for each parameter, as vectors; the module's table describes a vector's lanes.
#[derive(Clone, Zeroable)]
pub struct Packed {
    /// `[map quad][row][column]` of the kernel; lanes `[map][the same four times]`.
    pub h1w: [[[Lanes; KERNEL]; KERNEL]; MAP_QUADS],
    /// `[map quad][row][half]`; lanes `[map][column]`.
    pub h1b: [[[Lanes; HALVES]; H1_SIDE]; MAP_QUADS],
    /// `[pair][row][column]` of the kernel; lanes `[map of H2][map of H1]`.
    pub h2w: [[[Lanes; KERNEL]; KERNEL]; PAIRS],
    /// `[map quad][row]`; lanes `[column][map]`.
    pub h2b: [[Lanes; H2_SIDE]; MAP_QUADS],
    /// `[input quad][unit quad]`; lanes `[unit][input]`.
    pub h3w: [[Lanes; H3_QUADS]; H3_INPUT_QUADS],
    /// Lanes `[unit]`.
    pub h3b: [Lanes; H3_QUADS / QUAD],
    /// `[input quad][class quad]`; lanes `[class][input]`.
    pub outw: [[Lanes; CLASS_QUADS]; H3_QUADS],
    /// Lanes `[class]`.
    pub outb: [Lanes; 1],
}

impl Packed {
    /// Takes values in the flat order; lanes that pad 30 units to 32 and 10 classes to 12 are zero.
    pub fn pack(parameters: &Parameters) -> Box<Self> {
        let mut packed: Box<Self> = zeroed_box();
        packed.each(|lane, index| *lane = parameters.flat()[index]);
        packed
    }

    /// The values in the flat order.
    pub fn unpack(&mut self) -> Parameters {
        let mut parameters = Parameters::zeros();
        self.each(|lane, index| parameters.flat_mut()[index] = *lane);
        parameters
    }

    /// Calls `visit(lane, flat index)` for each lane that holds a parameter; H1's weights are in four lanes
    /// each, which hold the same.
    fn each(&mut self, mut visit: impl FnMut(&mut f32, usize)) {
        for map in 0..MAPS {
            let (group, slot) = (map / QUAD, map % QUAD);
            for tap in 0..TAPS {
                let (row, column) = (tap / KERNEL, tap % KERNEL);
                let index = H1W.offset + map * TAPS + tap;
                for copy in 0..QUAD {
                    let lane = &mut self.h1w[group][row][column].0[QUAD * slot + copy];
                    visit(lane, index);
                }
                for (channel, &source) in H2_SOURCES[map].iter().enumerate() {
                    let pair = 2 * group + channel / QUAD;
                    let lane = &mut self.h2w[pair][row][column].0[QUAD * slot + source % QUAD];
                    let index = H2W.offset + (map * H2_FAN_MAPS + channel) * TAPS + tap;
                    visit(lane, index);
                }
            }
            for row in 0..H1_SIDE {
                for column in 0..H1_SIDE {
                    let vector = &mut self.h1b[group][row][column / QUAD];
                    let index = H1B.offset + (map * H1_SIDE + row) * H1_SIDE + column;
                    visit(&mut vector.0[QUAD * slot + column % QUAD], index);
                }
            }
            for position in 0..H2_AREA {
                let (row, column) = (position / H2_SIDE, position % H2_SIDE);
                let unit = map * H2_AREA + position;
                visit(
                    &mut self.h2b[group][row].0[QUAD * column + slot],
                    H2B.offset + unit,
                );
                let inputs = &mut self.h3w[group * H2_AREA + position];
                for above in 0..H3_UNITS {
                    let lane = &mut inputs[above / QUAD].0[QUAD * (above % QUAD) + slot];
                    visit(lane, H3W.offset + unit * H3_UNITS + above);
                }
            }
        }
        for unit in 0..H3_UNITS {
            let lane = &mut self.h3b[unit / LANES].0[unit % LANES];
            visit(lane, H3B.offset + unit);
            for class in 0..CLASSES {
                let vector = &mut self.outw[unit / QUAD][class / QUAD];
                let lane = &mut vector.0[QUAD * (class % QUAD) + unit % QUAD];
                visit(lane, OUTW.offset + unit * CLASSES + class);
            }
        }
        for class in 0..CLASSES {
            visit(&mut self.outb[0].0[class], OUTB.offset + class);
        }
    }
}

/// The weights and the optimizer's moments.
pub struct Moments {
    /// Weights and biases.
    pub weights: Box<Packed>,
    /// AdamW's first moment, SGD's momentum buffer, or a gradient being summed.
    pub first: Box<Packed>,
    /// AdamW's second moment, or diagonal Newton's 1/(μ + h).
    pub second: Box<Packed>,
}

impl Moments {
    /// These weights, and moments of zero.
    pub fn start(weights: Box<Packed>) -> Self {
        Self {
            weights,
            first: zeroed_box(),
            second: zeroed_box(),
        }
    }
}

/// The same tensor among the weights and both moments.
macro_rules! trained {
    ($moments:ident, $tensor:ident) => {
        $crate::cpu::per_example::layout::Trained {
            weights: &mut $moments.weights.$tensor,
            first: &mut $moments.first.$tensor,
            second: &mut $moments.second.$tensor,
        }
    };
}
pub(super) use trained;

/// Some of the [`Moments`].
pub struct Trained<'a, T> {
    pub weights: &'a mut T,
    pub first: &'a mut T,
    pub second: &'a mut T,
}

impl<T, const N: usize> Trained<'_, [T; N]> {
    /// One element of each of the three arrays.
    #[inline(always)]
    pub fn at(&mut self, index: usize) -> Trained<'_, T> {
        Trained {
            weights: &mut self.weights[index],
            first: &mut self.first[index],
            second: &mut self.second[index],
        }
    }
}

/// The four floats of a quad.
#[inline(always)]
pub fn quad(lanes: &Lanes, index: usize) -> &[f32; QUAD] {
    window(lanes, QUAD * index)
}

/// Four floats from `start`.
#[inline(always)]
pub fn window(lanes: &Lanes, start: usize) -> &[f32; QUAD] {
    lanes.0[start..start + QUAD]
        .try_into()
        .expect("the slice is four long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{H1_UNITS, PARAMETER_COUNT};

    #[test]
    fn every_parameter_has_its_own_lane() {
        let counted = Parameters::from_flat((1..=PARAMETER_COUNT).map(|i| i as f32).collect());
        let mut packed = Packed::pack(&counted);
        assert_eq!(packed.unpack(), counted);
        // All lanes but padding hold something: the weights of H1 four times, the rest once.
        let mut visited = 0;
        packed.each(|lane, index| {
            visited += 1;
            assert_eq!(*lane, (index + 1) as f32);
        });
        assert_eq!(visited, PARAMETER_COUNT + 3 * MAPS * TAPS);
        assert_eq!(H1_UNITS, MAP_QUADS * HALVES * H1_SIDE * LANES);
    }

    #[test]
    fn pairs_are_the_reproductions() {
        assert_eq!(
            SEEN_BY,
            [[(0, 0), (2, 4)], [(0, 1), (1, 2)], [(1, 3), (2, 5)]]
        );
    }
}
