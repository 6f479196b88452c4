//! Scores of a net, as a reference for other programs.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};

use gpu_train::data::Dataset;
use gpu_train::net::{CLASSES, Parameters, SIDE};
use gpu_train::recipe::Functions;
use gpu_train::reference;
use gpu_train::weights::FUNCTIONS_KEY;

/// The content of a safetensors file: `images` (F32 `[N, 1, 16, 16]`, −1 to 1), `labels` (U8 `[N]`) and `scores` (F64
/// `[N, 10]`, the f64 reference's); the metadata names the net's functions, as in a file of weights.
pub fn encode(parameters: &Parameters, functions: Functions, set: &Dataset) -> Vec<u8> {
    let scores = reference::scores::<f64>(parameters, functions, set);
    let scores: Vec<u8> = scores
        .as_flattened()
        .iter()
        .flat_map(|score| score.to_le_bytes())
        .collect();
    let denominator = f64::from(set.denominator());
    let images: Vec<u8> = set
        .codes()
        .iter()
        .map(|&code| (f64::from(code) / denominator - 1.0) as f32)
        .flat_map(f32::to_le_bytes)
        .collect();
    let count = set.len();
    let tensors = [
        (
            "images",
            Dtype::F32,
            vec![count, 1, SIDE, SIDE],
            &images[..],
        ),
        ("labels", Dtype::U8, vec![count], set.labels()),
        ("scores", Dtype::F64, vec![count, CLASSES], &scores),
    ];
    let views = tensors.map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(dtype, shape, bytes);
        (name, view.expect("as many bytes as the shape says"))
    });
    let json = serde_json::to_string(&functions).expect("two plain enums");
    let metadata = HashMap::from([(FUNCTIONS_KEY.to_owned(), json)]);
    safetensors::serialize(views, Some(metadata)).expect("three tensors fit the format")
}
