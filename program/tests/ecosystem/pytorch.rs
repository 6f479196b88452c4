//! `--save`: PyTorch loads the weights, with no tensor missing or left over, and computes the same scores.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use super::{gpu_train, onnx, python};

fn pytorch_loads_the_weights(python: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for functions in onnx::pairs() {
        let [weights, _] = onnx::files(folder.path(), Some(functions))?;
        let scores = folder.path().join("scores.safetensors");
        let scores = scores.to_str().expect("UTF-8");
        gpu_train(&["export", "--weights", &weights, "--scores", scores])?;
        let text = python::run(python, "check-pytorch", &[&weights, scores])?;
        assert!(text.contains("2007 images"), "{text}");
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    vec![python::trial(
        "pytorch::pytorch_loads_the_weights",
        "torch",
        pytorch_loads_the_weights,
    )]
}
