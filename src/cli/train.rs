//! `gpu-train` without a subcommand: train, then compare with the per-example baseline.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::{device, digits, recipe};
use crate::cpu::PerExample;
use crate::data::Digits;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::net::Parameters;
use crate::recipe::{Batch, Name, Recipe};
use crate::report::{Comparison, Metrics, Output, Progress, RunReport, Seconds, TensorBoard};
use crate::train::{self, Event, Watch};
use crate::{file, weights};

/// What to train, on what, and where to write it.
#[derive(Debug, Args)]
#[group(id = "train-flags")]
pub struct Arguments {
    /// Train over the whole set at once, then the per-example baseline, and compare (the default)
    #[arg(long, conflicts_with = "per_example")]
    full_batch: bool,
    /// Train the baseline alone: batch 1, on one CPU core
    #[arg(long)]
    per_example: bool,
    /// Leave the per-example baseline out
    #[arg(long)]
    no_baseline: bool,

    #[command(flatten)]
    device: device::Arguments,
    #[command(flatten)]
    digits: digits::Arguments,
    #[command(flatten)]
    recipe: recipe::Arguments,

    /// Start from these weights (the reproduction's names and shapes) instead of drawing them
    #[arg(
        long,
        value_name = "FILE.safetensors",
        help_heading = "Files and output"
    )]
    init_from: Option<PathBuf>,
    /// Write the trained weights, which PyTorch loads into the reproduction's Net
    #[arg(
        long,
        value_name = "FILE.safetensors",
        help_heading = "Files and output"
    )]
    save: Option<PathBuf>,
    /// Write a row of JSON an evaluation; the first row holds the recipe and the device
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Files and output")]
    metrics: Option<PathBuf>,
    /// Write the reproduction's scalars, an evaluation after the other, as an event file in this folder
    #[arg(long, value_name = "DIR", help_heading = "Files and output")]
    tensorboard: Option<PathBuf>,
    /// Evaluate every N updates with --full-batch, every N passes with --per-example [default: a
    /// tenth of the run; every pass]. The baseline of a comparison is evaluated after every pass
    #[arg(long, value_name = "N", help_heading = "Files and output",
          value_parser = clap::value_parser!(u32).range(1..))]
    eval_every: Option<u32>,
    /// Print one JSON object at the end on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
}

impl Arguments {
    fn batch(&self) -> Batch {
        if self.per_example {
            Batch::PerExample
        } else {
            Batch::Full
        }
    }

    fn output(&self) -> Output {
        if self.json {
            Output::Error
        } else {
            Output::Standard
        }
    }
}

/// When a run is evaluated: every so many updates of the full batch, every so many passes of batch 1.
fn watch(recipe: &Recipe, examples: usize, every: Option<u32>) -> Result<Watch> {
    let steps = recipe.validate_updates(examples)?;
    let evaluate_every = match (recipe.batch, every) {
        (Batch::Full, Some(every)) => every,
        (Batch::Full, None) => steps.div_ceil(10),
        (Batch::PerExample, every) => {
            let pass = u32::try_from(examples).unwrap_or(u32::MAX);
            every.unwrap_or(1).saturating_mul(pass)
        }
    };
    Ok(Watch { evaluate_every })
}

