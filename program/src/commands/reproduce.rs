//! `gpu-train reproduce`: the essay's table of recipes over several seeds, one example at a time and over the full batch.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::flags::restrictions::{Restrictions, seeds};
use crate::flags::{device, digits, messages, shares};
use crate::pictures::{self, Sources};
use crate::terminal::context::{date, stamp};
use crate::terminal::{Output, RunsProgress, interrupt};
use crate::text::reproduce as text;
use gpu_train::cpu::cores;
use gpu_train::data::{Digits, DigitsRecord, Source};
use gpu_train::error::{Result, plural};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::record::{self, RunRecord, Table};
use gpu_train::experiment::reproduce::{
    self, Collected, Missing, ROWS, Row, RowRuns, by_row, collect, table,
};
use gpu_train::experiment::run::Job;
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::target::Target;

/// Rows that --quick runs: the essay's beginning, one example at a time and over the full batch.
const QUICK_ROWS: [&str; 4] = ["stage-0", "stage-1", "full-batch-0", "full-batch"];
/// Seeds by default.
const SEEDS: u64 = 3;

/// Reproduce the essay's table: every recipe over several seeds, with the published misses.
///
/// Finished runs are kept in the output folder and not run again: the same command resumes what was interrupted.
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
    /// Seeds per row, consecutive [default: 3]; a table to be published has 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 1337)]
    first_seed: u64,
    /// A look in about a minute: four rows (stage-0, stage-1, full-batch-0, full-batch) over three seeds, each at its
    /// full length, so that its numbers are as true as the whole table's
    #[arg(long, conflicts_with_all = ["rows", "seeds", "mnist"])]
    quick: bool,
    /// Runs at a time on the CPU [default: one per core]; runs on an adapter always go one after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    jobs: Option<u32>,

    #[command(flatten)]
    restrictions: Restrictions,
    #[command(flatten)]
    shares: shares::Arguments,

    #[command(flatten)]
    device: device::Arguments,
    #[command(flatten)]
    digits: digits::Arguments,

    /// Folder of runs and table, made if missing [default: gpu-train-reproduce, and the name of other digits]
    #[arg(long, value_name = "DIR", help_heading = "Files and output")]
    out: Option<PathBuf>,
    /// Print the table as one JSON document on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train reproduce --quick              four rows over three seeds, about a minute
  gpu-train reproduce --seeds 20           the whole table; interrupted, the same command resumes
  gpu-train reproduce --rows stage-0,full-batch --zip-code DIR
  gpu-train reproduce --seeds 20 --out DIR --share 0/8
                                           one of eight shares; once all are there: --collect";

/// Runs what is missing, and prints the table; or does a share of that, or collects what is there.
///
/// # Errors
/// Of usage; what the digits' readers and the engines return; if the folder is in use or cannot be written to; if runs to
/// collect are missing.
pub fn run(mut arguments: Arguments) -> Result<()> {
    arguments.device.default_to_cpu();
    arguments.device.validate(Batch::Full)?;
    let seeds = seeds(arguments.first_seed, arguments.seeds.unwrap_or(SEEDS))?;
    let mut digits = arguments.digits.read()?;
    let source = arguments.digits.source();
    let restrictions = arguments.restrict(&mut digits, source);
    let record = DigitsRecord::of(&digits);
    let output = messages::progress(arguments.json);
    let rows = arguments.rows(source);
    let target = arguments.target(&rows, output)?;
    interrupt::notice()?;
    let path = arguments.out.clone().unwrap_or_else(|| folder_for(source));
    let folder = arguments.shares.open(&path, output)?;
    arguments.announce(output, &seeds)?;
    let recipe = |row: &Row, seed| arguments.restrictions.shortened(row.recipe(source, seed));
    let jobs = reproduce::jobs(&rows, &seeds, (&digits, &record), &target, recipe)?;
    let Collected { records, missing } = match arguments.gather(&jobs, &folder, output)? {
        Some(collected) => collected,
        None => return Ok(()),
    };
    let mut rows = by_row(&rows, |row| recipe(row, seeds[0]), &records);
    rows.retain(|(_, _, runs)| !runs.is_empty());
    if !rows.is_empty() {
        let table = table(stamp(), (record, source), seeds, restrictions, &rows);
        publish(&folder, &table, &rows, &digits, arguments.json)?;
    }
    let missing: Vec<String> = missing.iter().map(Missing::to_string).collect();
    shares::refuse_missing(&missing)
}

