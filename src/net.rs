//! The 1989 net as data: layers, shapes, the offset of each parameter, connectivity and initial weights.
//!
//! Every other module (and, through generated constants, every shader) takes its sizes from here.
//!
//! ```
//! use gpu_train::net::{H2_SOURCES, H2W, LAYERS, PARAMETER_COUNT, Parameters};
//!
//! assert_eq!(PARAMETER_COUNT, 9_760);
//! assert_eq!((H2W.shape, H2W.fan_in), (&[12, 8, 5, 5][..], 200));
//! // Map 4 of H2 sees these maps of H1.
//! assert_eq!(H2_SOURCES[4], [4, 5, 6, 7, 8, 9, 10, 11]);
//! let names: Vec<_> = LAYERS.iter().map(|layer| layer.name()).collect();
//! assert_eq!(names, ["H1", "H2", "H3", "out"]);
//!
//! let mut gradient = Parameters::<f64>::zeros();
//! gradient.tensor_mut(&H2W)[0] = 0.5;
//! assert_eq!(gradient.flat()[H2W.offset], 0.5);
//! ```

mod layer;

use crate::draw;
use crate::named::named;

pub use layer::{LAYERS, Layer};

/// Side of an input image, in pixels.
pub const SIDE: usize = 16;
/// Pixels of an input image.
pub const PIXELS: usize = SIDE * SIDE;
/// Number of digit classes.
pub const CLASSES: usize = 10;
/// Side of both convolution kernels.
pub const KERNEL: usize = 5;
/// Taps of one kernel plane.
pub const TAPS: usize = KERNEL * KERNEL;
/// Stride of both convolutions.
pub const STRIDE: usize = 2;
/// Units of padding around the input of both convolutions.
pub const PADDING: usize = 2;
/// Side of an input image with its padding.
pub const PADDED_SIDE: usize = SIDE + 2 * PADDING;
/// Pixels of an input image with its padding.
pub const PADDED_PIXELS: usize = PADDED_SIDE * PADDED_SIDE;
/// Value of the padding, in the input *and* around H1's activations.
pub const PADDING_VALUE: f32 = -1.0;

/// Feature maps of H1, and of H2.
pub const MAPS: usize = 12;
/// Side of an H1 map.
pub const H1_SIDE: usize = 8;
/// Positions in an H1 map.
pub const H1_AREA: usize = H1_SIDE * H1_SIDE;
/// Units of H1: `[map][row][column]`.
pub const H1_UNITS: usize = MAPS * H1_AREA;
/// Side of an H2 map.
pub const H2_SIDE: usize = 4;
/// Positions in an H2 map.
pub const H2_AREA: usize = H2_SIDE * H2_SIDE;
/// Units of H2: `[map][row][column]`; H3 sees them in this order.
pub const H2_UNITS: usize = MAPS * H2_AREA;
/// Number of H1's maps that an H2 map sees.
pub const H2_FAN_MAPS: usize = 8;
/// Units of H3.
pub const H3_UNITS: usize = 30;

/// H1's maps seen by each map of H2, in the order of `H2w`'s second axis.
///
/// The paper leaves its scheme out; this is the reproduction's: three groups of four maps, each seeing two of
/// H1's three groups of four.
pub const H2_SOURCES: [[usize; H2_FAN_MAPS]; MAPS] = {
    let groups = [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [4, 5, 6, 7, 8, 9, 10, 11],
        [0, 1, 2, 3, 8, 9, 10, 11],
    ];
    let mut sources = [[0; H2_FAN_MAPS]; MAPS];
    let mut map = 0;
    while map < MAPS {
        sources[map] = groups[map / 4];
        map += 1;
    }
    sources
};

/// Multiply-adds of one example in each layer's forward pass: H1, H2, H3, output. The gradient of a layer's weights takes
/// the same number, and so does the gradient of its inputs. `h1` and `h2`: positions and taps of a map.
const fn by_layer(h1: usize, h2: usize) -> [usize; 4] {
    [
        MAPS * h1,
        MAPS * H2_FAN_MAPS * h2,
        H2_UNITS * H3_UNITS,
        H3_UNITS * CLASSES,
    ]
}
/// Multiply-adds of one example: forward, weight gradients, and input gradients of H2, H3 and the output.
const fn multiply_adds([h1, h2, h3, out]: [usize; 4]) -> usize {
    2 * (h1 + h2 + h3 + out) + (h2 + h3 + out)
}
/// Nominal floating-point operations of training on one example, padding included, as frameworks compute it (one
/// multiply-add counts as two).
pub const FLOP_PER_EXAMPLE: usize =
    2 * multiply_adds(by_layer(H1_SIDE * H1_SIDE * TAPS, H2_SIDE * H2_SIDE * TAPS));
