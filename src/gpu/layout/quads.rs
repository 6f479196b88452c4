//! Tensors of the layered kernels: `[quad][position][example]` of four maps' values, examples innermost.

use crate::data::Dataset;
use crate::net::{CLASSES, H1_AREA, H1_UNITS, H2_AREA, H2_UNITS, H3_UNITS, PIXELS};

/// A tensor with one value per unit of a layer, in quads of maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuadTensor {
    /// The buffer's name.
    pub name: &'static str,
    /// Units per example, `[map][position]`.
    pub units: usize,
    /// Positions of a map.
    pub positions: usize,
}

const fn quads(name: &'static str, units: usize, positions: usize) -> QuadTensor {
    QuadTensor {
        name,
        units,
        positions,
    }
}

/// All tensors in quads.
pub const QUAD_TENSORS: [QuadTensor; 10] = [
    quads("h1", H1_UNITS, H1_AREA),
    quads("h2", H2_UNITS, H2_AREA),
    quads("factors", H2_UNITS, H2_AREA),
    quads("dropped", H2_UNITS, H2_AREA),
    quads("h3", H3_UNITS, 1),
    quads("out", CLASSES, 1),
    quads("d_out", CLASSES, 1),
    quads("d_h3", H3_UNITS, 1),
    quads("d_h2", H2_UNITS, H2_AREA),
    quads("d_h1", H1_UNITS, H1_AREA),
];

impl QuadTensor {
    /// Number of floats for this many examples, the last quad's spare ones included.
    pub fn floats(&self, examples: usize) -> usize {
        (self.units / self.positions).div_ceil(4) * 4 * self.positions * examples
    }

    /// Index of one unit of one example among the floats.
    pub fn index(&self, unit: usize, example: usize, examples: usize) -> usize {
        let (map, position) = (unit / self.positions, unit % self.positions);
        (((map / 4) * self.positions + position) * examples + example) * 4 + map % 4
    }
}

/// Pixel codes of some examples as the kernels read them: `[pixel pair][example]`, two 16-bit codes per word.
pub fn packed_codes(set: &Dataset, examples: std::ops::Range<usize>) -> Vec<u32> {
    let count = examples.len();
    let mut words = vec![0; PIXELS / 2 * count];
    for (example, in_set) in examples.enumerate() {
        for (pair, codes) in set.image_codes(in_set).chunks_exact(2).enumerate() {
            words[pair * count + example] = u32::from(codes[0]) | u32::from(codes[1]) << 16;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_lie_in_quads_of_maps_then_positions_then_examples() {
        let examples = 3;
        for tensor in QUAD_TENSORS {
            let maps = tensor.units / tensor.positions;
            let mut floats = 0;
            for quad in 0..maps.div_ceil(4) {
                for position in 0..tensor.positions {
                    for example in 0..examples {
                        for map in 4 * quad..4 * quad + 4 {
                            let unit = map * tensor.positions + position;
                            let found = tensor.index(unit, example, examples);
                            assert!(map >= maps || found == floats, "{}", tensor.name);
                            floats += 1;
                        }
                    }
                }
            }
            assert_eq!(tensor.floats(examples), floats, "{}", tensor.name);
        }
    }

    #[test]
    fn codes_are_packed_in_pairs_with_examples_innermost() {
        let set = crate::data::embedded::digits().train;
        let words = packed_codes(&set, 5..8);
        assert_eq!(words.len(), 128 * 3);
        for (at, word) in words.into_iter().enumerate() {
            let (pair, example) = (at / 3, 5 + at % 3);
            let codes = &set.image_codes(example)[2 * pair..];
            assert_eq!(word & 0xffff, u32::from(codes[0]));
            assert_eq!(word >> 16, u32::from(codes[1]));
        }
    }
}
