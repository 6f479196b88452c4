//! The activations of a tile of examples, one example per lane.

use bytemuck::Zeroable;

use crate::cpu::simd::{LANES, Lanes};
use crate::net::{CLASSES, H1_SIDE, H2_SIDE, H2_UNITS, H3_UNITS, MAPS, SIDE};

/// Vectors of a tile. Four share each load of H3's weights and each load and store of a kernel's gradient, and what
/// they hold still fits, with the gradients, in 1 MiB of level-2 cache.
pub const VECTORS: usize = 4;
/// Examples of a tile.
pub const TILE: usize = VECTORS * LANES;

/// The units of H1 or of H2, `[map][row][column]`.
pub type Units<const SIDE: usize> = [[[Lanes; SIDE]; SIDE]; MAPS];

/// Sixteen examples on their way through the net and back.
///
/// `h1` and `h2` hold activations on the way forward; on the way back each is overwritten by its gradient once
/// nothing needs the activation any more, which saves a third of the tile's memory.
#[derive(Zeroable)]
pub struct Activations16 {
    /// Images without their padding, `[1][row][column]`.
    pub x: [[[Lanes; SIDE]; SIDE]; 1],
    /// H1's activations, then the gradient of its sums.
    pub h1: Units<H1_SIDE>,
    /// H2's activations, then the gradient of its sums.
    pub h2: Units<H2_SIDE>,
    /// Dropout's factors; untouched without dropout.
    pub factors: [Lanes; H2_UNITS],
    /// H3's input: H2, after dropout.
    pub dropped: [Lanes; H2_UNITS],
    pub h3: [Lanes; H3_UNITS],
    /// tanh outputs for MSE, logits for cross-entropy.
    pub out: [Lanes; CLASSES],
    /// Gradient of H3's sums.
    pub d_h3: [Lanes; H3_UNITS],
    /// Gradient of the output's sums.
    pub d_out: [Lanes; CLASSES],
}
