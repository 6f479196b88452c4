//! `gpu-train export`: trained weights in the formats of other programs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::export::{onnx, scores};
use crate::flags::{named, usage};
use crate::terminal::Output;
use gpu_train::data::embedded;
use gpu_train::error::Result;
use gpu_train::file;
use gpu_train::recipe::{Activation, Functions, Loss};
use gpu_train::weights;

/// Write a trained net in the format of another program.
#[derive(Debug, Args)]
#[group(id = "export-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Weights written by `gpu-train --save` or PyTorch
    #[arg(long, value_name = "FILE.safetensors")]
    weights: PathBuf,
    #[command(flatten)]
    formats: Formats,
    /// Activation of the hidden layers, if the weights file does not name it
    #[arg(long, value_parser = named::values::<Activation>())]
    activation: Option<Activation>,
    /// Loss that the net was trained with, if the weights file does not name it; with mse the outputs are those of tanh
    #[arg(long, value_parser = named::values::<Loss>())]
    loss: Option<Loss>,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train export --weights net.safetensors --onnx net.onnx
  gpu-train export --weights net.safetensors --scores scores.safetensors
  gpu-train export --weights theirs.safetensors --activation tanh --loss mse --onnx net.onnx";

/// Formats to write, at least one.
#[derive(Debug, Args)]
#[group(id = "format-flags", required = true, multiple = true)]
struct Formats {
    /// Write an ONNX model (opset 13): image [N, 1, 16, 16] from -1 to 1, scores [N, 10]
    #[arg(long, value_name = "FILE.onnx")]
    onnx: Option<PathBuf>,
    /// Write the embedded test images, their labels and the net's scores, for checking another program
    #[arg(long, value_name = "FILE.safetensors")]
    scores: Option<PathBuf>,
}

/// Reads the weights and writes each format. Prints one line per file to standard output.
///
/// # Errors
/// [`gpu_train::error::Error::Usage`] if the functions of the net are unknown or contradict the flags;
/// [`gpu_train::error::Error::File`] if a file cannot be read or written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let net = weights::load(&arguments.weights)?;
    let functions = arguments.functions(net.functions)?;
    let formats = [&arguments.formats.onnx, &arguments.formats.scores];
    for path in formats.into_iter().flatten() {
        file::check_target(path)?;
    }
    if let Some(path) = &arguments.formats.onnx {
        file::write_atomically(path, &onnx::encode(&net.parameters, functions))?;
        Output::Standard.line(&format!("onnx: {}", path.display()))?;
    }
    if let Some(path) = &arguments.formats.scores {
        let test = embedded::digits().test;
        file::write_atomically(path, &scores::encode(&net.parameters, functions, &test))?;
        Output::Standard.line(&format!("scores: {}", path.display()))?;
    }
    Ok(())
}

impl Arguments {
    /// Returns the functions of the net, from its file or from the flags.
    fn functions(&self, named: Option<Functions>) -> Result<Functions> {
        let path = &self.weights;
        let activation = named.map(|functions| functions.activation);
        let loss = named.map(|functions| functions.loss);
        Ok(Functions {
            activation: one_of("--activation", self.activation, activation, path)?,
            loss: one_of("--loss", self.loss, loss, path)?,
        })
    }
}

/// Returns the value of the flag or of the file. If both have one, they must agree.
fn one_of<T: PartialEq + std::fmt::Display>(
    flag: &str,
    given: Option<T>,
    named: Option<T>,
    path: &Path,
) -> Result<T> {
    let path = path.display();
    match (given, named) {
        (Some(given), Some(named)) if given != named => Err(usage(format!(
            "{flag}: found {given}, expected {named}, which {path} was trained with"
        ))),
        (_, Some(value)) | (Some(value), None) => Ok(value),
        (None, None) => Err(usage(format!(
            "{flag}: found none, expected one, because {path} does not name it"
        ))),
    }
}
