//! `gpu-train bench`: time a step on each engine, beside what its device can do at most.

mod measure;

use std::path::PathBuf;

use clap::Args;

use self::measure::{Bench, Target, line};
use crate::flags::messages;
use crate::flags::usage;
use crate::flags::{adapters, digits, kernels, named, recipe};
use crate::terminal::context::{command, date, machine};
use crate::terminal::{Output, memory};
use crate::text;
use gpu_train::data::Repeated;
use gpu_train::engine::EngineKind;
use gpu_train::error::Result;
use gpu_train::experiment::record::BenchReport;
use gpu_train::file;
use gpu_train::gpu::{self, AdapterChoice};
use gpu_train::recipe::Batch;

/// Most examples: some hours a step.
const MOST_EXAMPLES: u64 = 10_000_000;
/// MNIST's training images.
const MNIST: usize = gpu_train::data::mnist1989::MNIST_TRAIN;

/// Measure the engines: time a step, share of the device's peak, time of each kernel.
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
  gpu-train bench                          every engine that is here
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

    fn targets(&self) -> Vec<Target> {
        let mut engines = self.engines.clone();
        if engines.is_empty() {
            engines = vec![EngineKind::Cpu, EngineKind::PerExample];
            if self.adapters.names_an_adapter() || gpu::choose(&AdapterChoice::default()).is_ok() {
                engines.push(EngineKind::Gpu);
            }
        }
        let targets = engines.into_iter().flat_map(|engine| match engine {
            EngineKind::Cpu => vec![Target::Cpu],
            EngineKind::PerExample => vec![Target::PerExample],
            EngineKind::Reference => vec![Target::Reference],
            EngineKind::Gpu => self
                .adapters
                .choices()
                .into_iter()
                .map(Target::Gpu)
                .collect(),
        });
        targets.collect()
    }
}

/// Measures what the arguments ask for, and prints it.
///
/// # Errors
/// Of usage; what the digits' readers and the engines return; if an adapter asked for is not there.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.validate()?;
    let full = arguments.recipe.recipe(Batch::Full)?;
    let per_example = arguments.recipe.recipe(Batch::PerExample)?;
    let wanted = arguments.examples.map(|examples| examples as usize);
    let digits = arguments
        .digits
        .read_for(wanted.map(|count| count.min(MNIST)))?;
    let examples = wanted.unwrap_or(digits.train.len());
    full.validate_updates(examples)?;
    per_example.validate_updates(examples)?;
    let bench = Bench {
        train: Repeated::new(digits.train.clone(), examples),
        digits: &digits,
        full,
        per_example,
        seconds: arguments.seconds,
        kernels: &arguments.kernels,
    };
    let mut measured = Vec::new();
    for target in arguments.targets() {
        let found = bench.measure(&target)?;
        messages::progress(true).line(&line(&found))?;
        measured.push(found);
    }
    // Before the peaks are measured, which takes memory of its own.
    let peak_resident_bytes = memory::peak_resident_bytes();
    let report = BenchReport {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        date: date(),
        command: command(),
        machine: machine(),
        digits: digits.source.clone(),
        peak_resident_bytes,
        engines: bench.reports(measured)?,
        recipe: bench.full,
        per_example_recipe: bench.per_example,
    };
    if let Some(path) = &arguments.out {
        file::write_atomically(path, format!("{}\n", report.json()).as_bytes())?;
    }
    let text = if arguments.json {
        report.json()
    } else {
        text::bench::text(&report)
    };
    Output::Standard.line(&text)
}