/// Needed multiply-adds of one example in each layer's forward pass: H1, H2, H3, output. The padding is constant, so its share
/// of the sums and gradients follows from the biases.
pub const NEEDED_BY_LAYER: [usize; 4] = {
    let (h1, h2) = (taps_inside(H1_SIDE, SIDE), taps_inside(H2_SIDE, H1_SIDE));
    by_layer(h1 * h1, h2 * h2)
};
/// Needed floating-point operations of training on one example, without the padding's.
pub const NEEDED_FLOP_PER_EXAMPLE: usize = 2 * multiply_adds(NEEDED_BY_LAYER);

/// Pairs of a position and a tap along one side of a convolution that are not in the padding.
const fn taps_inside(positions: usize, side_below: usize) -> usize {
    let (mut inside, mut at) = (0, 0);
    while at < positions * KERNEL {
        let padded = at / KERNEL * STRIDE + at % KERNEL;
        inside += (padded >= PADDING && padded < PADDING + side_below) as usize;
        at += 1;
    }
    inside
}

/// One named parameter tensor: its name in the reproduction's `state_dict`, its shape, where it starts in the
/// flat vector of all parameters, and its fan-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterTensor {
    /// Name in the reproduction's `state_dict`.
    pub name: &'static str,
    /// Shape, row-major.
    pub shape: &'static [usize],
    /// Index of its first element in the flat vector.
    pub offset: usize,
    /// Inputs of each unit it feeds; 0 for biases.
    pub fan_in: usize,
}

impl ParameterTensor {
    /// Number of elements.
    pub const fn len(&self) -> usize {
        let mut product = 1;
        let mut axis = 0;
        while axis < self.shape.len() {
            product *= self.shape[axis];
            axis += 1;
        }
        product
    }

    /// Tells whether it has no elements (none of this net's has).
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Columns of the weights as a matrix: a map's or a unit's share is a row (H1, H2) or a column (H3, output). `None` for
    /// biases.
    pub const fn columns(&self) -> Option<usize> {
        match (self.fan_in, self.shape) {
            (0, _) => None,
            (_, [_, columns]) => Some(*columns),
            (fan_in, _) => Some(fan_in),
        }
    }

    /// The tensor's place in the flat vector.
    pub const fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }

    const fn after(
        previous: &ParameterTensor,
        name: &'static str,
        shape: &'static [usize],
        fan_in: usize,
    ) -> ParameterTensor {
        ParameterTensor {
            name,
            shape,
            offset: previous.offset + previous.len(),
            fan_in,
        }
    }
}

/// H1's kernels, `[map][1][row][column]`.
pub const H1W: ParameterTensor = ParameterTensor {
    name: "H1w",
    shape: &[MAPS, 1, KERNEL, KERNEL],
    offset: 0,
    fan_in: TAPS,
};
/// H1's biases, one a unit.
pub const H1B: ParameterTensor = ParameterTensor::after(&H1W, "H1b", &[MAPS, H1_SIDE, H1_SIDE], 0);
/// H2's kernels, `[map][source][row][column]`; the source order is [`H2_SOURCES`].
pub const H2W: ParameterTensor = ParameterTensor::after(
    &H1B,
    "H2w",
    &[MAPS, H2_FAN_MAPS, KERNEL, KERNEL],
    H2_FAN_MAPS * TAPS,
);
/// H2's biases, one a unit.
pub const H2B: ParameterTensor = ParameterTensor::after(&H2W, "H2b", &[MAPS, H2_SIDE, H2_SIDE], 0);
/// H3's weights, `[input][unit]` (applied as `x @ W + b`).
pub const H3W: ParameterTensor =
    ParameterTensor::after(&H2B, "H3w", &[H2_UNITS, H3_UNITS], H2_UNITS);
/// H3's biases.
pub const H3B: ParameterTensor = ParameterTensor::after(&H3W, "H3b", &[H3_UNITS], 0);
/// The output layer's weights, `[input][class]`.
pub const OUTW: ParameterTensor =
    ParameterTensor::after(&H3B, "outw", &[H3_UNITS, CLASSES], H3_UNITS);
/// The output layer's biases.
pub const OUTB: ParameterTensor = ParameterTensor::after(&OUTW, "outb", &[CLASSES], 0);

/// All parameters, in the order of the flat vector.
pub const PARAMETERS: [ParameterTensor; 8] = [H1W, H1B, H2W, H2B, H3W, H3B, OUTW, OUTB];
/// Number of parameters: 9,760.
pub const PARAMETER_COUNT: usize = OUTB.offset + OUTB.len();

