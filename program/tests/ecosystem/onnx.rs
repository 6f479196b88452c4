//! `gpu-train export --onnx`: the graph computes the same as the reference and describes its inputs and outputs.

use std::path::Path;

use gpu_train::data::Dataset;
use gpu_train::net::{PARAMETERS, Parameters, SIDE};
use gpu_train::recipe::Functions;
use gpu_train::recipe::{Activation, Loss};
use gpu_train::reference;
use gpu_train::weights;
use gpu_train_program::export;
use gpu_train_program::export::onnx::message::{Attribute, Model, Tensor, Value};
use libtest_mimic::{Failed, Trial};
use prost::Message;

use super::interpreter::{self, Array};
use super::{gpu_train, python};
use crate::numeric::{random_parameters, random_set};

/// All pairs of activation and loss.
pub fn pairs() -> impl Iterator<Item = Functions> {
    let activations = [Activation::Tanh, Activation::Relu, Activation::ScaledTanh];
    activations.into_iter().flat_map(|activation| {
        [Loss::Mse, Loss::CrossEntropy].map(|loss| Functions { activation, loss })
    })
}

fn decoded(functions: Functions) -> Model {
    let bytes = export::onnx::encode(&random_parameters(3), functions);
    Model::decode(&bytes[..]).expect("a model")
}

/// Name, element type and axes.
fn described(value: &Value) -> String {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.expect("a tensor's type");
    assert_eq!(tensor.elem_type, Some(Tensor::FLOAT));
    let axes = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let axes = axes.map(|axis| match (axis.dim_value, &axis.dim_param) {
        (Some(length), None) => length.to_string(),
        (None, Some(name)) => name.clone(),
        other => panic!("{other:?}"),
    });
    let axes: Vec<_> = axes.collect();
    format!(
        "{} {}",
        value.name.as_deref().unwrap_or("?"),
        axes.join("×")
    )
}

/// Images as inputs of the graph.
fn images(set: &Dataset) -> Array {
    let denominator = f64::from(set.denominator());
    let pixel = |&code: &u16| f64::from(code) / denominator - 1.0;
    Array {
        shape: vec![set.len(), 1, SIDE, SIDE],
        data: set.codes().iter().map(pixel).collect(),
    }
}

fn the_graph_computes_what_the_reference_does() -> Result<(), Failed> {
    let set = random_set(5, 11);
    for functions in pairs() {
        let graph = decoded(functions).graph.expect("a graph");
        let values = interpreter::run(&graph, "image", images(&set));
        let want = reference::scores::<f64>(&random_parameters(3), functions, &set);
        for (got, want) in values["scores"].data.iter().zip(want.as_flattened()) {
            // Scaled tanh's constants are f32 in the file; everything else is exact except for the order of sums.
            let near = (got - want).abs() <= 1e-6;
            assert!(near, "{functions:?}: found {got}, expected {want}");
        }
        assert_eq!(values["scores"].shape, [5, 10]);
        let probabilities = values.get("probabilities").map(|array| &array.data);
        let is_one = |sum: f64| (sum - 1.0).abs() < 1e-12;
        let sums = probabilities.map(|p| p.chunks(10).all(|row| is_one(row.iter().sum())));
        let expected = (functions.loss == Loss::CrossEntropy).then_some(true);
        assert_eq!(sums, expected, "{functions:?}");
    }
    Ok(())
}

