//! `gpu-train bench`: time per step of each engine, and the peak of its device.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::flags::{adapters, digits, kernels, messages, named, recipe, usage};
use crate::ranks::Joined;
use crate::terminal::context::stamp;
use crate::terminal::{Output, memory};
use crate::text;
use gpu_train::cpu::{Ranks, cores};
use gpu_train::data::Repeated;
use gpu_train::engine::EngineKind;
use gpu_train::error::Result;
use gpu_train::experiment::bench::Bench;
use gpu_train::experiment::record::{BenchReport, json};
use gpu_train::file;
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::target::Target;

/// Most examples: half an hour per step.
const MOST_EXAMPLES: u64 = 1_000_000_000;
/// MNIST's training images.
const MNIST: usize = gpu_train::data::mnist1989::MNIST_TRAIN;

/// Measure the engines: time per step, share of the device's peak, time of each kernel.
///
/// The peaks are measured as well, by multiply-adds in registers and by copying memory.
#[derive(Debug, Args)]
#[group(id = "bench-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Engines to measure, a list or repeated [default: cpu, per-example, and gpu where there is a real one]
    #[arg(
        long = "engine",
        value_name = "ENGINE",
        value_delimiter = ',',
        value_parser = named::values::<EngineKind>()
    )]
    engines: Vec<EngineKind>,
    /// Training examples [default: all, 7291 of the embedded digits]. More than there are digits are made of them,
    /// shifted by up to a pixel: by cpu as it goes, while the other engines hold all in memory, up to 1000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_EXAMPLES))]
    examples: Option<u64>,
    /// Seconds to measure each engine for, at least three steps
    #[arg(
        long,
        value_name = "S",
        default_value_t = 2.0,
        allow_negative_numbers = true
    )]
    seconds: f64,

    #[command(flatten)]
    adapters: adapters::Arguments,
    #[command(flatten)]
    kernels: kernels::Arguments,

    #[command(flatten)]
    digits: digits::Arguments,
    #[command(flatten)]
    recipe: recipe::Arguments,

    /// Print one JSON document on standard output instead of the table
    #[arg(long, help_heading = "Files and output")]
    json: bool,
    /// Write the JSON document to this file as well
    #[arg(long, value_name = "FILE.json", help_heading = "Files and output")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train bench                          every engine that runs here
  gpu-train bench --engine cpu --json      one of them, for scripts
  gpu-train bench --engine gpu --examples 50000";

impl Arguments {
    fn validate(&self) -> Result<()> {
        if !(self.seconds > 0.0 && self.seconds <= 3_600.0) {
            let found = self.seconds;
            return Err(usage(format!(
                "--seconds: found {found}, expected more than 0, up to 3600"
            )));
        }
        if self.adapters.names_an_adapter()
            && !self.engines.is_empty()
            && !self.engines.contains(&EngineKind::Gpu)
        {
            return Err(usage(
                "--device, --adapter, --backend: found without gpu among --engine, expected together with it",
            ));
        }
        self.out
            .as_deref()
            .map_or(Ok(()), |path| file::check_target(path).map(|_| ()))
    }

    /// Checks that the flags fit several ranks.
    fn validate_ranks(&self, ranks: usize) -> Result<()> {
        let other = self
            .engines
            .iter()
            .find(|&&engine| engine != EngineKind::Cpu);
        match other {
            Some(engine) => Err(usage(format!(
                "--engine: found {engine} on {ranks} ranks, expected cpu, or one process"
            ))),
            None => Ok(()),
        }
    }

    /// Targets of the engines asked for.
    fn targets(&self, ranks: Option<Arc<Ranks>>) -> Result<Vec<Target>> {
        if let Some(ranks) = ranks {
            return Ok(vec![Target::Ranks(ranks)]);
        }
        let default = &[EngineKind::Cpu, EngineKind::PerExample, EngineKind::Gpu][..];
        let is_default = self.engines.is_empty();
        let engines = if is_default { default } else { &self.engines };
        let mut targets = Vec::new();
        for engine in engines {
            match engine {
                EngineKind::Cpu => targets.push(Target::Cpu(cores())),
                EngineKind::PerExample => targets.push(Target::PerExample),
                EngineKind::Reference => targets.push(Target::Reference),
                EngineKind::Gpu => {
                    let options = self.kernels.options(kernels::cache_file());
                    let found = self.adapters.find(&options, !is_default)?;
                    targets.extend(found.into_iter().map(Target::Adapter));
                }
            }
        }
        Ok(targets)
    }
}

/// Measures what the arguments ask for, on all ranks if this process is one of several, and prints it.
///
/// # Errors
/// Of usage; what the digits' readers and the engines return; if an adapter asked for is not there.
pub fn run(arguments: &Arguments, joined: Option<&Joined>) -> Result<()> {
    arguments.validate()?;
    if let Some(joined) = joined {
        arguments.validate_ranks(joined.count())?;
    }
    let wanted = arguments.examples.map(|examples| examples as usize);
    let digits = arguments
        .digits
        .read_for(wanted.map(|count| count.min(MNIST)))?;
    let examples = wanted.unwrap_or(digits.train.len());
    let train = Repeated::new(digits.train.clone(), examples);
    if let Some(joined) = joined.filter(|joined| joined.rank() > 0) {
        let recipe = arguments.recipe.recipe(Batch::Full)?;
        return joined.follow(digits, Some(Arc::new(train)), Some(&recipe));
    }
    let ranks = joined.map(|joined| joined.lead(&digits)).transpose()?;
    let bench = Bench {
        train,
        digits,
        seconds: arguments.seconds,
    };
    let recipe = |batch| -> Result<Recipe> {
        let recipe = arguments.recipe.recipe(batch)?;
        recipe.validate_updates(examples)?;
        Ok(recipe)
    };
    let mut planned = Vec::new();
    for target in arguments.targets(ranks)? {
        bench.check(target.engine())?;
        let batch = match target {
            Target::PerExample => Batch::PerExample,
            _ => Batch::Full,
        };
        planned.push((target, recipe(batch)?));
    }
    let mut measured = Vec::new();
    for (target, recipe) in &planned {
        let found = bench.measure(target, recipe)?;
        messages::progress(true).line(&text::bench::line(&found))?;
        measured.push(found);
    }
    // Before the peaks are measured, which takes memory as well.
    let peak_resident_bytes = memory::peak_resident_bytes();
    let report = BenchReport {
        stamp: stamp(),
        digits: bench.digits.source.clone(),
        peak_resident_bytes,
        engines: bench.reports(measured)?,
        recipe: recipe(Batch::Full).ok(),
        per_example_recipe: recipe(Batch::PerExample).ok(),
    };
    if let Some(path) = &arguments.out {
        file::write_atomically(path, format!("{}\n", json(&report)).as_bytes())?;
    }
    let text = if arguments.json {
        json(&report)
    } else {
        text::bench::text(&report)
    };
    Output::Standard.line(&text)
}
