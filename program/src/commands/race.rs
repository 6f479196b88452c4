//! `gpu-train race`: the fastest training to the reproduction's misses.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::flags::restrictions::{Restrictions, runs_folder, seeds};
use crate::flags::{adapters, digits, kernels, messages, named, shares};
use crate::pictures;
use crate::terminal::context::{date, stamp};
use crate::terminal::{Output, RunsProgress, interrupt};
use crate::text::race as text;
use gpu_train::cpu::cores;
use gpu_train::data::{Digits, Source};
use gpu_train::error::{Error, Result, plural};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::race::{self, Race};
use gpu_train::experiment::record::{RaceRecord, RunRecord, json};
use gpu_train::experiment::share::Part;
use gpu_train::experiment::verdict::TARGET;
use gpu_train::file;
use gpu_train::recipe::{Recipe, RecipeName};

/// Race the engines to the reproduction's test misses: batch 1, the full batch on the CPU, and on every GPU asked for.
///
/// The rule is printed first; it is the same for all, and nothing is stopped or chosen by the test digits. Finished runs
/// are kept in a folder: an interrupted race resumes with the same command.
#[derive(Debug, Args)]
#[group(id = "race-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Recipes to race with the baseline, reproduction, a list or repeated [default: per-example,
    /// per-example-closed-form,full-batch,full-batch-random]
    #[arg(
        long = "recipe",
        value_name = "NAME",
        value_delimiter = ',', value_parser = named::values::<RecipeName>())]
    recipes: Vec<RecipeName>,
    /// Seeds, consecutive: one round each
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 1337)]
    first_seed: u64,
    /// Mean test misses that a contestant may have at most
    #[arg(long, value_name = "MISSES", default_value_t = TARGET)]
    target: u32,

    #[command(flatten)]
    restrictions: Restrictions,
    #[command(flatten)]
    shares: shares::Arguments,

    #[command(flatten)]
    adapters: adapters::Arguments,
    #[command(flatten)]
    kernels: kernels::Arguments,
    #[command(flatten)]
    digits: digits::Arguments,

    /// Print one JSON document on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
    /// Write the JSON document to this file as well, the race's picture to its folder, and finished runs to FILE-runs/
    /// there [default of the runs: gpu-train-race]
    #[arg(long, value_name = "FILE.json", help_heading = "Files and output")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train race --seeds 3                 what is here, three rounds
  gpu-train race --device gpu --recipe full-batch --out race.json
  gpu-train report --race race.json        its picture";

/// Races, or does a share of the rounds, or collects those that are there; `started` is when the process did.
///
/// # Errors
/// Of usage; what the digits' readers and the engines return, but for divergence, which puts a contestant out; if an
/// adapter asked for is not there, the folder of runs has another race, or rounds to collect are missing.
pub fn run(arguments: &Arguments, started: Instant) -> Result<()> {
    let seeds = seeds(arguments.first_seed, arguments.seeds)?;
    let recipes = arguments.recipes()?;
    if let Some(path) = &arguments.out {
        file::check_target(path)?;
    }
    let mut digits = arguments.digits.read()?;
    let restrictions = arguments.restrict(&mut digits);
    let reading = started.elapsed().as_secs_f64();
    let output = messages::progress(arguments.json);
    interrupt::notice()?;
    let mut race = Race {
        stamp: stamp(),
        digits: &digits,
        source: arguments.digits.source(),
        restrictions,
        reading,
        rule: race::rule(arguments.target, digits.test.len(), seeds),
        entrants: Vec::new(),
    };
    if arguments.shares.part() == Part::Nothing {
        return collect(arguments, race, output);
    }
    output.line(&text::rule(&race.rule))?;
    let options = arguments.kernels.options(None);
    let adapters = arguments.adapters.find(&options, false)?;
    race.entrants = race::entrants(
        &arguments.baseline(),
        &recipes,
        adapters,
        (cores(), digits.train.len()),
    )?;
    output.line(&text::lineup(&race.entrants))?;
    raced(arguments, race, output)
}

/// Runs a race with its entrants, or a share of its rounds.
fn raced(arguments: &Arguments, race: Race, output: Output) -> Result<()> {
    let folder = arguments.folder(output)?;
    let seeds = race.rule.seeds.clone();
    let line = |run: &RunRecord| Some(text::line(run, &seeds));
    let queue = Queue {
        folder: &folder,
        observer: &RunsProgress::new(output, &line),
        date: date(),
        cores: cores(),
    };
    let interrupted = |error| match error {
        Error::Interrupted(text) => {
            Error::Interrupted(format!("{text}, from the start of the interrupted round"))
        }
        other => other,
    };
    if let Part::Share(share) = folder.part() {
        let rounds = race.run_share(&queue).map_err(interrupted)?;
        let what = format!("its {} are there", plural(rounds, "round"));
        return shares::ended(output, share, &what);
    }
    let record = race.run(&queue).map_err(interrupted)?;
    publish(arguments, &record)?;
    folder.plan().finish()
}

/// Makes the record of the rounds that are there.
fn collect(arguments: &Arguments, race: Race, output: Output) -> Result<()> {
    let rounds = race.rule.seeds.len();
    let collected = race.collect(&arguments.folder(output)?)?;
    if let Some(record) = &collected.record {
        publish(arguments, record)?;
    }
    let missing = collected.missing.iter();
    let missing = missing.map(|(round, seed)| {
        let round = round + 1;
        format!("missing: round {round} of {rounds} (seed {seed})")
    });
    shares::refuse_missing(&missing.collect::<Vec<_>>())
}

/// Writes and prints the record.
fn publish(arguments: &Arguments, record: &RaceRecord) -> Result<()> {
    if let Some(path) = &arguments.out {
        file::write_atomically(path, format!("{}\n", json(record)).as_bytes())?;
        pictures::write_race(record, file::check_target(path)?)?;
    }
    if arguments.json {
        Output::Standard.line(&json(record))
    } else {
        Output::Standard.line(&format!("\n{}", text::text(record)))
    }
}

impl Arguments {
    fn folder(&self, output: Output) -> Result<Folder> {
        let path = runs_folder(self.out.as_deref(), "gpu-train-race");
        self.shares.open(&path, output)
    }

    fn baseline(&self) -> Recipe {
        self.restrictions
            .shortened(Recipe::named(RecipeName::Reproduction))
    }

    fn recipes(&self) -> Result<Vec<Recipe>> {
        let mut names = self.recipes.clone();
        if names.is_empty() {
            names = vec![
                RecipeName::PerExample,
                RecipeName::PerExampleClosedForm,
                RecipeName::FullBatch,
                RecipeName::FullBatchRandom,
            ];
        }
        let mut recipes: Vec<Recipe> = Vec::new();
        for recipe in names.into_iter().map(Recipe::named) {
            if recipes.iter().all(|known| known.name != recipe.name) {
                recipes.push(self.restrictions.shortened(recipe));
            }
        }
        Ok(recipes)
    }

    /// Applies the restrictions to the digits, and returns in words the differences from the published times.
    fn restrict(&self, digits: &mut Digits) -> Vec<String> {
        let mut restrictions = Vec::new();
        if self.digits.source() != Source::Mnist1989 {
            restrictions.push(format!("other digits than the essay's: {}", digits.source));
        }
        restrictions.extend(self.restrictions.apply(digits));
        restrictions
    }
}
