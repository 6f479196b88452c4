//! ONNX: the net as a graph for other programs (ONNX Runtime, browsers, phones).
//!
//! The messages of the format are declared in [`message`], so no code is generated at build time.

mod builder;
pub mod message;

use prost::Message;

use builder::{Builder, integer};
use gpu_train::net::{
    CLASSES, H1B, H1W, H2_FAN_MAPS, H2_SOURCES, H2B, H2W, H3B, H3W, KERNEL, MAPS, OUTB, OUTW,
    Parameters, SIDE,
};
use gpu_train::recipe::{Functions, Loss};
use gpu_train::weights::FUNCTIONS_KEY;
use message::{Axis, Entry, Model, OperatorSet, Shape, Tensor, TensorType, Type, Value};

/// Opset and IR version of ONNX 1.8 (November 2020), which every current runtime supports.
const OPERATORS: i64 = 13;
const FORMAT: i64 = 7;
/// Number of H2's maps per group; the maps of a group read the same maps of H1.
const GROUP: usize = 4;

const IMAGE: &str = "image";
const SCORES: &str = "scores";
const PROBABILITIES: &str = "probabilities";

const DOCUMENTATION: &str = "LeCun's 1989 zip-code net of 9,760 parameters: a digit of 16 by 16 pixels to ten scores, \
    one a class, the largest being the guess.";
const PIXELS: &str =
    "-1 is background, 1 is full ink; of an 8-bit image with bright digits, value / 127.5 - 1";

/// The content of a model file: `image` `[N, 1, 16, 16]` in −1 to 1 gives `scores` `[N, 10]` (logits with
/// cross-entropy, values of tanh with MSE) and, with cross-entropy, `probabilities` `[N, 10]`. The same net gives the same
/// bytes.
pub fn encode(parameters: &Parameters, functions: Functions) -> Vec<u8> {
    model(parameters, functions).encode_to_vec()
}

fn model(parameters: &Parameters, functions: Functions) -> Model {
    let entry = |key: &str, value: String| Entry {
        key: Some(key.into()),
        value: Some(value),
    };
    let functions_json = serde_json::to_string(&functions).expect("two plain enums");
    let mut graph = layers(parameters, functions).graph;
    graph.name = Some("lecun-1989".into());
    graph.input = vec![value(IMAGE, &[1, SIDE, SIDE], PIXELS)];
    let meaning = match functions.loss {
        Loss::Mse => "tanh's values; trained towards 1 for the class and -1 for the others",
        Loss::CrossEntropy => "logits",
    };
    graph.output = vec![value(SCORES, &[CLASSES], meaning)];
    if functions.loss == Loss::CrossEntropy {
        let meaning = "softmax of the scores";
        graph.output.push(value(PROBABILITIES, &[CLASSES], meaning));
    }
    Model {
        ir_version: Some(FORMAT),
        producer_name: Some(env!("CARGO_PKG_NAME").into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        doc_string: Some(DOCUMENTATION.into()),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: Some(String::new()),
            version: Some(OPERATORS),
        }],
        metadata_props: vec![
            entry("pixels", PIXELS.into()),
            entry(FUNCTIONS_KEY, functions_json),
        ],
    }
}

/// Nodes of the net, from image to scores.
fn layers(parameters: &Parameters, functions: Functions) -> Builder {
    let activation = functions.activation;
    let mut net = Builder::new(activation);
    for tensor in [H1W, H1B, H2B, H3W, H3B, OUTW, OUTB] {
        net.floats(tensor.name, tensor.shape, parameters.tensor(&tensor));
    }

    net.pad(IMAGE, "image_padded");
    net.convolve("image_padded", "H1w", "H1_products");
    net.node("Add", &["H1_products", "H1b"], "H1_sums", &[]);
    net.activate(activation, "H1_sums", "H1");

    net.pad("H1", "H1_padded");
    h2_products(&mut net, parameters);
    net.node("Add", &["H2_products", "H2b"], "H2_sums", &[]);
    net.activate(activation, "H2_sums", "H2");

    net.node("Flatten", &["H2"], "H2_flat", &[integer("axis", 1)]);
    net.node("MatMul", &["H2_flat", "H3w"], "H3_products", &[]);
    net.node("Add", &["H3_products", "H3b"], "H3_sums", &[]);
    net.activate(activation, "H3_sums", "H3");

    net.node("MatMul", &["H3", "outw"], "out_products", &[]);
    match functions.loss {
        Loss::Mse => {
            net.node("Add", &["out_products", "outb"], "out_sums", &[]);
            net.tanh(activation, "out_sums", SCORES);
        }
        Loss::CrossEntropy => {
            net.node("Add", &["out_products", "outb"], SCORES, &[]);
            net.node("Softmax", &[SCORES], PROBABILITIES, &[integer("axis", 1)]);
        }
    }
    net
}

/// Products of H2: a convolution per group of maps, over the maps of H1 that the group reads.
fn h2_products(net: &mut Builder, parameters: &Parameters) {
    let shape = [GROUP, H2_FAN_MAPS, KERNEL, KERNEL];
    let kernels = parameters.tensor(&H2W).chunks(H2W.len() / MAPS * GROUP);
    let mut groups = Vec::new();
    for (group, (kernels, sources)) in kernels.zip(H2_SOURCES.chunks(GROUP)).enumerate() {
        let name = |what: &str| format!("{what}_{group}");
        let (weights, indices) = (name("H2w"), name("H2_sources"));
        net.floats(&weights, &shape, kernels);
        net.integers(&indices, &sources[0].map(|map| map as i64));
        let (seen, products) = (name("H1_seen"), name("H2_products"));
        let maps = [integer("axis", 1)];
        net.node("Gather", &["H1_padded", &indices], &seen, &maps);
        net.convolve(&seen, &weights, &products);
        groups.push(products);
    }
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    net.node("Concat", &groups, "H2_products", &[integer("axis", 1)]);
}

/// Input or output of the graph: any number of examples of this shape.
fn value(name: &str, shape: &[usize], documentation: &str) -> Value {
    let examples = Axis {
        dim_param: Some("N".into()),
        ..Axis::default()
    };
    let fixed = shape.iter().map(|&length| Axis {
        dim_value: Some(length as i64),
        ..Axis::default()
    });
    let tensor = TensorType {
        elem_type: Some(Tensor::FLOAT),
        shape: Some(Shape {
            dim: std::iter::once(examples).chain(fixed).collect(),
        }),
    };
    Value {
        name: Some(name.into()),
        r#type: Some(Type {
            tensor_type: Some(tensor),
        }),
        doc_string: Some(documentation.into()),
    }
}