/// Trains as the arguments say; `started` is when the process did.
pub fn run(arguments: Arguments, started: Instant) -> Result<()> {
    let recipe = arguments.recipe.recipe(arguments.batch())?;
    arguments.device.validate(recipe.batch)?;
    if let Some(path) = &arguments.save {
        file::check_target(path)?;
    }
    let digits = arguments.digits.read()?;
    recipe.validate_updates(digits.train.len())?;
    let parameters = match &arguments.init_from {
        Some(path) => weights::load(path)?.parameters,
        None => recipe.initial_parameters(),
    };
    let output = arguments.output();
    let device::Opened {
        mut engine,
        tuning,
        notes,
    } = arguments.device.engine(&digits, &recipe, &parameters)?;
    for note in &notes {
        output.line(note)?;
    }
    let session = Session {
        digits: &digits,
        output,
    };
    let setup = started.elapsed().as_secs_f64() - tuning;
    let before = Before { setup, tuning };
    let watch = watch(&recipe, digits.train.len(), arguments.eval_every)?;
    let logs = [arguments.metrics.as_ref(), arguments.tensorboard.as_ref()];
    let main = session.run(engine.as_mut(), &recipe, watch, before, logs)?;
    if let Some(path) = &arguments.save {
        weights::save(path, &engine.state()?.parameters, (&recipe).into())?;
        output.line(&format!("weights: {}", path.display()))?;
    }
    drop(engine);
    let report = if recipe.batch == Batch::Full && !arguments.no_baseline {
        let baseline = session.baseline(recipe.seed)?;
        let comparison = Comparison::of(&main, &baseline);
        output.line(&comparison.text(&main, &baseline))?;
        main.with_baseline(baseline, comparison)
    } else {
        if recipe.batch == Batch::Full {
            output.line(&main.summary())?;
        }
        main
    };
    if arguments.json {
        Output::Standard.line(&report.json())?;
    }
    Ok(())
}

/// Seconds before the first step.
#[derive(Clone, Copy)]
struct Before {
    setup: f64,
    tuning: f64,
}

/// One invocation: what its runs share.
struct Session<'a> {
    digits: &'a Digits,
    output: Output,
}

impl Session<'_> {
    fn run(
        &self,
        engine: &mut dyn Engine,
        recipe: &Recipe,
        watch: Watch,
        before: Before,
        [metrics, tensorboard]: [Option<&PathBuf>; 2],
    ) -> Result<RunReport> {
        let examples = self.digits.train.len();
        self.output.line(&format!(
            "{}: {} on {}; {}, {} training and {} test examples; set-up {:.2} s",
            recipe.name,
            engine.name(),
            engine.device(),
            self.digits.source,
            examples,
            self.digits.test.len(),
            before.setup,
        ))?;
        let mut metrics = metrics
            .map(|path| Metrics::create(path, recipe, engine, &self.digits.source))
            .transpose()?;
        let mut board = tensorboard
            .map(|folder| TensorBoard::create(folder, recipe, examples))
            .transpose()?;
        let mut progress = Progress::new(recipe.batch, self.output);
        let outcome = train::run(engine, recipe, examples, watch, &mut |event| {
            if let (Some(metrics), Event::Evaluated { point, .. }) = (&mut metrics, &event) {
                metrics.row(point)?;
            }
            if let (Some(board), Event::Evaluated { point, .. }) = (&mut board, &event) {
                board.row(point)?;
            }
            progress.show(&event)
        })?;
        let seconds = Seconds {
            setup: before.setup,
            tuning: before.tuning,
            train: outcome.seconds,
        };
        Ok(RunReport::new(
            engine,
            recipe,
            &self.digits.source,
            seconds,
            outcome,
        ))
    }

    /// The essay's stage 0 on one CPU core, with this run's seed; evaluated after every pass whatever --eval-every
    /// says, which counts the other run's updates: the comparison looks for the first pass that is good enough.
    fn baseline(&self, seed: u64) -> Result<RunReport> {
        let started = Instant::now();
        let recipe = Recipe {
            seed,
            ..Recipe::named(Name::Reproduction)
        };
        let parameters: Parameters = recipe.initial_parameters();
        let mut engine = PerExample::new(self.digits.clone(), recipe.clone(), &parameters);
        let watch = watch(&recipe, self.digits.train.len(), None)?;
        let before = Before {
            setup: started.elapsed().as_secs_f64(),
            tuning: 0.0,
        };
        self.run(&mut engine, &recipe, watch, before, [None; 2])
    }
}

/// The error for flags that do not fit together.
pub(super) fn usage(text: impl Into<String>) -> Error {
    Error::Usage(text.into())
}
