//! Builder of a graph, node by node.

use super::message::{Attribute, Graph, Node, Tensor};
use gpu_train::net::{PADDING, PADDING_VALUE, STRIDE};
use gpu_train::recipe::Activation;

/// Names of the constants shared by all padding.
const PADDING_NAMES: [&str; 2] = ["padding", "padding_value"];
/// Names of the constants of scaled tanh: the factors of its argument and of its value.
const SCALE_NAMES: [&str; 2] = ["tanh_gain", "tanh_amplitude"];

/// Graph under construction. Every method adds a node and names its output.
#[derive(Default)]
pub struct Builder {
    pub graph: Graph,
}

impl Builder {
    /// Creates a graph without nodes, with the constants of this activation.
    pub fn new(activation: Activation) -> Self {
        let mut builder = Self::default();
        let side = PADDING as i64;
        let [sides, value] = PADDING_NAMES;
        // Padding before each axis, then after each; none for examples and maps.
        builder.integers(sides, &[0, 0, side, side, 0, 0, side, side]);
        builder.floats(value, &[], &[PADDING_VALUE]);
        if activation == Activation::ScaledTanh {
            let (amplitude, gain) = activation.tanh_scale();
            for (name, value) in SCALE_NAMES.into_iter().zip([gain, amplitude]) {
                builder.floats(name, &[], &[value as f32]);
            }
        }
        builder
    }

    fn initializer(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) {
        self.graph.initializer.push(Tensor {
            dims: shape.iter().map(|&length| length as i64).collect(),
            data_type: Some(data_type),
            name: Some(name.into()),
            raw_data: Some(raw_data),
        });
    }

    /// Adds a constant of f32; a scalar has no axis.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializer(name, shape, Tensor::FLOAT, bytes.collect());
    }

    /// Adds a constant vector of i64.
    pub fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializer(name, &[values.len()], Tensor::INT64, bytes.collect());
    }

    /// Adds a node with the name of its output.
    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str, options: &[Attribute]) {
        self.graph.node.push(Node {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.into()],
            name: Some(output.into()),
            op_type: Some(operator.into()),
            attribute: options.to_vec(),
        });
    }

    /// Pads each map with background.
    pub fn pad(&mut self, maps: &str, output: &str) {
        let [sides, value] = PADDING_NAMES;
        self.node("Pad", &[maps, sides, value], output, &[]);
    }

    /// Convolves with the net's stride. Inputs are padded beforehand.
    pub fn convolve(&mut self, maps: &str, kernels: &str, output: &str) {
        let stride = STRIDE as i64;
        let options = [integers("strides", &[stride, stride])];
        self.node("Conv", &[maps, kernels], output, &options);
    }

    /// Applies the activation of the hidden layers.
    pub fn activate(&mut self, activation: Activation, sums: &str, output: &str) {
        match activation {
            Activation::Relu => self.node("Relu", &[sums], output, &[]),
            Activation::Tanh | Activation::ScaledTanh => self.tanh(activation, sums, output),
        }
    }

    /// Computes A·tanh(g·x); A and g are 1 except for scaled tanh.
    pub fn tanh(&mut self, activation: Activation, sums: &str, output: &str) {
        if activation != Activation::ScaledTanh {
            return self.node("Tanh", &[sums], output, &[]);
        }
        let [gain, amplitude] = SCALE_NAMES;
        let (scaled, value) = (format!("{output}_scaled"), format!("{output}_tanh"));
        self.node("Mul", &[sums, gain], &scaled, &[]);
        self.node("Tanh", &[&scaled], &value, &[]);
        self.node("Mul", &[&value, amplitude], output, &[]);
    }
}

/// Integer attribute.
pub fn integer(name: &str, value: i64) -> Attribute {
    Attribute {
        name: Some(name.into()),
        i: Some(value),
        r#type: Some(Attribute::INTEGER),
        ..Attribute::default()
    }
}

/// Attribute of several integers.
pub fn integers(name: &str, values: &[i64]) -> Attribute {
    Attribute {
        name: Some(name.into()),
        ints: values.to_vec(),
        r#type: Some(Attribute::INTEGERS),
        ..Attribute::default()
    }
}
