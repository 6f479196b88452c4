//! `gpu-train search`: choose a recipe's numbers without the test set.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::flags::restrictions::runs_folder;
use crate::flags::{digits, messages, recipe, shares};
use crate::terminal::context::date;
use crate::terminal::{Output, RunsProgress, interrupt};
use gpu_train::data::{Digits, DigitsRecord};
use gpu_train::error::{Result, plural};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::search::{
    CONFIRMATIONS, Candidate, FIRST_SEED, KEPT, Outcome, ROUNDS, Range, Settings, Space,
    Validation, search,
};
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Batch, Length, Recipe};
use gpu_train::{cpu, file};

/// Most candidates: their first round alone takes hours.
const MOST_CANDIDATES: u64 = 100_000;

/// Choose a recipe's numbers by random search with successive halving, never on the test set.
///
/// With --mnist, candidates train on the whole training set and are compared on other digits of MNIST; without it, on folds of
/// the training set. Every candidate is trained with the same seeds (each on another fold); after 1, 3, 7 and 15 runs the
/// better quarter stays. The best is then confirmed by 20 runs with seeds that chose nothing. With --target the lengths
/// are tried one after the other until the confirmed mean error is low enough. Finished runs are kept in a folder: the same
/// command resumes what was interrupted.
#[derive(Debug, Args)]
#[group(id = "search-flags")]
#[command(after_help = EXAMPLES)]
#[command(mut_arg("mnist", |flag| flag.help(MNIST)), mut_arg("train_examples", |flag| flag.help(TRAIN_EXAMPLES)))]
pub struct Arguments {
    /// Search a recipe of one example per update (one core per run) instead of the full batch
    #[arg(long)]
    per_example: bool,
    /// Lengths to search at, in updates (with --per-example: epochs), a list [default: the recipe's]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..))]
    lengths: Vec<u64>,
    /// Stop at the first length whose best candidate's confirmed mean error, in per cent of the validation examples, is at most
    /// this
    #[arg(
        long,
        value_name = "PERCENT",
        requires = "lengths",
        allow_negative_numbers = true
    )]
    target: Option<f64>,
    /// Candidates drawn at each length
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u64).range(1..=MOST_CANDIDATES))]
    candidates: u64,
    /// Without --mnist: parts of the training set, each held out in turn
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "mnist")]
    folds: usize,
    /// With --mnist: validation digits, evenly spaced in MNIST's order over the training images that are not trained on
    /// [default: 10000, or all if there are fewer]
    #[arg(long, value_name = "N")]
    validation_examples: Option<usize>,
    /// Seed of the candidates
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    search_seed: u64,
    /// Range or list that a field is drawn from: FIELD=LOW..HIGH (log-uniform) or FIELD=A|B|C; may be repeated. Fields: learning-rate,
    /// final-share, weight-decay, beta1, beta2, momentum, damping, statistics-every, warmup-share, dropout, schedule, optimizer,
    /// activation, loss
    /// [default: ranges that suit the optimizer; printed]
    #[arg(long = "vary", value_name = "FIELD=VALUES")]
    vary: Vec<Range>,
    /// Runs at the same time, one thread each [default: the processor's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    #[command(flatten)]
    shares: shares::Arguments,
    #[command(flatten)]
    digits: digits::Arguments,
    #[command(flatten)]
    recipe: recipe::Arguments,

    /// Write a row of JSON for each candidate and round, the first row with the search's settings
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Files and output")]
    out: Option<PathBuf>,
    /// Folder of finished runs, made if missing [default: FILE-runs in the folder of --out, else gpu-train-search]
    #[arg(long, value_name = "DIR", help_heading = "Files and output")]
    work: Option<PathBuf>,
    /// Print the chosen recipe as JSON on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
}

const MNIST: &str = "Train on MNIST as of 1989, validate on other training images of MNIST; DIR has its IDX files \
     (plain or .gz), of which only those of the training set are read";
const TRAIN_EXAMPLES: &str = "With --mnist: train on the first N of its 60,000 training images instead, validate on later ones";

const EXAMPLES: &str = "\
Examples:
  gpu-train search --recipe full-batch --candidates 32
  gpu-train search --recipe full-batch --lengths 3,4,5 --target 4.09 --mnist DIR
  gpu-train search --recipe full-batch-modern --vary learning-rate=0.005..0.05 --out search.jsonl";

impl Arguments {
    fn folder(&self, output: Output) -> Result<Folder> {
        let default = || runs_folder(self.out.as_deref(), "gpu-train-search");
        let path = self.work.clone().unwrap_or_else(default);
        self.shares.open(&path, output)
    }

