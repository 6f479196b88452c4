//! `gpu-train predict`: recognises digits in pictures with a trained net.

mod measure;
mod net;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::decode::{EXPECTED, FILE_LIMIT, decode};
use crate::flags::{messages, named, usage};
use crate::terminal::{Output, columns};
use crate::text::prediction::{self, Style};
use gpu_train::error::{Error, Result, printable};
use gpu_train::file;
use gpu_train::predict::{Classifier, Recognised};
use gpu_train::recipe::{Activation, Loss};

const EXAMPLES: &str = "\
Examples:
  gpu-train predict --train               train the default weights (some seconds), once
  gpu-train predict three.png five.jpg    a class and its probability for each picture
  gpu-train predict --weights net.safetensors --show --json - < three.png";

/// Recognise your own digits: PNG, JPEG, PGM, PPM or BMP, of any size, one digit per picture.
///
/// Digits may be dark on light or light on dark, in any colour; transparent parts are paper. Leave some paper around the
/// digit. Several digits in one picture are not separated: they are treated as one. A digit is fitted into MNIST's 20×20
/// box, centred by its centre of mass, and resized to the 16×16 pixels that the net was trained on. Probabilities are the
/// softmax of a net trained with cross-entropy; with mse they are normalised outputs, which are not calibrated.
#[derive(Debug, Args)]
#[group(id = "predict-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Pictures with one digit each, up to 64 MiB and 33554432 pixels; - is standard input
    #[arg(value_name = "IMAGE", required_unless_present_any = ["train", "bench"])]
    images: Vec<PathBuf>,
    /// Weights written by gpu-train --save [default: the file that --train writes to the user's data
    /// folder]
    #[arg(long, value_name = "FILE.safetensors")]
    weights: Option<PathBuf>,
    /// Activation of the hidden layers, if the weights file does not name it
    #[arg(long, value_parser = named::values::<Activation>())]
    activation: Option<Activation>,
    /// Loss that the net was trained with, if the weights file does not name it
    #[arg(long, value_parser = named::values::<Loss>())]
    loss: Option<Loss>,
    /// First train the weights (recipe full-batch-modern, on all CPU cores) and write them to the
    /// file of --weights or its default
    #[arg(long, conflicts_with_all = ["activation", "loss"])]
    train: bool,
    /// With --train: seed of the initial weights, shifts and dropout [default: 1337]
    #[arg(long, value_name = "SEED", requires = "train")]
    seed: Option<u64>,
    /// With --train: number of full-batch steps [default: 400]
    #[arg(long, value_name = "N", requires = "train", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Measure the digits per second that one core recognises
    #[arg(long, conflicts_with = "images")]
    bench: bool,
    /// With --bench: seconds for each measurement
    #[arg(
        long,
        value_name = "S",
        default_value_t = 2.0,
        allow_negative_numbers = true
    )]
    seconds: f64,
    /// Show each picture as the input of the net
    #[arg(long)]
    show: bool,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Destination of human-readable text.
    fn output(&self) -> Output {
        messages::results(self.json)
    }
}

/// Trains, measures or recognises, according to the arguments.
///
/// # Errors
/// [`Error::Reported`] if a picture could not be read; the others are still recognised.
pub fn run(arguments: &Arguments) -> Result<()> {
    if !(arguments.seconds.is_finite() && arguments.seconds > 0.0) {
        let found = arguments.seconds;
        return Err(usage(format!(
            "--seconds: found {found}, expected a number above 0"
        )));
    }
    let path = net::path(arguments.weights.as_deref())?;
    let mut report = serde_json::Map::new();
    report.insert("weights".into(), path.display().to_string().into());
    let classifier = if arguments.train {
        let (classifier, training) = net::train(arguments, &path)?;
        report.insert("training".into(), training);
        classifier
    } else {
        net::load(arguments, &path)?
    };
    report.insert("functions".into(), json!(classifier.functions));
    let mut failed = false;
    if arguments.bench {
        let measured = measure::run(&classifier, arguments.seconds)?;
        arguments.output().line(&measured.text())?;
        report.insert("bench".into(), json!(measured));
    } else {
        let (images, any_failed) = recognise_all(arguments, &classifier)?;
        report.insert("images".into(), images);
        failed = any_failed;
    }
    if arguments.json {
        Output::Standard.line(&Value::Object(report).to_string())?;
    }
    if failed {
        return Err(Error::Reported);
    }
    Ok(())
}

/// Recognises each picture and prints its class. Returns JSON of all, and true if a picture could not be read.
fn recognise_all(arguments: &Arguments, classifier: &Classifier) -> Result<(Value, bool)> {
    let style = style(arguments);
    let mut reports = Vec::new();
    let mut failed = false;
    for path in &arguments.images {
        let name = path.display().to_string();
        reports.push(match recognise(classifier, path) {
            Ok(recognised) => {
                // JSON contains everything except the bars.
                if !arguments.json || arguments.show {
                    let text = prediction::text(&printable(&name), &recognised, style);
                    arguments.output().line(&text)?;
                }
                prediction::json(&name, &recognised)
            }
            Err(error) => {
                failed = true;
                Output::Error.line(&format!("error: {error}"))?;
                json!({"path": name, "error": error.to_string()})
            }
        });
    }
    Ok((reports.into(), failed))
}

fn recognise(classifier: &Classifier, path: &Path) -> Result<Recognised> {
    let bytes = if path == Path::new("-") {
        standard_input()?
    } else {
        file::read(path, FILE_LIMIT, EXPECTED)?
    };
    classifier.recognise(&decode(&bytes, path)?, path)
}

fn standard_input() -> Result<Vec<u8>> {
    let path = Path::new("-");
    let input = io::stdin().lock();
    if input.is_terminal() {
        let problem = format!("found a terminal, expected {EXPECTED}");
        return Err(Error::file(path, problem));
    }
    file::read_stream(input, path, FILE_LIMIT, EXPECTED)
}

/// Output style: bars and colours on a terminal only, and no colours if `NO_COLOR` is set.
fn style(arguments: &Arguments) -> Style {
    let is_terminal = !arguments.json && io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Style {
        columns: is_terminal.then_some(columns),
        colour: is_terminal && !columns::colours_are_refused(),
        show: arguments.show,
    }
}
