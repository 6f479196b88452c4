//! `gpu-train report`: pictures and a page from the records of `reproduce` and `race`, and of adapters that were measured.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::de::DeserializeOwned;

use crate::flags::{digits, messages};
use crate::pictures::{self, Folder, Sources};
use crate::terminal::Output;
use gpu_train::data::Digits;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{
    Evidence, RECORD_LIMIT, RaceRecord, Refused, RunRecord, SCHEMA, Table, parse,
};
use gpu_train::file;

/// Draw the pictures and write report.html from the records of `gpu-train reproduce` and `gpu-train race`.
///
/// Nothing is trained. Each picture is one SVG that follows the reader's light or dark theme; the same records give the
/// same bytes.
#[derive(Debug, Args)]
#[group(id = "report-flags", required = true, multiple = true, args = ["directory", "race", "gpus"])]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Folder that `gpu-train reproduce` wrote (table.json and the runs)
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// JSON document that `gpu-train race --out` wrote
    #[arg(long, value_name = "FILE.json")]
    race: Option<PathBuf>,
    /// Folder that `scripts/gpu-evidence` wrote, once per adapter: its step, its kernels, and its rows in the race
    #[arg(long = "gpu", value_name = "DIR")]
    gpus: Vec<PathBuf>,
    /// Folder to write into, made if missing [default: report inside DIR; without DIR, gpu-train-report]
    #[arg(long, value_name = "DIR", help_heading = "Files and output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    digits: digits::Arguments,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train report gpu-train-reproduce     from the records of reproduce
  gpu-train report gpu-train-reproduce --race race.json --out pictures
  gpu-train report --race race.json        from the record of race alone
  gpu-train report --gpu one --gpu two     adapters, from the folders of scripts/gpu-evidence";

/// Reads the records, draws, and prints the names of the files written.
///
/// # Errors
/// [`Error::File`] if a record is missing or does not parse, or a file cannot be written; what the digits' readers return.
pub fn run(arguments: &Arguments) -> Result<()> {
    let race = arguments.race.as_deref();
    let race = race.map(|path| record(path, "the JSON document of gpu-train race"));
    let race: Option<RaceRecord> = race.transpose()?;
    let adapters = arguments.gpus.iter().map(|path| folder(path));
    let adapters = adapters.collect::<Result<Vec<_>>>()?;
    let race = pictures::race_of_all(race.as_ref(), &adapters);
    let mut sources = Sources {
        race: race.as_ref(),
        adapters: &adapters,
        ..Sources::default()
    };
    let (table, runs, digits): (Table, _, _);
    if let Some(directory) = &arguments.directory {
        let path = directory.join("table.json");
        table = record(
            &path,
            "the table of gpu-train reproduce (a race is drawn by --race FILE.json)",
        )?;
        runs = self::runs(directory, &table)?;
        digits = arguments.digits(&table)?;
        sources.table = Some(&table);
        sources.runs = &runs;
        sources.weights = Some(directory);
        sources.digits = Some(&digits);
    }
    let written = pictures::write(&sources, &arguments.out())?;
    for line in &written.missing {
        messages::progress(true).line(&format!("left out: {line}"))?;
    }
    for path in &written.files {
        Output::Standard.line(&path.display().to_string())?;
    }
    Ok(())
}

impl Arguments {
    fn out(&self) -> PathBuf {
        match (&self.out, &self.directory) {
            (Some(out), _) => out.clone(),
            (None, Some(directory)) => directory.join("report"),
            (None, None) => PathBuf::from("gpu-train-report"),
        }
    }

    /// The digits that the flags ask for, cut to as many training examples as the table had.
    fn digits(&self, table: &Table) -> Result<Digits> {
        let mut digits = self.digits.read()?;
        let examples = (table.digits.train_examples as usize).max(1);
        digits.train = digits.train.truncated(examples);
        Ok(digits)
    }
}

/// Runs that the table counts.
fn runs(directory: &Path, table: &Table) -> Result<Vec<RunRecord>> {
    let mut runs = Vec::new();
    for row in &table.rows {
        for seed in &row.seeds {
            let path = directory.join(format!("{}-{seed}.json", row.row));
            let run: RunRecord = record(&path, "the record of a run that the table counts")?;
            if (&run.identity.row, run.identity.seed) != (&row.row, *seed)
                || run.identity.digits != table.digits
            {
                let problem = "found another run, or one with other digits, expected the one the table counts";
                return Err(Error::file(path, problem));
            }
            runs.push(run);
        }
    }
    Ok(runs)
}

/// A folder of `scripts/gpu-evidence`.
fn folder(path: &Path) -> Result<Folder> {
    let index = path.join("evidence.json");
    let evidence: Evidence = record(&index, "the index of scripts/gpu-evidence")?;
    let race = evidence.figures.race.as_ref();
    // A name in the folder, not a way out of it.
    let race = race.map(|race| path.join(Path::new(&race.file).file_name().unwrap_or_default()));
    let race = race.map(|path| record(&path, "the record of the race that the index names"));
    Ok(Folder {
        race: race.transpose()?,
        evidence,
    })
}

/// A record in this program's form.
fn record<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    let bytes = file::read(path, RECORD_LIMIT, expected)?;
    parse(&bytes).map_err(|refused| {
        let problem = match refused {
            Refused::Json(error) => {
                format!("found what does not parse ({error}), expected {expected}")
            }
            Refused::Text(problem) => problem,
            Refused::Form(form) => {
                format!("found form {form}, expected {expected} in form {SCHEMA}")
            }
        };
        Error::file(path, problem)
    })
}