/// Writes the table's three files, and prints it.
fn publish(
    folder: &Folder,
    table: &Table,
    rows: &[RowRuns],
    digits: &Digits,
    json: bool,
) -> Result<()> {
    let markdown = folder.write("table.md", &text::markdown(table))?;
    folder.write("table.csv", &text::csv(table))?;
    folder.write("table.json", &record::json(table))?;
    let runs = rows.iter().flat_map(|(_, _, runs)| runs);
    let runs: Vec<RunRecord> = runs.filter(|run| run.last().is_some()).cloned().collect();
    let sources = Sources {
        table: Some(table),
        runs: &runs,
        weights: Some(folder.path()),
        digits: Some(digits),
        race: None,
        adapters: &[],
    };
    let written = pictures::write(&sources, &folder.path().join("report"))?;
    if json {
        return Output::Standard.line(&record::json(table));
    }
    Output::Standard.line(&format!("\n{}\n", text::text(table)))?;
    Output::Standard.line(&format!(
        "{} (and .csv, .json; each run in the same folder)\n{} (with its pictures)",
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

impl Arguments {
    /// The target of full-batch recipes. Whoever collects needs no adapter.
    fn target(&self, rows: &[&Row], output: Output) -> Result<Target> {
        let is_full_batch = |row: &&Row| Recipe::named(row.recipe).batch == Batch::Full;
        if self.shares.part() == Part::Nothing || !rows.iter().any(is_full_batch) {
            return Ok(Target::Cpu(1));
        }
        let (target, note) = self.device.target(Batch::Full)?;
        note.map_or(Ok(()), |note| output.line(&note))?;
        Ok(target)
    }

    fn announce(&self, output: Output, seeds: &[u64]) -> Result<()> {
        if !self.quick {
            return Ok(());
        }
        output.line(&format!(
            "--quick: {} over {} seeds, each at its full length",
            QUICK_ROWS.join(", "),
            seeds.len()
        ))
    }

    /// The runs of all jobs, done now where they are missing, or collected; none after a share of them.
    fn gather(&self, jobs: &[Job], folder: &Folder, output: Output) -> Result<Option<Collected>> {
        let line = |run: &RunRecord| Some(text::line(run));
        let queue = Queue {
            folder,
            observer: &RunsProgress::new(output, &line),
            date: date(),
            cores: cores(),
        };
        let workers = self.jobs.map_or_else(cores, |jobs| jobs as usize);
        match folder.part() {
            Part::All => Ok(Some(Collected {
                records: queue.run(jobs, workers)?,
                missing: Vec::new(),
            })),
            Part::Share(share) => {
                let own = share.of(jobs);
                queue.run(&own, workers)?;
                let what = format!("its {} are there", plural(own.len(), "run"));
                shares::ended(output, share, &what)?;
                Ok(None)
            }
            Part::Nothing => collect(jobs, folder).map(Some),
        }
    }

    /// The rows asked for, in the table's order.
    fn rows(&self, source: Source) -> Vec<&'static Row> {
        if self.rows.is_empty() && !self.quick {
            return Row::of(source);
        }
        let is_asked_for = |row: &&Row| match self.quick {
            true => QUICK_ROWS.contains(&row.name),
            false => self.rows.iter().any(|name| name == row.name),
        };
        ROWS.iter().filter(is_asked_for).collect()
    }

    /// Applies the restrictions to the digits, and returns in words why the runs are not comparable with published ones.
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
