//! Files for other programs: TensorBoard's event files, ONNX models, weights for PyTorch, and all of them for plain Python.
//!
//! Each is read back without the code that wrote it, and by the other program itself if its Python package is installed: in
//! GPU_TRAIN_PYTHON, or in target/tools/ecosystem, which scripts/test sets up. Without the package the test is ignored, never
//! passed; it fails if GPU_TRAIN_REQUIRE_TOOLS names the package.

mod interpreter;
mod matplotlib;
mod onnx;
mod python;
mod pytorch;
mod tensorboard;

use libtest_mimic::{Failed, Trial};

/// Runs the program, which must succeed.
fn gpu_train(arguments: &[&str]) -> Result<(), Failed> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_gpu-train"))
        .args(arguments)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{:?}: {arguments:?}: {error}", output.status.code()).into())
}

pub fn trials() -> Vec<Trial> {
    let mut trials = matplotlib::trials();
    trials.extend(onnx::trials());
    trials.extend(pytorch::trials());
    trials.extend(tensorboard::trials());
    trials
}
