//! The net for recognition: loaded from a file, or trained and saved.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Arguments;
use crate::flags::{messages, usage};
use crate::terminal::Progress;
use gpu_train::cpu::cores;
use gpu_train::data::embedded;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::SplitReport;
use gpu_train::file;
use gpu_train::predict::Classifier;
use gpu_train::recipe::{Functions, Length, Recipe, RecipeName};
use gpu_train::target::{self, Target};
use gpu_train::train::{self, Cadence, History};
use gpu_train::weights;

/// Path of the weights: the given one, or the default in the user's data folder.
///
/// # Errors
/// [`Error::Usage`] if none was given and the user has no such folder.
pub fn path(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let problem = "--weights: found neither a file nor a data folder of this user, expected a file";
    let folder = dirs::data_dir().ok_or_else(|| usage(problem))?;
    Ok(folder.join("gpu-train").join("digits.safetensors"))
}

/// Loads the net from a file.
///
/// # Errors
/// [`Error::File`] if it is missing or damaged, [`Error::Usage`] if its functions are unknown.
pub fn load(arguments: &Arguments, path: &Path) -> Result<Classifier> {
    if arguments.weights.is_none() && !path.exists() {
        return Err(Error::file(
            path,
            "found no such file, expected the default weights: `gpu-train predict --train` trains them in some seconds",
        ));
    }
    let net = weights::load(path)?;
    let functions = functions(arguments, net.functions, path)?;
    Ok(Classifier {
        parameters: net.parameters,
        functions,
    })
}

/// Returns the functions that the file names, or those of the flags.
fn functions(arguments: &Arguments, said: Option<Functions>, path: &Path) -> Result<Functions> {
    let path = path.display();
    let (activation, loss) = (arguments.activation, arguments.loss);
    let Some(said) = said else {
        let (Some(activation), Some(loss)) = (activation, loss) else {
            return Err(usage(format!(
                "--activation, --loss: found {}, expected both, because {path} does not name them",
                match (activation, loss) {
                    (None, None) => "neither",
                    (Some(_), _) => "only the first",
                    _ => "only the second",
                }
            )));
        };
        return Ok(Functions { activation, loss });
    };
    agree("--activation", activation, said.activation, &path)?;
    agree("--loss", loss, said.loss, &path)?;
    Ok(said)
}

/// Checks that a flag, if given, agrees with the file.
fn agree<T: PartialEq + std::fmt::Display>(
    flag: &str,
    found: Option<T>,
    said: T,
    path: &dyn std::fmt::Display,
) -> Result<()> {
    match found {
        Some(found) if found != said => Err(usage(format!(
            "{flag}: found {found}, expected {said} or no flag: {path} was trained with it",
        ))),
        _ => Ok(()),
    }
}

/// Trains the weights on the embedded digits and writes them. Returns the net and the JSON of the run.
///
/// # Errors
/// [`Error::File`] if the weights cannot be written, which is checked before training as far as possible.
pub fn train(arguments: &Arguments, path: &Path) -> Result<(Classifier, Value)> {
    if let (None, Some(folder)) = (&arguments.weights, path.parent()) {
        file::create_folder(folder)?;
    }
    file::check_target(path)?;
    let base = Recipe::named(RecipeName::FullBatchModern);
    let recipe = Recipe {
        seed: arguments.seed.unwrap_or(base.seed),
        length: arguments
            .steps
            .map_or(base.length, |steps| Length::Steps(steps.into())),
        ..base
    };
    let output = messages::progress(arguments.json);
    let digits = embedded::digits();
    let examples = digits.train.len();
    let start = recipe.initial_parameters().into();
    let mut engine = target::open(&Target::Cpu(cores()), &digits, &recipe, start)?.engine;
    output.line(&format!(
        "training {} on {examples} digits: {} on {}",
        recipe.name,
        engine.kind(),
        engine.device()
    ))?;
    let cadence = Cadence::every(recipe.validate_updates(examples)?);
    let mut progress = Progress::new(recipe.batch, &History::default(), output);
    let history = train::run(engine.as_mut(), &recipe, examples, cadence, &mut |event| {
        progress.show(&event)
    })?;
    let parameters = engine.state()?.parameters;
    let functions = Functions::from(&recipe);
    weights::save(path, &parameters, functions)?;
    let test = history.last().test;
    output.line(&format!(
        "test error {:.2}%: {} misses of {}, after {:.1} s of training\nweights: {}",
        100.0 * test.error(),
        test.misses,
        test.examples,
        history.seconds,
        path.display()
    ))?;
    let report = json!({
        "recipe": recipe,
        "seconds": history.seconds,
        "test": SplitReport::from(test),
    });
    let net = Classifier {
        parameters,
        functions,
    };
    Ok((net, report))
}