/// One value for each parameter of the net (weights, a gradient, or an optimizer moment), flat, in the order of
/// [`PARAMETERS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters<T = f32>(Vec<T>);

impl<T: Copy + Default> Parameters<T> {
    /// All zeros.
    pub fn zeros() -> Self {
        Self(vec![T::default(); PARAMETER_COUNT])
    }

    /// Takes a flat vector.
    ///
    /// # Panics
    /// If it does not hold [`PARAMETER_COUNT`] values.
    pub fn from_flat(values: Vec<T>) -> Self {
        assert_eq!(values.len(), PARAMETER_COUNT, "a value for each parameter");
        Self(values)
    }

    /// The values of one tensor.
    pub fn tensor(&self, tensor: &ParameterTensor) -> &[T] {
        &self.0[tensor.range()]
    }

    /// The values of one tensor, to change.
    pub fn tensor_mut(&mut self, tensor: &ParameterTensor) -> &mut [T] {
        &mut self.0[tensor.range()]
    }

    /// All values.
    pub fn flat(&self) -> &[T] {
        &self.0
    }

    /// All values, to change.
    pub fn flat_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    /// The same values in another number type.
    pub fn map<U>(&self, convert: impl Fn(T) -> U) -> Parameters<U> {
        Parameters(self.0.iter().map(|&value| convert(value)).collect())
    }
}

named! {
    /// Range of the initial weights, F being a unit's fan-in.
    pub enum Initialization {
        /// Uniform in ±2.4/√F: the essay's guess, which keeps a unit's sum of unit variance.
        Sqrt = "sqrt",
        /// Uniform in ±2.4/F, as the paper's PDF reads.
        Plain = "plain",
    }
}

impl Initialization {
    /// The largest initial weight of a unit of N inputs.
    pub fn bound(self, fan_in: usize) -> f64 {
        let fan_in = fan_in as f64;
        match self {
            Self::Sqrt => 2.4 / fan_in.sqrt(),
            Self::Plain => 2.4 / fan_in,
        }
    }
}

/// Draws the initial weights, uniform up to [`Initialization::bound`]; biases are 0 but the output's, which start at
/// `output_bias` (−1 where nine targets of ten are −1).
pub fn initial_parameters(
    seed: u64,
    output_bias: f32,
    initialization: Initialization,
) -> Parameters {
    let mut parameters = Parameters::zeros();
    for tensor in PARAMETERS.iter().filter(|tensor| tensor.fan_in > 0) {
        let bound = initialization.bound(tensor.fan_in);
        for (index, value) in tensor.range().zip(parameters.tensor_mut(tensor)) {
            let uniform = f64::from(draw::initial_weight(seed, index as u32)) / 2f64.powi(32);
            *value = (bound * (2.0 * uniform - 1.0)) as f32;
        }
    }
    parameters.tensor_mut(&OUTB).fill(output_bias);
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_papers() {
        assert_eq!(PARAMETER_COUNT, 9_760);
        assert_eq!(H1_UNITS + H2_UNITS + H3_UNITS + CLASSES, 1_000);
        assert_eq!(FLOP_PER_EXAMPLE, 2 * 171_780);
        // H1: 37² of 40² pairs of position and tap; H2: 17² of 20².
        assert_eq!(NEEDED_FLOP_PER_EXAMPLE, 2 * 134_268);
    }

    #[test]
    fn initial_weights_fill_their_interval_and_biases_are_constant() {
        // 2.4/√F and 2.4/F for fan-ins of 25, 200, 192 and 30.
        for (initialization, bounds) in [
            (
                Initialization::Sqrt,
                [0.48, 0.169_706, 0.173_205, 0.438_178],
            ),
            (Initialization::Plain, [0.096, 0.012, 0.0125, 0.08]),
        ] {
            let parameters = initial_parameters(7, -1.0, initialization);
            for (tensor, bound) in [H1W, H2W, H3W, OUTW].iter().zip(bounds) {
                let values = parameters.tensor(tensor);
                let largest = values.iter().fold(0f32, |a, &v| a.max(v.abs()));
                let share = largest / bound;
                assert!((0.95..=1.000_01).contains(&share), "{}", tensor.name);
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                assert!(mean.abs() < 0.2 * bound, "{}", tensor.name);
            }
            for tensor in [H1B, H2B, H3B, OUTB] {
                let expected = if tensor.name == "outb" { -1.0 } else { 0.0 };
                let values = parameters.tensor(&tensor);
                assert!(values.iter().all(|&v| v == expected), "{}", tensor.name);
            }
            assert_ne!(parameters, initial_parameters(8, -1.0, initialization));
        }
    }
}
