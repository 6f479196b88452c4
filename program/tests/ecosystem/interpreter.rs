//! Interpreter of the ONNX operators that an exported net uses, in f64, written from their definitions.

use std::collections::HashMap;

use gpu_train_program::export::onnx::message::{Graph, Node, Tensor};

/// Value: shape, and elements in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

/// Converts a constant. Integers become f64, which represents these exactly.
pub fn constant(tensor: &Tensor) -> Array {
    let bytes = tensor.raw_data.as_deref().expect("raw data");
    let data: Vec<f64> = match tensor.data_type {
        Some(Tensor::FLOAT) => {
            let (values, rest) = bytes.as_chunks::<4>();
            assert!(rest.is_empty());
            values
                .iter()
                .map(|b| f32::from_le_bytes(*b).into())
                .collect()
        }
        Some(Tensor::INT64) => {
            let (values, rest) = bytes.as_chunks::<8>();
            assert!(rest.is_empty());
            values
                .iter()
                .map(|b| i64::from_le_bytes(*b) as f64)
                .collect()
        }
        other => panic!("type {other:?}"),
    };
    let shape: Vec<usize> = tensor.dims.iter().map(|&length| length as usize).collect();
    assert_eq!(
        shape.iter().product::<usize>(),
        data.len(),
        "{:?}",
        tensor.name
    );
    Array { shape, data }
}

/// Runs a graph on one input. Returns every value by name.
pub fn run(graph: &Graph, input: &str, array: Array) -> HashMap<String, Array> {
    let mut values = HashMap::from([(input.to_owned(), array)]);
    for tensor in &graph.initializer {
        values.insert(tensor.name.clone().expect("a name"), constant(tensor));
    }
    for node in &graph.node {
        let inputs: Vec<&Array> = node
            .input
            .iter()
            .map(|name| {
                values
                    .get(name)
                    .unwrap_or_else(|| panic!("{name} is not there yet"))
            })
            .collect();
        let output = apply(node, &inputs);
        let [name] = &node.output[..] else {
            panic!("one output a node");
        };
        assert!(
            values.insert(name.clone(), output).is_none(),
            "{name} twice"
        );
    }
    values
}

fn option<'a>(
    node: &'a Node,
    name: &str,
) -> &'a gpu_train_program::export::onnx::message::Attribute {
    let mut options = node.attribute.iter();
    options
        .find(|option| option.name.as_deref() == Some(name))
        .unwrap_or_else(|| panic!("{:?} has no {name}", node.name))
}

fn apply(node: &Node, inputs: &[&Array]) -> Array {
    match (node.op_type.as_deref().expect("an operator"), inputs) {
        ("Pad", [maps, sides, value]) => pad(maps, &sides.data, value.data[0]),
        ("Conv", [maps, kernels]) => {
            assert_eq!(option(node, "strides").ints, [2, 2]);
            convolve(maps, kernels, 2)
        }
        ("Add", [a, b]) => with(a, b, |a, b| a + b),
        ("Mul", [a, b]) => with(a, b, |a, b| a * b),
        ("Tanh", [a]) => each(a, f64::tanh),
        ("Relu", [a]) => each(a, |value| value.max(0.0)),
        ("Gather", [maps, indices]) => {
            assert_eq!(option(node, "axis").i, Some(1));
            let size: usize = maps.shape[2..].iter().product();
            gather(maps, &indices.data, size)
        }
        ("Concat", arrays) => {
            assert_eq!(option(node, "axis").i, Some(1));
            concat(arrays)
        }
        ("Flatten", [a]) => {
            assert_eq!(option(node, "axis").i, Some(1));
            let shape = vec![a.shape[0], a.shape[1..].iter().product()];
            Array {
                shape,
                ..(*a).clone()
            }
        }
        ("MatMul", [a, b]) => multiply(a, b),
        ("Softmax", [a]) => {
            assert_eq!(option(node, "axis").i, Some(1));
            softmax(a)
        }
        (operator, inputs) => panic!("{operator} of {} inputs", inputs.len()),
    }
}

fn each(a: &Array, function: impl Fn(f64) -> f64) -> Array {
    let data = a.data.iter().map(|&value| function(value)).collect();
    Array {
        shape: a.shape.clone(),
        data,
    }
}

