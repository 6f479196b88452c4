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
    fn each_unit_has_its_own_index() {
        for tensor in QUAD_TENSORS {
            let examples = 3;
            let mut seen = vec![false; tensor.floats(examples)];
            for unit in 0..tensor.units {
                for example in 0..examples {
                    let index = tensor.index(unit, example, examples);
                    let again = std::mem::replace(&mut seen[index], true);
                    assert!(!again, "{}", tensor.name);
                }
            }
        }
    }
}