    /// Prints the chosen recipe; of a share that it is there.
    fn publish(&self, folder: &Folder, best: &Candidate) -> Result<()> {
        let output = messages::progress(self.json);
        if folder.part() != Part::Nothing {
            folder.plan().finish()?;
        }
        if let Part::Share(share) = folder.part() {
            return shares::ended(output, share, "the runs of all rounds are there");
        }
        output.line(&format!("chosen: {}", flags(&best.recipe)))?;
        match self.json {
            true => Output::Standard.line(&confirmed_row(best).to_string()),
            false => Ok(()),
        }
    }

    fn validate(&self) -> Result<()> {
        if let Some(target) = self.target
            && !(0.0..100.0).contains(&target)
        {
            return Err(crate::flags::usage(format!(
                "--target: found {target}, expected a share in per cent, 0 up to 100"
            )));
        }
        if !self.lengths.is_sorted() {
            return Err(crate::flags::usage(
                "--lengths: found a shorter one after a longer, expected them in their order",
            ));
        }
        self.out
            .as_deref()
            .map_or(Ok(()), |path| file::check_target(path).map(|_| ()))
    }

    fn lengths(&self, base: &Recipe) -> Vec<Length> {
        let of = |&length| match base.batch {
            Batch::Full => Length::Steps(length),
            Batch::PerExample => Length::Epochs(length),
        };
        if self.lengths.is_empty() {
            vec![base.length]
        } else {
            self.lengths.iter().map(of).collect()
        }
    }
}

/// Searches as the arguments say, and prints the best recipe of the last length.
///
/// # Errors
/// Of usage; what the digits' readers and the runs return.
pub fn run(arguments: &Arguments) -> Result<()> {
    arguments.validate()?;
    let batch = if arguments.per_example {
        Batch::PerExample
    } else {
        Batch::Full
    };
    let base = arguments.recipe.recipe(batch)?;
    let held_out = arguments.digits.held_out(arguments.validation_examples)?;
    let (digits, validation) = match held_out {
        Some(digits) => {
            let count = digits.test.len();
            (digits, Validation::ValidationExamples(count))
        }
        None => (arguments.digits.read()?, Validation::Folds(arguments.folds)),
    };
    let settings = Settings {
        candidates: arguments.candidates as usize,
        validation,
        seed: arguments.search_seed,
        jobs: arguments.jobs.map_or_else(cpu::cores, usize::from),
    };
    let space = Space::of(&base, &arguments.vary);
    search_in(arguments, &base, &digits, settings, &space)
}

/// Searches in these settings and ranges; the folder of finished runs is where a search that was interrupted resumes.
fn search_in(
    arguments: &Arguments,
    base: &Recipe,
    digits: &Digits,
    settings: Settings,
    space: &Space,
) -> Result<()> {
    let output = messages::progress(arguments.json);
    let ranges: Vec<String> = space.ranges().iter().map(Range::to_string).collect();
    let over = match settings.validation {
        Validation::Folds(count) => format!("over {count} folds of"),
        Validation::ValidationExamples(_) => "on".into(),
    };
    output.line(&format!(
        "{}: {} candidates {over} {} training examples of {}; {}",
        base.name,
        settings.candidates,
        digits.train.len(),
        digits.source,
        ranges.join(" ")
    ))?;
    let rows = vec![json!({
        "schema": 1, "version": env!("CARGO_PKG_VERSION"), "plan": settings, "ranges": ranges,
        "digits": digits.source, "training_examples": digits.train.len(), "processor": cpu::processor(),
        "date": date(),
        "rounds": ROUNDS, "kept": KEPT, "confirmations": CONFIRMATIONS, "first_seed": FIRST_SEED,
        "target_percent": arguments.target,
    })];
    interrupt::notice()?;
    let folder = arguments.folder(output)?;
    let plan = json!({
        "version": env!("CARGO_PKG_VERSION"), "recipe": base, "digits": DigitsRecord::of(digits), "ranges": ranges,
        "candidates": settings.candidates, "validation": settings.validation, "search-seed": settings.seed,
        "lengths": arguments.lengths(base),
    });
    match folder.part() {
        Part::Nothing => folder.plan().find(&plan).map(|_| ())?,
        _ => folder.plan().begin_or_resume(plan)?,
    }
    let queue = Queue {
        folder: &folder,
        observer: &RunsProgress::new(output, &|_| None),
        date: date(),
        cores: cpu::cores(),
    };
    match rounds(arguments, base, digits, settings, space, &queue, rows)? {
        Ended::Confirmed(best) => arguments.publish(&folder, &best),
        Ended::Waiting(what) => match folder.part() {
            Part::Nothing => shares::refuse_missing(&[format!("missing: {what}")]),
            _ => output.line(&format!(
                "{what} of the other shares: run this share again once they are there"
            )),
        },
    }
}

