//! `gpu-train` without a subcommand: train, then compare with the per-example baseline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use crate::flags::checkpoint::{self, CheckpointWriter};
use crate::flags::{device, digits, messages, recipe};
use crate::logs::{Metrics, TensorBoard};
use crate::ranks::Joined;
use crate::terminal::{Output, Progress, context, interrupt};
use crate::text::{Comparison, RunReport};
use gpu_train::checkpoint::Checkpoint;
use gpu_train::cpu::Ranks;
use gpu_train::data::{Digits, DigitsRecord};
use gpu_train::engine::{Engine, EngineKind};
use gpu_train::error::Result;
use gpu_train::experiment::record::Seconds;
use gpu_train::file::{self, Claim};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Batch, Functions, Recipe, RecipeName, Start};
use gpu_train::target::{self, Target};
use gpu_train::train::{self, Cadence, Event, History};
use gpu_train::weights;

/// Flags of a training run.
#[derive(Debug, Args)]
#[group(id = "train-flags")]
pub struct Arguments {
    /// Train over the whole set at once, then batch 1 from the same start and the essay's 23 epochs, and compare (the
    /// default)
    #[arg(long, conflicts_with = "per_example")]
    full_batch: bool,
    /// Train batch 1 alone, on one CPU core
    #[arg(long)]
    per_example: bool,
    /// Leave the runs of batch 1 out
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
        conflicts_with = "start",
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
    /// Evaluate every N updates with --full-batch, every N epochs with --per-example [default: a
    /// tenth of the run; every epoch]. The baseline of a comparison is evaluated after every epoch
    #[arg(long, value_name = "N", help_heading = "Files and output",
          value_parser = clap::value_parser!(u32).range(1..))]
    eval_every: Option<u32>,
    /// Print one JSON object at the end on standard output, everything else on standard error
    #[arg(long, help_heading = "Files and output")]
    json: bool,
    #[command(flatten)]
    checkpoints: checkpoint::Arguments,
}

impl Arguments {
    /// The recipe the flags describe: over that of the checkpoint, which they may only repeat, or over the default one.
    fn recipe(&self, resumed: Option<&Checkpoint>) -> Result<Recipe> {
        let asked = match (self.full_batch, self.per_example) {
            (true, _) => Some(Batch::Full),
            (_, true) => Some(Batch::PerExample),
            _ => None,
        };
        let Some(checkpoint) = resumed else {
            let mut recipe = self.recipe.recipe(asked.unwrap_or(Batch::Full))?;
            if self.init_from.is_some() {
                recipe.start = Start::Uniform;
            }
            return Ok(recipe);
        };
        let there = checkpoint.origin.recipe.clone();
        let batch = asked.unwrap_or(there.batch);
        let there = Recipe { batch, ..there };
        // Before its other fields are found not to go with this batch.
        self.checkpoints.check_recipe(checkpoint, &there)?;
        let recipe = self.recipe.over(there)?;
        self.checkpoints.check_recipe(checkpoint, &recipe)?;
        Ok(recipe)
    }

    /// Works for rank 0 until its run is over.
    fn follow(self, joined: &Joined) -> Result<()> {
        let recipe = match self.checkpoints.resumes() {
            true => None,
            false => Some(self.recipe(None)?),
        };
        let digits = self.digits.read()?;
        // Rank 0 hears of it too, and lets this rank go when it has saved.
        interrupt::notice()?;
        joined.follow(digits, None, recipe.as_ref())
    }

    /// The reasons why the run may not be compared with published ones.
    fn restrictions(&self) -> Vec<String> {
        let init = self.init_from.iter();
        init.map(|_| "it starts from given weights, --init-from".into())
            .collect()
    }
}

