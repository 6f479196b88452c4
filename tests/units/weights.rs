//! Trained nets in files.

use std::collections::HashMap;
use std::path::Path;

use gpu_train::net::{Initialization, PARAMETERS, ParameterTensor, Parameters, initial_parameters};
use gpu_train::recipe::{Activation, Functions, Loss};
use gpu_train::weights::{FUNCTIONS_KEY, decode, encode, load, save};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

const FUNCTIONS: Functions = Functions {
    activation: Activation::Relu,
    loss: Loss::CrossEntropy,
};

/// A tensor as a test writes it: name, type, shape, bytes.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

fn tensors() -> Vec<Tensor> {
    let parameters = initial_parameters(3, -1.0, Initialization::Sqrt);
    let tensor = |tensor: &ParameterTensor| {
        let values = parameters.tensor(tensor).iter();
        let bytes = values.flat_map(|value| value.to_le_bytes()).collect();
        (tensor.name.into(), Dtype::F32, tensor.shape.into(), bytes)
    };
    PARAMETERS.iter().map(tensor).collect()
}

fn file_of(tensors: &[Tensor], functions: Option<&str>) -> Vec<u8> {
    let metadata = functions.map(|json| HashMap::from([(FUNCTIONS_KEY.into(), json.into())]));
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, metadata).unwrap()
}

fn assert_refused(bytes: &[u8], expected: &str) {
    let error = decode(bytes, Path::new("some.safetensors")).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("some.safetensors: {expected}")),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1);
}

#[test]
fn weights_survive_the_round_trip_bit_for_bit_and_give_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let parameters = initial_parameters(3, -1.0, Initialization::Sqrt);
    save(&path, &parameters, FUNCTIONS).unwrap();
    let first = std::fs::read(&path).unwrap();
    let loaded = load(&path).unwrap();
    assert_eq!(loaded.functions, Some(FUNCTIONS));
    // The bits, not only the values.
    save(&path, &loaded.parameters, FUNCTIONS).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
    assert_eq!(loaded.parameters, parameters);
}

#[test]
fn a_file_has_the_reproductions_names_and_shapes() {
    let bytes = encode(&Parameters::zeros(), FUNCTIONS);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.len(), 8);
    for (name, shape) in [
        ("H1w", &[12, 1, 5, 5][..]),
        ("H1b", &[12, 8, 8]),
        ("H2w", &[12, 8, 5, 5]),
        ("H2b", &[12, 4, 4]),
        ("H3w", &[192, 30]),
        ("H3b", &[30]),
        ("outw", &[30, 10]),
        ("outb", &[10]),
    ] {
        assert_eq!(file.tensor(name).unwrap().shape(), shape);
        assert_eq!(file.tensor(name).unwrap().dtype(), Dtype::F32);
    }
}

#[test]
fn f64_is_rounded_to_f32() {
    let mut wide = tensors();
    for (_, dtype, _, bytes) in &mut wide {
        *dtype = Dtype::F64;
        *bytes = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .flat_map(|value| (f64::from(value) * (1.0 + 1e-12)).to_le_bytes())
            .collect();
    }
    let loaded = decode(&file_of(&wide, None), Path::new("wide")).unwrap();
    assert_eq!(
        loaded.parameters,
        initial_parameters(3, -1.0, Initialization::Sqrt)
    );
    assert_eq!(loaded.functions, None, "another program's file");
}

#[test]
fn missing_extra_and_misshapen_tensors_and_other_types_are_refused() {
    let mut missing = tensors();
    missing.remove(2);
    assert_refused(
        &file_of(&missing, None),
        "tensor H2w: found none, expected F32 or F64 of shape [12, 8, 5, 5]",
    );
    let mut extra = tensors();
    extra.push(("H4w\n".into(), Dtype::F32, vec![1], vec![0; 4]));
    assert_refused(
        &file_of(&extra, None),
        "tensor H4w\\n: found in the file, expected only H1w, H1b, H2w",
    );
    let mut transposed = tensors();
    transposed[4].2.reverse();
    assert_refused(
        &file_of(&transposed, None),
        "tensor H3w: found F32 of shape [30, 192], expected F32 or F64 of shape [192, 30]",
    );
    let mut halves = tensors();
    halves[5].1 = Dtype::F16;
    halves[5].3.truncate(60);
    assert_refused(
        &file_of(&halves, None),
        "tensor H3b: found F16 of shape [30], expected F32 or F64 of shape [30]",
    );
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for (bad, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let mut tensors = tensors();
        tensors[6].3[8..12].copy_from_slice(&bad.to_le_bytes());
        assert_refused(
            &file_of(&tensors, None),
            &format!("tensor outw: element 2: found {name}, expected a finite F32"),
        );
    }
    let mut tensors = tensors();
    tensors[7] = (
        "outb".into(),
        Dtype::F64,
        vec![10],
        [1e300f64; 10]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect(),
    );
    assert_refused(&file_of(&tensors, None), "tensor outb: element 0: found 1");
}

#[test]
fn broken_files_are_refused_wherever_they_break() {
    let whole = encode(
        &initial_parameters(3, -1.0, Initialization::Sqrt),
        FUNCTIONS,
    );
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        assert_refused(
            &whole[..length],
            &format!("found {length} bytes that do not parse"),
        );
    }
    let mut long = whole.clone();
    long.push(0);
    assert_refused(&long, "found 39");
    let mut absurd = whole;
    absurd[..8].fill(0xff);
    assert_refused(&absurd, "found 39");
}

#[test]
fn functions_that_are_none_are_refused() {
    let file = file_of(&tensors(), Some("{\"activation\":\"gelu\"}"));
    assert_refused(
        &file,
        "metadata gpu-train.functions: found {\\\"activation\\\":\\\"gelu\\\"} (unknown variant",
    );
}

#[test]
fn files_that_are_missing_or_too_large_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let message = load(&path).unwrap_err().to_string();
    assert!(
        message.ends_with("weights.safetensors: found no such file, expected a safetensors file"),
        "{message}"
    );
    let file = std::fs::File::create(&path).unwrap();
    // Sparse: takes no space.
    file.set_len((16 << 20) + 1).unwrap();
    let message = load(&path).unwrap_err().to_string();
    assert!(
        message.contains("found more than 16777216 bytes, expected a safetensors file"),
        "{message}"
    );
    let missing = folder.path().join("none/weights.safetensors");
    let message = save(&missing, &Parameters::zeros(), FUNCTIONS)
        .unwrap_err()
        .to_string();
    assert!(message.contains("found no folder"), "{message}");
}
