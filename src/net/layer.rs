//! The layers as matrices: every unit's sum is a row of weights times its inputs, plus a bias.

use super::{H1_AREA, H1B, H1W, H2_AREA, H2B, H2W, H3B, H3W, OUTB, OUTW, ParameterTensor};

/// A layer as a matrix of weights, `[row][input]`, that is applied at each position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its weights.
    pub weights: ParameterTensor,
    /// Its biases, `[row][position]`.
    pub biases: ParameterTensor,
    /// Positions at which the weights are applied: 1 where the layer is no convolution.
    pub positions: usize,
    /// Groups of equally many rows; the rows of a group see the same inputs.
    pub groups: usize,
}

/// All layers, from the input to the output.
pub const LAYERS: [Layer; 4] = [
    Layer::new(H1W, H1B, H1_AREA, 1),
    Layer::new(H2W, H2B, H2_AREA, 3),
    Layer::new(H3W, H3B, 1, 1),
    Layer::new(OUTW, OUTB, 1, 1),
];

impl Layer {
    const fn new(
        weights: ParameterTensor,
        biases: ParameterTensor,
        positions: usize,
        groups: usize,
    ) -> Self {
        Self {
            weights,
            biases,
            positions,
            groups,
        }
    }

    /// Its name, of the tensors without their last letter.
    pub fn name(&self) -> &'static str {
        &self.weights.name[..self.weights.name.len() - 1]
    }

    /// Rows: maps or units.
    pub const fn rows(&self) -> usize {
        self.weights.len() / self.inputs()
    }

    /// Inputs of a row.
    pub const fn inputs(&self) -> usize {
        self.weights.fan_in
    }

    /// Rows of a group.
    pub const fn group_rows(&self) -> usize {
        self.rows() / self.groups
    }

    /// Index of the weight at (row, input) in its tensor: H1 and H2 keep rows together, H3 and the output columns.
    pub const fn index(&self, row: usize, input: usize) -> usize {
        if self.weights.shape.len() == 2 {
            input * self.rows() + row
        } else {
            row * self.inputs() + input
        }
    }
}