/// Trains as the arguments say, on all ranks if this process is one of several; `started` is when it did.
pub fn run(mut arguments: Arguments, joined: Option<&Joined>, started: Instant) -> Result<()> {
    if let Some(joined) = joined.filter(|joined| joined.rank() > 0) {
        return arguments.follow(joined);
    }
    let resumed = arguments.checkpoints.load()?;
    let recipe = arguments.recipe(resumed.as_ref())?;
    if let Some(checkpoint) = &resumed {
        arguments.device.resume(&checkpoint.origin);
    }
    arguments.device.validate(recipe.batch)?;
    if let Some(joined) = joined {
        arguments
            .device
            .validate_ranks(joined.count(), recipe.batch)?;
    }
    if let Some(path) = &arguments.save {
        file::check_target(path)?;
    }
    let claim = arguments.checkpoints.claim()?;
    let digits = arguments.digits.read()?;
    recipe.validate_updates(digits.train.len())?;
    let record = arguments.checkpoints.describe(&digits);
    if let (Some(checkpoint), Some(record)) = (&resumed, &record) {
        arguments.checkpoints.check_digits(checkpoint, record)?;
    }
    interrupt::notice()?;
    let ranks = joined.map(|joined| joined.lead(&digits)).transpose()?;
    let session = Session {
        digits: &digits,
        ranks,
        record,
        output: messages::progress(arguments.json),
    };
    let results = messages::results(arguments.json);
    let (mut main, parameters) = session.main(&arguments, &recipe, (resumed, claim), started)?;
    if let Some(path) = &arguments.save {
        weights::save(path, &parameters, (&recipe).into())?;
        results.line(&format!("weights: {}", path.display()))?;
    }
    if recipe.batch == Batch::Full && !arguments.no_baseline {
        let of_batch_1 = match recipe.start {
            Start::ClosedForm => RecipeName::PerExampleClosedForm,
            Start::Uniform => RecipeName::PerExample,
        };
        let [baseline, reproduction] =
            [of_batch_1, RecipeName::Reproduction].map(|name| session.baseline(name, recipe.seed));
        let (baseline, reproduction) = (baseline?, reproduction?);
        let source = arguments.digits.source();
        let restrictions = arguments.restrictions();
        let comparison = Comparison::of([&main, &baseline, &reproduction], source, &restrictions);
        results.line(&comparison.text([&main, &baseline, &reproduction]))?;
        main.comparison = Some(comparison);
        main.baseline = Some(Box::new(baseline));
        main.reproduction = Some(Box::new(reproduction));
    } else if recipe.batch == Batch::Full {
        results.line(&main.summary())?;
    }
    if arguments.json {
        return Output::Standard.line(&main.json());
    }
    session.output.line(&next(&arguments, &main))
}

/// Commands to try next, after a run of this kind.
fn next(arguments: &Arguments, report: &RunReport) -> String {
    let predict = match &arguments.save {
        Some(path) => (
            format!("predict --weights {} digit.png", context::shell_path(path)),
            "what it makes of a digit you drew",
        ),
        None => (
            "predict --train".into(),
            "train and keep a net that recognises digits you draw",
        ),
    };
    let devices = "which GPUs there are, and why none is taken";
    let devices = (report.engine == EngineKind::Cpu).then(|| ("devices".into(), devices));
    let race = "the same by a rule fixed beforehand, with error bars";
    let race = report
        .baseline
        .as_ref()
        .map(|_| ("race --seeds 3".into(), race));
    let reproduce = "the essay's table: its beginning, in a minute";
    let reproduce = ("reproduce --quick".into(), reproduce);
    let lines = [Some(predict), devices, race, Some(reproduce)];
    let lines: Vec<(String, &str)> = lines.into_iter().flatten().collect();
    let lengths = lines.iter().map(|(command, _)| command.chars().count());
    let widest = lengths.max().unwrap_or(0);
    let line = |(command, what)| format!("\n  gpu-train {command:<widest$}  {what}");
    format!("\nNext:{}", lines.into_iter().map(line).collect::<String>())
}

/// Files that a run writes while it trains.
#[derive(Default)]
struct Records {
    metrics: Option<Metrics>,
    board: Option<TensorBoard>,
    keeper: Option<CheckpointWriter>,
    /// The file that is to be written at the end.
    save: Option<PathBuf>,
}

/// One invocation: what its runs share.
struct Session<'a> {
    digits: &'a Digits,
    /// The same in a checkpoint, if one is to be written.
    record: Option<DigitsRecord>,
    output: Output,
    /// All processes of the run, if there are several.
    ranks: Option<Arc<Ranks>>,
}