/// The end of a search at several lengths: the confirmed candidate of the last one, or a description of the missing runs.
enum Ended {
    Confirmed(Candidate),
    Waiting(String),
}

/// Searches at one length after the other until the target is reached, or runs are missing that are not of this share.
fn rounds(
    arguments: &Arguments,
    base: &Recipe,
    digits: &Digits,
    settings: Settings,
    space: &Space,
    queue: &Queue,
    mut rows: Vec<Value>,
) -> Result<Ended> {
    let output = messages::progress(arguments.json);
    let folds = settings.validation.of(digits)?;
    // A share leaves the rows to whoever collects.
    let out = arguments.out.as_deref();
    let out = out.filter(|_| !matches!(queue.folder.part(), Part::Share(_)));
    let mut lengths = arguments.lengths(base).into_iter().peekable();
    while let Some(length) = lengths.next() {
        let base = Recipe {
            length,
            ..base.clone()
        };
        let mut watch = |round, field: &[Candidate]| {
            rows.extend(field.iter().map(|candidate| {
                let mut row = row(candidate);
                row["round"] = json!(round);
                row
            }));
            write(out, &rows)?;
            output.line(&line(round, field))
        };
        let found = match search(&folds, &base, space, settings, queue, &mut watch)? {
            Outcome::Confirmed(found) => found,
            Outcome::Waiting {
                round,
                missing,
                runs,
            } => {
                let round = match round < ROUNDS.len() {
                    true => format!("round {}", round + 1),
                    false => "the confirmation".into(),
                };
                let what = format!("{length:?}, {round} waits for {missing} of {runs} runs");
                return Ok(Ended::Waiting(what));
            }
        };
        rows.push(json!({"confirmed": confirmed_row(&found)}));
        write(out, &rows)?;
        output.line(&confirmed(&found))?;
        let mean = 100.0 * found.mean();
        let is_enough = arguments.target.is_some_and(|target| mean <= target);
        if is_enough || lengths.peek().is_none() {
            return Ok(Ended::Confirmed(found));
        }
    }
    unreachable!("a length at least")
}

fn row(candidate: &Candidate) -> Value {
    json!({"mean": candidate.mean(), "errors": candidate.errors, "recipe": candidate.recipe})
}

/// Row of the confirmed candidate.
fn confirmed_row(found: &Candidate) -> Value {
    let mut row = row(found);
    row["sd"] = json!(found.sd());
    row
}

fn write(path: Option<&Path>, rows: &[Value]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
    file::write_atomically(path, lines.concat().as_bytes())
}

/// A round in a line.
fn line(round: usize, field: &[Candidate]) -> String {
    let best = &field[0];
    let runs = best.errors.len();
    format!(
        "{:?}, round {}: {} candidates, {}, the best {:.2}%: {}",
        best.recipe.length,
        round + 1,
        field.len(),
        plural(runs, "run"),
        100.0 * best.mean(),
        flags(&best.recipe)
    )
}

/// The confirmed candidate in a line.
fn confirmed(found: &Candidate) -> String {
    format!(
        "{:?}, confirmed: {} with new seeds, {:.2}% ± {:.2}",
        found.recipe.length,
        plural(found.errors.len(), "run"),
        100.0 * found.mean(),
        100.0 * found.sd().unwrap_or_default()
    )
}

/// The flags that make this recipe of its name's.
fn flags(recipe: &Recipe) -> String {
    let json = serde_json::to_value(recipe).expect("plain fields");
    let length = match recipe.length {
        Length::Steps(steps) => format!("--steps {steps}"),
        Length::Epochs(epochs) => format!("--epochs {epochs}"),
    };
    let batch = match recipe.batch {
        Batch::Full => "",
        Batch::PerExample => "--per-example ",
    };
    let others = ["name", "batch", "length", "seed"];
    let fields = json.as_object().expect("fields").iter();
    let fields = fields.filter(|(name, _)| !others.contains(&name.as_str()));
    let flag = |(name, value): (&String, &Value)| {
        let name = match name.as_str() {
            "initialization" => "init".into(),
            name => name.replace('_', "-"),
        };
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("--{name} {text}")
    };
    let fields: Vec<String> = fields.map(flag).collect();
    format!(
        "{batch}--recipe {} {length} {}",
        recipe.name,
        fields.join(" ")
    )
}