fn the_model_describes_itself() -> Result<(), Failed> {
    for functions in pairs() {
        let model = decoded(functions);
        assert_eq!(model.ir_version, Some(7));
        assert_eq!(model.opset_import.len(), 1);
        assert_eq!(model.opset_import[0].version, Some(13));
        assert_eq!(model.producer_name.as_deref(), Some("gpu-train"));
        let entries = &model.metadata_props;
        let keys: Vec<_> = entries.iter().filter_map(|e| e.key.as_deref()).collect();
        assert_eq!(keys, ["pixels", "gpu-train.functions"]);
        let json = entries[1].value.as_deref().expect("JSON");
        assert_eq!(serde_json::from_str::<Functions>(json)?, functions);
        let graph = model.graph.expect("a graph");
        let inputs: Vec<_> = graph.input.iter().map(described).collect();
        assert_eq!(inputs, ["image N×1×16×16"]);
        let outputs: Vec<_> = graph.output.iter().map(described).collect();
        let expected: &[&str] = match functions.loss {
            Loss::Mse => &["scores N×10"],
            Loss::CrossEntropy => &["scores N×10", "probabilities N×10"],
        };
        assert_eq!(outputs, expected);
        let options = graph.node.iter().flat_map(|node| &node.attribute);
        for Attribute {
            i, ints, r#type, ..
        } in options
        {
            let kind = if i.is_some() { 2 } else { 7 };
            assert_eq!((*r#type, ints.is_empty()), (Some(kind), i.is_some()));
        }
    }
    Ok(())
}

fn every_weight_is_in_the_model_once() -> Result<(), Failed> {
    let parameters = random_parameters(3);
    for functions in pairs() {
        let graph = decoded(functions).graph.expect("a graph");
        for tensor in &PARAMETERS {
            // H2's kernels are in three parts.
            let parts = graph.initializer.iter().filter(|part| {
                let name = part.name.as_deref().unwrap_or_default();
                name == tensor.name
                    || name
                        .rsplit_once('_')
                        .is_some_and(|(name, _)| name == tensor.name)
            });
            let got: Vec<f64> = parts
                .flat_map(|part| interpreter::constant(part).data)
                .collect();
            let want: Vec<f64> = parameters
                .tensor(tensor)
                .iter()
                .map(|&v| v.into())
                .collect();
            assert!(got == want, "{}", tensor.name);
        }
    }
    Ok(())
}

/// Files for a run of the command: weights with these functions, or with none, as other programs write them.
pub fn files(folder: &Path, functions: Option<Functions>) -> Result<[String; 2], Failed> {
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let [weights, onnx] = [path("net.safetensors"), path("net.onnx")];
    let parameters = random_parameters(3);
    match functions {
        Some(functions) => weights::save(Path::new(&weights), &parameters, functions)?,
        None => std::fs::write(&weights, without_functions(&parameters))?,
    }
    Ok([weights, onnx])
}

fn without_functions(parameters: &Parameters) -> Vec<u8> {
    use safetensors::tensor::{Dtype, TensorView};
    let bytes = |tensor| {
        parameters
            .tensor(tensor)
            .iter()
            .flat_map(|v| v.to_le_bytes())
    };
    let tensors = PARAMETERS
        .each_ref()
        .map(|tensor| (tensor, bytes(tensor).collect::<Vec<u8>>()));
    let views = tensors.iter().map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.to_vec(), bytes);
        (tensor.name, view.expect("four bytes each"))
    });
    safetensors::serialize(views, None).expect("a file")
}

fn functions_come_from_the_file_or_the_flags_and_must_agree() -> Result<(), Failed> {
    let functions = Functions {
        activation: Activation::Relu,
        loss: Loss::CrossEntropy,
    };
    let folder = tempfile::tempdir()?;
    let flags = ["--activation", "relu", "--loss", "cross-entropy"];
    let refused = |arguments: &[&str], expected: &str| {
        let error = gpu_train(arguments).expect_err("refused");
        let message = error.message().unwrap_or_default();
        assert!(message.contains(expected), "{message:?}");
        assert!(message.starts_with("Some(2)"), "{message:?}");
    };
    let [weights, onnx] = files(folder.path(), Some(functions))?;
    let export = ["export", "--weights", &weights, "--onnx", &onnx];
    gpu_train(&export)?;
    let expected = export::onnx::encode(&random_parameters(3), functions);
    assert!(std::fs::read(&onnx)? == expected);
    gpu_train(&[&export[..], &flags].concat())?;
    refused(
        &[&export[..], &["--activation", "scaled-tanh"]].concat(),
        "--activation: found scaled-tanh, expected relu, which",
    );
    let [weights, onnx] = files(folder.path(), None)?;
    let export = ["export", "--weights", &weights, "--onnx", &onnx];
    std::fs::remove_file(&onnx)?;
    refused(&export, "--activation: found none, expected one");
    refused(
        &[&export[..], &flags[..2]].concat(),
        "--loss: found none, expected one",
    );
    assert!(!Path::new(&onnx).exists());
    gpu_train(&[&export[..], &flags].concat())?;
    assert!(std::fs::read(&onnx)? == expected);
    refused(&["export", "--weights", &weights], "--onnx <FILE.onnx>");
    Ok(())
}

/// All pairs of functions in ONNX Runtime, with random weights. Only the two files are shared with it.
fn onnx_runtime_agrees(python: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for functions in pairs() {
        let [weights, onnx] = files(folder.path(), Some(functions))?;
        let scores = folder.path().join("scores.safetensors");
        let scores = scores.to_str().expect("UTF-8");
        let files = ["--weights", &weights, "--onnx", &onnx, "--scores", scores];
        gpu_train(&[&["export"], &files[..]].concat())?;
        let text = python::run(python, "check-onnx.py", &[&onnx, scores])?;
        assert!(text.contains("2007 images"), "{text}");
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "onnx::the_graph_computes_what_the_reference_does",
            the_graph_computes_what_the_reference_does,
        ),
        Trial::test(
            "onnx::the_model_describes_itself",
            the_model_describes_itself,
        ),
        Trial::test(
            "onnx::every_weight_is_in_the_model_once",
            every_weight_is_in_the_model_once,
        ),
        Trial::test(
            "onnx::functions_come_from_the_file_or_the_flags_and_must_agree",
            functions_come_from_the_file_or_the_flags_and_must_agree,
        ),
        python::trial(
            "onnx::onnx_runtime_agrees",
            "onnxruntime",
            onnx_runtime_agrees,
        ),
    ]
}