/// Applies a function to `a` and `b`; `b` is repeated along the leading axes of `a`.
fn with(a: &Array, b: &Array, function: impl Fn(f64, f64) -> f64) -> Array {
    assert!(
        a.shape.ends_with(&b.shape),
        "{:?} and {:?}",
        a.shape,
        b.shape
    );
    let pairs = a.data.iter().zip(b.data.iter().cycle());
    let data = pairs.map(|(&a, &b)| function(a, b)).collect();
    Array {
        shape: a.shape.clone(),
        data,
    }
}

fn pad(maps: &Array, sides: &[f64], value: f64) -> Array {
    let [examples, channels, rows, columns] = maps.shape[..] else {
        panic!("four axes");
    };
    let side = sides[2] as usize;
    assert_eq!(
        sides,
        [0, 0, side, side, 0, 0, side, side].map(|n| n as f64)
    );
    let (high, wide) = (rows + 2 * side, columns + 2 * side);
    let mut data = vec![value; examples * channels * high * wide];
    for (row, values) in maps.data.chunks(columns).enumerate() {
        let (map, row) = (row / rows, row % rows);
        let start = (map * high + row + side) * wide + side;
        data[start..start + columns].copy_from_slice(values);
    }
    Array {
        shape: vec![examples, channels, high, wide],
        data,
    }
}

fn convolve(maps: &Array, kernels: &Array, stride: usize) -> Array {
    let (&[examples, channels, high, wide], &[out, seen, tall, broad]) =
        (&maps.shape[..], &kernels.shape[..])
    else {
        panic!("four axes each");
    };
    assert_eq!(channels, seen);
    let rows = (high - tall) / stride + 1;
    let columns = (wide - broad) / stride + 1;
    let mut data = Vec::with_capacity(examples * out * rows * columns);
    for unit in 0..examples * out * rows * columns {
        let (column, row) = (unit % columns, unit / columns % rows);
        let (map, example) = (unit / (rows * columns) % out, unit / (rows * columns * out));
        let tap = |tap: usize| {
            let (kc, kr, channel) = (tap % broad, tap / broad % tall, tap / (broad * tall));
            let (r, c) = (stride * row + kr, stride * column + kc);
            let below = maps.data[((example * channels + channel) * high + r) * wide + c];
            below * kernels.data[map * seen * tall * broad + tap]
        };
        data.push((0..seen * tall * broad).map(tap).sum());
    }
    Array {
        shape: vec![examples, out, rows, columns],
        data,
    }
}

fn gather(maps: &Array, indices: &[f64], size: usize) -> Array {
    let mut data = Vec::new();
    for example in maps.data.chunks(maps.shape[1] * size) {
        for &index in indices {
            data.extend_from_slice(&example[index as usize * size..][..size]);
        }
    }
    let mut shape = maps.shape.clone();
    shape[1] = indices.len();
    Array { shape, data }
}

fn concat(arrays: &[&Array]) -> Array {
    let mut shape = arrays[0].shape.clone();
    shape[1] = arrays.iter().map(|array| array.shape[1]).sum();
    let mut data = Vec::new();
    for example in 0..shape[0] {
        for array in arrays {
            let size = array.data.len() / shape[0];
            data.extend_from_slice(&array.data[example * size..][..size]);
        }
    }
    Array { shape, data }
}

fn multiply(a: &Array, b: &Array) -> Array {
    let (&[examples, inputs], &[also, outputs]) = (&a.shape[..], &b.shape[..]) else {
        panic!("two axes each");
    };
    assert_eq!(inputs, also);
    let element = |index: usize| {
        let (example, output) = (index / outputs, index % outputs);
        let row = &a.data[example * inputs..][..inputs];
        let products = row.iter().enumerate();
        products
            .map(|(input, value)| value * b.data[input * outputs + output])
            .sum()
    };
    let data = (0..examples * outputs).map(element).collect();
    Array {
        shape: vec![examples, outputs],
        data,
    }
}

fn softmax(a: &Array) -> Array {
    let mut data = Vec::new();
    for row in a.data.chunks(a.shape[1]) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|value| (value - largest).exp()).sum();
        data.extend(row.iter().map(|value| (value - largest).exp() / sum));
    }
    Array {
        shape: a.shape.clone(),
        data,
    }
}
