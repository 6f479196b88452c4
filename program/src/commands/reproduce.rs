//! `gpu-train reproduce`: the essay's table of recipes over several seeds, one example at a time and over the full batch.

mod pool;

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use self::pool::Pool;
use crate::flags::restrictions::{Restrictions, seeds};
use crate::flags::{device, digits, messages};
use crate::pictures::{self, Sources};
use crate::terminal::Output;
use crate::terminal::context::{command, cores, date, machine};
use crate::terminal::interrupt;
use crate::text::reproduce as text;
use gpu_train::data::Digits;
use gpu_train::data::DigitsRecord;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{Identity, RunRecord};
use gpu_train::experiment::reproduce::{Folder, Found, Job, ROWS, Row, Sheet, Source, table};
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::target::Target;

/// Rows that --quick runs: the essay's beginning, one example at a time and over the full batch.
const QUICK_ROWS: [&str; 4] = ["stage-0", "stage-1", "full-batch-0", "full-batch"];
/// Seeds unless told otherwise.
const SEEDS: u64 = 3;

/// Reproduce the essay's table: every recipe over several seeds, beside the published misses.
///
/// Finished runs are kept in the output folder and not run again: a run that was broken off goes on where it stopped.
/// The table is written there as table.md, table.csv and table.json, pictures of it and report.html in report/, the first
/// seed's weights as safetensors.
#[derive(Debug, Args)]
#[group(id = "reproduce-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Rows to run, a list or repeated [default: all; with --mnist those the essay ran on 50000]
    #[arg(long, value_name = "ROW", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(ROWS.map(|row| row.name)))]
    rows: Vec<String>,
    /// Seeds a row, consecutive [default: 3]; a table to be published has 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 1337)]
    first_seed: u64,
    /// A look in about a minute: four rows (stage-0, stage-1, full-batch-0, full-batch) over three seeds, each at its
    /// full length, so that its numbers are as true as the whole table's
    #[arg(long, conflicts_with_all = ["rows", "seeds", "mnist"])]
    quick: bool,
    /// Runs at a time on the CPU [default: one a core]; runs on an adapter always go one after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    jobs: Option<u32>,

    #[command(flatten)]
    restrictions: Restrictions,

    #[command(flatten)]
    device: device::Arguments,
    #[command(flatten)]
    digits: digits::Arguments,

    /// Folder of runs and table, made if missing [default: gpu-train-reproduce, with the name of other digits behind]
    #[arg(long, value_name = "DIR", help_heading = "Files and output")]
    out: Option<PathBuf>,
    /// Print the table as one JSON document on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train reproduce --quick              four rows over three seeds, about a minute
  gpu-train reproduce --seeds 20           the whole table; broken off, the same command goes on
  gpu-train reproduce --rows stage-0,full-batch --zip-code DIR";

/// A row with what it trains.
struct Planned {
    row: &'static Row,
    /// The first seed's.
    recipe: Recipe,
    jobs: Vec<Job>,
}

/// Runs what is missing, and prints the table.
///
/// # Errors
/// Of usage; what the digits' readers and the engines return; if the folder is in use or cannot be written to.
pub fn run(arguments: Arguments) -> Result<()> {
    let arguments = Arguments {
        device: arguments.device.or_cpu(),
        ..arguments
    };
    arguments.device.validate(Batch::Full)?;
    let seeds = seeds(arguments.first_seed, arguments.seeds.unwrap_or(SEEDS))?;
    let mut digits = arguments.digits.read()?;
    let source = arguments.digits.source();
    let restrictions = arguments.restrict(&mut digits, source);
    let record = DigitsRecord::of(&digits);
    let output = messages::progress(arguments.json);
    let rows = arguments.rows(source);
    let is_full_batch = |row: &&Row| Recipe::named(row.recipe).batch == Batch::Full;
    let (target, note) = if rows.iter().any(|row| is_full_batch(&row)) {
        arguments.device.target(Batch::Full)?
    } else {
        (Target::PerExample, None)
    };
    if let Some(note) = note {
        output.line(&note)?;
    }
    interrupt::notice()?;
    let planned = plan(&arguments, &rows, source, &seeds, &record, &target)?;
    let path = arguments.out.clone().unwrap_or_else(|| folder_for(source));
    let folder = Folder::open(&path)?;
    if arguments.quick {
        output.line(&format!(
            "--quick: {} over {} seeds, each at its full length",
            QUICK_ROWS.join(", "),
            seeds.len()
        ))?;
    }
    let pool = Pool {
        folder: &folder,
        digits: &digits,
        target,
        output,
        jobs: arguments.jobs.map_or_else(cores, |jobs| jobs as usize),
    };
    let rows = finished(planned, &pool, output)?;
    let sheet = Sheet {
        date: date(),
        command: command(),
        machine: machine(),
        digits: record,
        source,
        seeds,
        restrictions,
    };
    publish(&folder, sheet, &rows, &digits, arguments.json)
}

