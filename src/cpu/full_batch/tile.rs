//! The activations of a tile of examples, one example per lane.

use crate::cpu::simd::{LANES, Lanes};
use crate::net::{CLASSES, H1_SIDE, H2_SIDE, H2_UNITS, H3_UNITS, MAPS, SIDE};

/// Vectors of a tile. Four share each load of H3's weights and each load and store of a kernel's gradient, and what
/// they hold still fits, with the gradients, in 1 MiB of level-2 cache.
pub const VECTORS: usize = 4;
/// Examples of a tile.
pub const TILE: usize = VECTORS * LANES;

/// H1's units, `[map][row][column]`.
pub type H1 = [[[Lanes; H1_SIDE]; H1_SIDE]; MAPS];
/// H2's units, `[map][row][column]`.
pub type H2 = [[[Lanes; H2_SIDE]; H2_SIDE]; MAPS];

/// Sixteen examples on their way through the net and back.
///
/// `h1` and `h2` hold activations on the way forward; on the way back each is overwritten by its gradient once
/// nothing needs the activation any more, which saves a third of the tile's memory.
#[derive(Clone)]
pub struct Activations16 {
    /// Images without their padding, `[row][column]`.
    pub x: [[Lanes; SIDE]; SIDE],
    /// H1's activations, then the gradient of its sums.
    pub h1: H1,
    /// H2's activations, then the gradient of its sums.
    pub h2: H2,
    /// Dropout's factors; untouched without dropout.
    pub factors: [Lanes; H2_UNITS],
    /// H3's input: H2, after dropout; then its gradient.
    pub dropped: [Lanes; H2_UNITS],
    /// H3's activations.
    pub h3: [Lanes; H3_UNITS],
    /// tanh outputs for MSE, logits for cross-entropy.
    pub out: [Lanes; CLASSES],
    /// Gradient of H3's sums.
    pub d_h3: [Lanes; H3_UNITS],
    /// Gradient of the output's sums.
    pub d_out: [Lanes; CLASSES],
}

impl Activations16 {
    /// All zeros.
    pub const ZERO: Self = Self {
        x: [[Lanes::ZERO; SIDE]; SIDE],
        h1: [[[Lanes::ZERO; H1_SIDE]; H1_SIDE]; MAPS],
        h2: [[[Lanes::ZERO; H2_SIDE]; H2_SIDE]; MAPS],
        factors: [Lanes::ZERO; H2_UNITS],
        dropped: [Lanes::ZERO; H2_UNITS],
        h3: [Lanes::ZERO; H3_UNITS],
        out: [Lanes::ZERO; CLASSES],
        d_h3: [Lanes::ZERO; H3_UNITS],
        d_out: [Lanes::ZERO; CLASSES],
    };
}