impl Session<'_> {
    /// The run that the arguments ask for, and the weights it ends with.
    fn main(
        &self,
        arguments: &Arguments,
        recipe: &Recipe,
        (resumed, claim): (Option<Checkpoint>, Option<Claim>),
        started: Instant,
    ) -> Result<(RunReport, Parameters)> {
        let (target, note) = match &self.ranks {
            Some(ranks) => (Target::Ranks(Arc::clone(ranks)), None),
            None => arguments.device.target(recipe.batch)?,
        };
        let point = match &arguments.init_from {
            // Replaced by the checkpoint's state.
            _ if resumed.is_some() => recipe.initial_parameters().into(),
            Some(path) => self.load(path, recipe)?.into(),
            None => target.starting_point(self.digits, recipe)?,
        };
        let start = point.seconds;
        let opened = target::open(&target, self.digits, recipe, point)?;
        for note in opened.notes.iter().chain(&note) {
            self.output.line(note)?;
        }
        let (mut engine, tuning, kernels) = (opened.engine, opened.tuning, opened.kernels);
        let keeper = arguments.checkpoints.keeper(
            engine.as_ref(),
            kernels,
            recipe,
            self.record.clone(),
            claim,
        );
        let mut past = History::start(start);
        if let Some(checkpoint) = resumed {
            let note = arguments.checkpoints.note(&checkpoint, engine.as_ref());
            self.output.line(&note)?;
            engine.restore(&checkpoint.state)?;
            past = checkpoint.past;
        }
        let setup = started.elapsed().as_secs_f64() - tuning - start;
        let examples = self.digits.train.len();
        let cadence = Cadence {
            checkpoint_every: arguments.checkpoints.every(recipe, examples)?,
            ..Cadence::every(train::interval(recipe, examples, arguments.eval_every)?)
        };
        let source = &self.digits.source;
        let metrics = arguments
            .metrics
            .as_ref()
            .map(|path| Metrics::create(path, recipe, engine.as_ref(), source, &past.points));
        let board = arguments
            .tensorboard
            .as_ref()
            .map(|folder| TensorBoard::create(folder, recipe, examples));
        let records = Records {
            metrics: metrics.transpose()?,
            board: board.transpose()?,
            keeper,
            save: arguments.save.clone(),
        };
        let before = Seconds {
            setup,
            tuning,
            train: 0.0,
            start: past.start,
        };
        let report = self.run(engine.as_mut(), recipe, cadence, before, past, records)?;
        Ok((report, engine.state()?.parameters))
    }

    /// Weights to start from, with a note where they were trained for another net's functions.
    fn load(&self, path: &Path, recipe: &Recipe) -> Result<Parameters> {
        let net = weights::load(path)?;
        let here = Functions::from(recipe);
        if let Some(there) = net.functions.filter(|there| *there != here) {
            self.output.line(&format!(
                "{}: trained with {there}, training continues with {here}",
                path.display()
            ))?;
        }
        Ok(net.parameters)
    }

    fn run(
        &self,
        engine: &mut dyn Engine,
        recipe: &Recipe,
        cadence: Cadence,
        before: Seconds,
        past: History,
        mut records: Records,
    ) -> Result<RunReport> {
        let (examples, test_examples) = (self.digits.train.len(), self.digits.test.len());
        self.output.line(&format!(
            "{}: {} on {}; {}, {examples} training and {test_examples} test examples; set-up {:.2} s",
            recipe.name,
            engine.kind(),
            engine.device(),
            self.digits.source,
            before.setup,
        ))?;
        let from = past.step;
        if from == recipe.validate_updates(examples)? {
            self.output
                .line("the checkpoint is of the run's end: nothing is left to train")?;
        }
        let mut reached = from;
        let mut progress = Progress::new(recipe.batch, &past, self.output);
        let history = train::resume(engine, recipe, examples, cadence, past, &mut |event| {
            match &event {
                Event::Progress { step, .. } => reached = *step,
                Event::Evaluated { point, .. } => {
                    if let Some(metrics) = &mut records.metrics {
                        metrics.row(point)?;
                    }
                    if let Some(board) = &mut records.board {
                        board.row(point)?;
                    }
                }
                Event::Checkpoint { state, past } => {
                    if let Some(keeper) = &mut records.keeper {
                        keeper.keep(state, past)?;
                    }
                }
            }
            progress.show(&event)?;
            interrupt::check()
        });
        let history = history.map_err(|error| {
            let unsaved = records.save.as_deref();
            checkpoint::explain(error, records.keeper.as_ref(), unsaved, recipe, reached)
        })?;
        let seconds = Seconds {
            train: history.seconds,
            ..before
        };
        let report = RunReport::new(engine, recipe, &self.digits.source, seconds, history);
        Ok(RunReport {
            resumed_at: (from > 0).then_some(from),
            ..report
        })
    }

    /// A recipe of batch 1 on one CPU core, with this run's seed; evaluated after every epoch whatever --eval-every
    /// says, which counts the other run's updates: the comparison looks for the first epoch that is good enough.
    fn baseline(&self, name: RecipeName, seed: u64) -> Result<RunReport> {
        let recipe = Recipe {
            seed,
            ..Recipe::named(name)
        };
        let target = Target::PerExample;
        let point = target.starting_point(self.digits, &recipe)?;
        let past = History::start(point.seconds);
        let mut opened = target::open(&target, self.digits, &recipe, point)?;
        let cadence = Cadence::every(train::interval(&recipe, self.digits.train.len(), None)?);
        let before = Seconds {
            setup: opened.set_up,
            tuning: 0.0,
            train: 0.0,
            start: past.start,
        };
        let engine = opened.engine.as_mut();
        self.run(engine, &recipe, cadence, before, past, Records::default())
    }
}