/// Each row with its runs: those that the folder has, and those that it lacked.
fn finished(
    planned: Vec<Planned>,
    pool: &Pool,
    output: Output,
) -> Result<Vec<(&'static Row, Recipe, Vec<RunRecord>)>> {
    let mut records = Vec::new();
    let mut missing = Vec::new();
    for job in planned.iter().flat_map(|row| &row.jobs) {
        match pool.folder.find(job) {
            Found::Same(record) => records.push(*record),
            Found::Nothing => missing.push(job.clone()),
            Found::Unusable(why) => {
                output.line(&format!("{why}; running it again"))?;
                missing.push(job.clone());
            }
        }
    }
    output.line(&format!(
        "{}: {} of {} runs are there, {} to run",
        pool.folder.path().display(),
        records.len(),
        records.len() + missing.len(),
        missing.len()
    ))?;
    let wanted = records.len() + missing.len();
    let there = records.len();
    records.extend(pool.run(missing).map_err(|error| match error {
        Error::Interrupted(_) => Error::Interrupted(format!(
            "interrupted; the runs that had finished ({there} of {wanted} before, and those since) are kept in {}: the \
             same command goes on with the rest",
            pool.folder.path().display()
        )),
        other => other,
    })?);
    let rows = planned.into_iter().map(|planned| {
        let runs = planned.jobs.iter().map(|job| {
            let found = records.iter().find(|run| run.identity == job.identity);
            found.expect("every job has been run").clone()
        });
        let runs = runs.collect();
        (planned.row, planned.recipe, runs)
    });
    Ok(rows.collect())
}

/// Writes the table's three files, and prints it.
fn publish(
    folder: &Folder,
    sheet: Sheet,
    rows: &[(&Row, Recipe, Vec<RunRecord>)],
    digits: &Digits,
    json: bool,
) -> Result<()> {
    let table = table(sheet, rows);
    let markdown = folder.write("table.md", &text::markdown(&table))?;
    folder.write("table.csv", &text::csv(&table))?;
    folder.write("table.json", &table.json())?;
    let runs = rows.iter().flat_map(|(_, _, runs)| runs);
    let runs: Vec<RunRecord> = runs.filter(|run| run.last().is_some()).cloned().collect();
    let sources = Sources {
        table: Some(&table),
        runs: &runs,
        weights: Some(folder.path()),
        digits: Some(digits),
        race: None,
    };
    let written = pictures::write(&sources, &folder.path().join("report"))?;
    if json {
        return Output::Standard.line(&table.json());
    }
    Output::Standard.line(&format!("\n{}\n", text::text(&table)))?;
    Output::Standard.line(&format!(
        "{} (and .csv, .json; each run beside it)\n{} (with its pictures)",
        markdown.display(),
        written.files[0].display()
    ))
}

/// Runs of other digits do not fit into the same folder.
fn folder_for(source: Source) -> PathBuf {
    PathBuf::from(match source {
        Source::Mnist1989 => "gpu-train-reproduce".into(),
        Source::Mnist(examples) => format!("gpu-train-reproduce-mnist-{examples}"),
        Source::ZipCode => "gpu-train-reproduce-zip-code".into(),
    })
}

fn plan(
    arguments: &Arguments,
    rows: &[&'static Row],
    source: Source,
    seeds: &[u64],
    digits: &DigitsRecord,
    target: &Target,
) -> Result<Vec<Planned>> {
    let rows = rows.iter().map(|&row| {
        let recipe = |seed| arguments.restrictions.shortened(row.recipe(source, seed));
        recipe(seeds[0]).validate_updates(digits.train_examples as usize)?;
        let target = target.of_batch(Recipe::named(row.recipe).batch);
        let engine = target.engine();
        let adapter = target
            .adapter()
            .map(|adapter| adapter.description.to_string());
        let job = |&seed: &u64| {
            let recipe = recipe(seed);
            Job {
                identity: Identity {
                    row: row.name.into(),
                    digits: digits.clone(),
                    recipe: serde_json::to_value(&recipe).expect("a recipe has only plain fields"),
                    seed,
                    engine,
                    adapter: adapter.clone(),
                },
                recipe,
                first: seed == seeds[0],
            }
        };
        Ok(Planned {
            row,
            recipe: recipe(seeds[0]),
            jobs: seeds.iter().map(job).collect(),
        })
    });
    rows.collect()
}

impl Arguments {
    /// The rows asked for, in the table's order.
    fn rows(&self, source: Source) -> Vec<&'static Row> {
        let is_asked_for = |row: &&Row| self.rows.iter().any(|name| name == row.name);
        if self.quick {
            let quick = |row: &&Row| QUICK_ROWS.contains(&row.name);
            ROWS.iter().filter(quick).collect()
        } else if self.rows.is_empty() {
            Row::of(source)
        } else {
            ROWS.iter().filter(is_asked_for).collect()
        }
    }

    /// Applies the restrictions to the digits, and says in words what sets the runs apart from published ones.
    fn restrict(&self, digits: &mut Digits, source: Source) -> Vec<String> {
        let mut restrictions = Vec::new();
        if let Source::Mnist(examples) = source
            && examples != digits::MNIST_EXAMPLES
        {
            restrictions.push(format!(
                "{examples} training examples of MNIST, not the essay's {} (--train-examples)",
                digits::MNIST_EXAMPLES
            ));
        }
        restrictions.extend(self.restrictions.apply(digits));
        restrictions
    }
}

/// A run in a line.
fn line(record: &RunRecord) -> String {
    let run = format!("{} seed {}", record.identity.row, record.identity.seed);
    if let Some(message) = &record.failed {
        return format!("{run}: failed: {message}");
    }
    let Some(end) = record.last() else {
        return run;
    };
    format!(
        "{run}: train loss {:.5}, misses {}; test loss {:.5}, misses {}; {:.2} s",
        end.train.loss, end.train.misses, end.test.loss, end.test.misses, record.seconds.train
    )
}
