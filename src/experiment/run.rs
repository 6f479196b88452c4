//! One timed run: a job in, its record out. Set-up and tuning are timed separately.

mod saving;

use web_time::Instant;

use crate::data::{Digits, DigitsRecord};
use crate::engine::{Engine, Split};
use crate::error::{Error, Result};
use crate::experiment::record::{CurvePoint, Identity, RunRecord, SCHEMA, Seconds};
use crate::net::Parameters;
use crate::recipe::Recipe;
use crate::target::{self, Target};
use crate::train::{self, Cadence, Event, History, Point, refuse_divergence};

use self::saving::Keeper;
pub use self::saving::Saving;

/// Most points of a learning curve, and parts of a run after which it may be saved.
const MOST_POINTS: u64 = 40;
/// Examples of one call of [`Engine::train`] against the clock: three to four seconds on a core, after which an
/// interruption is noticed. Shorter calls would add synchronisations to the time of a GPU.
const CALL: usize = 1 << 20;

/// A wanted run.
#[derive(Debug, Clone)]
pub struct Job {
    /// The fields that make it the same run.
    pub identity: Identity,
    /// Its recipe, with its seed.
    pub recipe: Recipe,
    /// The digits.
    pub digits: Digits,
    /// Target that it trains on.
    pub target: Target,
    /// When it is evaluated.
    pub evaluations: Evaluations,
    /// True if its weights and missed examples are kept.
    pub keeps_weights: bool,
}

/// The evaluations of a run. None counts as training time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluations {
    /// After whole epochs, as few as give at most 40 points.
    Curve,
    /// At the end.
    End,
    /// At the end, of a run against the clock: training time includes reading the weights back, and nothing is saved on the
    /// way.
    AgainstTheClock,
}

/// Called with the number of examples shown since the last call; an error that it returns, such as [`Error::Interrupted`], ends the
/// run.
pub type Advance<'a> = &'a mut dyn FnMut(u64) -> Result<()>;

impl Job {
    /// A job for a row of the table, run against the clock; its weights are not kept.
    pub fn new(
        row: impl Into<String>,
        (digits, record): (&Digits, &DigitsRecord),
        recipe: Recipe,
        target: Target,
    ) -> Self {
        let adapter = target.adapter().map(|found| found.description.to_string());
        Self {
            identity: Identity {
                row: row.into(),
                digits: record.clone(),
                recipe: serde_json::to_value(&recipe).expect("a recipe has only plain fields"),
                seed: recipe.seed,
                engine: target.engine(),
                adapter,
            },
            recipe,
            digits: digits.clone(),
            target,
            evaluations: Evaluations::AgainstTheClock,
            keeps_weights: false,
        }
    }

    /// The name of its file with this ending, as [`Identity::file`].
    pub fn file(&self, ending: &str) -> String {
        self.identity.file(ending)
    }

    /// Examples that it shows. The engines of one core show about as many per second.
    pub fn work(&self) -> u64 {
        let examples = self.digits.train.len();
        self.recipe.updates(examples) * self.recipe.batch_size(examples) as u64
    }

    /// Runs it. Returns its record and, unless it failed, the trained parameters; a run that diverges is a record too.
    ///
    /// `date` is today, UTC, `YYYY-MM-DD`; `concurrent_runs` share the machine at most, this one counted. A run that is
    /// saved resumes from the checkpoint that is there, with the record of an uninterrupted run but for the times.
    ///
    /// # Errors
    /// Errors of the engine and of `advance`; a checkpoint that cannot be written.
    pub fn run(
        &self,
        date: &str,
        concurrent_runs: usize,
        saving: Option<Saving<'_>>,
        advance: Advance<'_>,
    ) -> Result<(RunRecord, Option<Parameters>)> {
        let examples = self.digits.train.len();
        let steps = self.recipe.validate_updates(examples)?;
        let point = self.target.starting_point(&self.digits, &self.recipe)?;
        let start = point.seconds;
        let opened = target::open(&self.target, &self.digits, &self.recipe, point)?;
        let mut engine = opened.engine;
        let mut course = Course {
            job: self,
            past: History::start(start),
            advance,
            keeper: saving
                .map(|saving| Keeper::new(saving, self, engine.as_ref(), opened.kernels.clone())),
            curve: Vec::new(),
            shown: 0,
        };
        course.resume(engine.as_mut())?;
        let start = course.past.start;
        let trained = match self.evaluations {
            Evaluations::Curve => {
                course.by_the_loop(engine.as_mut(), evaluate_every(&self.recipe, examples))
            }
            Evaluations::End => course.by_the_loop(engine.as_mut(), u32::MAX),
            Evaluations::AgainstTheClock => course.against_the_clock(engine.as_mut(), steps),
        };
        let (parameters, failed) = match trained {
            Ok(parameters) => (Some(parameters), None),
            Err(Error::Diverged(message)) => (None, Some(message)),
            Err(error) => return Err(error),
        };
        (course.advance)(self.work() - course.shown)?;
        let record = RunRecord {
            schema: SCHEMA,
            identity: self.identity.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            date: date.into(),
            device: engine.device(),
            kernels: opened.kernels,
            concurrent_runs: concurrent_runs as u32,
            seconds: Seconds {
                setup: opened.set_up,
                tuning: opened.tuning,
                start,
                train: course.curve.last().map_or(0.0, |point| point.seconds),
            },
            steps,
            presentations: self.work(),
            curve: course.curve,
            failed,
            weights: None,
            missed: None,
        };
        Ok((record, parameters))
    }
}

/// A run under way.
struct Course<'a> {
    job: &'a Job,
    /// Its course before this process took it up: of a new run, its starting point.
    past: History,
    advance: Advance<'a>,
    /// Writer of its checkpoints, if it is saved.
    keeper: Option<Keeper<'a>>,
    curve: Vec<CurvePoint>,
    /// Examples that `advance` knows of.
    shown: u64,
}

impl Course<'_> {
    /// Takes up the run that is saved, if one is.
    fn resume(&mut self, engine: &mut dyn Engine) -> Result<()> {
        let found = self.keeper.as_ref().map(|keeper| keeper.resume(engine));
        let Some(past) = found.transpose()?.flatten() else {
            return Ok(());
        };
        past.points.iter().for_each(|point| self.push(point));
        self.updated(past.step)?;
        self.past = past;
        Ok(())
    }

    fn updated(&mut self, updates: u32) -> Result<()> {
        let examples = self.job.digits.train.len();
        let examples = self.job.recipe.presentations(updates, examples);
        self.shown += examples;
        (self.advance)(examples)
    }

    fn push(&mut self, point: &Point) {
        let examples = self.job.digits.train.len();
        self.curve.push(CurvePoint {
            step: point.step,
            passes: f64::from(point.step) / self.job.recipe.updates_per_epoch(examples) as f64,
            seconds: point.seconds,
            train: point.train.into(),
            test: point.test.into(),
        });
    }

    fn by_the_loop(&mut self, engine: &mut dyn Engine, evaluate_every: u32) -> Result<Parameters> {
        let (recipe, examples) = (&self.job.recipe, self.job.digits.train.len());
        let parts = (recipe.updates(examples) as u32).div_ceil(MOST_POINTS as u32);
        let cadence = Cadence {
            evaluate_every,
            checkpoint_every: self.keeper.as_ref().map(|_| evaluate_every.min(parts)),
        };
        let past = std::mem::take(&mut self.past);
        train::resume(engine, recipe, examples, cadence, past, &mut |event| {
            let watched = match event {
                Event::Progress { losses, .. } => self.updated(losses.len() as u32),
                Event::Evaluated { point, .. } => {
                    self.push(point);
                    (self.advance)(0)
                }
                Event::Checkpoint { state, past } => match &mut self.keeper {
                    Some(keeper) => keeper.keep(state, past),
                    None => Ok(()),
                },
            };
            if let Some(keeper) = &mut self.keeper {
                keeper.is_ending |= watched.is_err();
            }
            watched
        })?;
        Ok(engine.state()?.parameters)
    }

    /// All updates, and reading the weights back with the check that the device has counted the updates. The evaluation
    /// comes after the clock has stopped.
    fn against_the_clock(&mut self, engine: &mut dyn Engine, steps: u32) -> Result<Parameters> {
        let (recipe, examples) = (&self.job.recipe, self.job.digits.train.len());
        let call = call(recipe, examples);
        let (mut step, mut seconds) = (0, self.past.start);
        while step < steps {
            let updates = call.min(steps - step);
            let started = Instant::now();
            let losses = engine.train(updates)?;
            seconds += started.elapsed().as_secs_f64();
            refuse_divergence(recipe, examples, step, &losses)?;
            step += updates;
            self.updated(updates)?;
        }
        let started = Instant::now();
        let state = engine.state()?;
        seconds += started.elapsed().as_secs_f64();
        if state.step != steps {
            return Err(Error::Device(format!(
                "{}: found {} updates done, expected {steps}",
                engine.device(),
                state.step
            )));
        }
        let parameters = state.parameters;
        if !parameters.flat().iter().all(|value| value.is_finite()) {
            return Err(Error::Diverged(
                "training diverged: a weight is not finite after the last step".into(),
            ));
        }
        let point = Point {
            step,
            seconds,
            test: engine.evaluate(Split::Test)?,
            train: engine.evaluate(Split::Train)?,
        };
        self.push(&point);
        Ok(parameters)
    }
}

/// Updates of one call of [`Engine::train`] against the clock.
fn call(recipe: &Recipe, examples: usize) -> u32 {
    (CALL / recipe.batch_size(examples)).max(1) as u32
}

/// Updates between the evaluations of a curve: whole epochs, as few as give at most 40 points.
fn evaluate_every(recipe: &Recipe, examples: usize) -> u32 {
    let epoch = recipe.updates_per_epoch(examples);
    let epochs = recipe.updates(examples).div_ceil(epoch);
    let every = epochs.div_ceil(MOST_POINTS).saturating_mul(epoch);
    u32::try_from(every).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::recipe::{Length, RecipeName};

    #[test]
    fn curves_have_twenty_to_forty_points_at_whole_epochs() {
        for (name, epochs, expected) in [
            (RecipeName::Reproduction, 23, 1),
            (RecipeName::AdamW, 46, 2),
            (RecipeName::Dropout, 80, 2),
            (RecipeName::Reproduction, 100, 3),
            (RecipeName::FullBatchMuon, 140, 4),
            (RecipeName::FullBatchModern, 1_000, 25),
        ] {
            let recipe = Recipe {
                length: Length::Epochs(epochs),
                ..Recipe::named(name)
            };
            let every = u64::from(evaluate_every(&recipe, 7_291));
            assert_eq!(every, expected * recipe.updates_per_epoch(7_291));
            let points = recipe.updates(7_291).div_ceil(every);
            assert!((20..=40).contains(&points), "{points}");
        }
    }

    #[test]
    fn a_call_is_a_million_examples_and_an_update_at_least() {
        let call = |name, examples| call(&Recipe::named(name), examples);
        assert_eq!(call(RecipeName::Reproduction, 7_291), 1_048_576);
        assert_eq!(call(RecipeName::FullBatch, 7_291), 143);
        assert_eq!(call(RecipeName::FullBatch, 2_000_000), 1);
    }

    /// Both clocks see the same training: only the curve's points differ.
    #[test]
    fn a_run_ends_with_its_weights_and_one_that_diverges_is_a_record() {
        let mut digits = embedded::digits();
        digits.train = digits.train.truncated(64);
        digits.test = digits.test.truncated(32);
        let recipe = Recipe {
            length: Length::Steps(7),
            ..Recipe::named(RecipeName::FullBatchMuon)
        };
        let record = DigitsRecord::of(&digits);
        let job = |recipe| Job::new("row", (&digits, &record), recipe, Target::Cpu(1));
        let straight = job(recipe.clone());
        let curved = Job {
            evaluations: Evaluations::Curve,
            ..straight.clone()
        };
        // All examples are shown, also those that a run that failed left out.
        let run = |job: Job| {
            let mut shown = 0;
            let ran = job.run("2026-01-01", 1, None, &mut |examples| {
                shown += examples;
                Ok(())
            });
            assert_eq!(shown, 448);
            ran.expect("a record")
        };
        let (one, weights) = run(straight);
        let (many, same) = run(curved);
        assert!(one.seconds.train > 0.0 && one.seconds.setup > 0.0);
        let passes = many.curve.iter().map(|point| point.passes);
        assert_eq!(one.curve.len(), 1);
        assert!(passes.eq((1..=7).map(f64::from)));
        assert_eq!(
            one.last().map(|end| end.test),
            many.last().map(|end| end.test)
        );
        assert_eq!((one.steps, one.presentations), (7, 448));
        assert!(weights.is_some() && weights == same);
        let of_epochs = Recipe {
            length: Length::Epochs(7),
            ..Recipe::named(RecipeName::Reproduction)
        };
        let by_one = Job {
            evaluations: Evaluations::Curve,
            ..Job::new("row", (&digits, &record), of_epochs, Target::PerExample)
        };
        let (by_one, _) = run(by_one);
        let passes = by_one.curve.iter().map(|point| point.passes);
        assert!(passes.eq((1..=7).map(f64::from)));
        let wild = job(Recipe {
            learning_rate: 1e30,
            warmup: 0,
            ..recipe
        });
        let (failed, none) = run(wild);
        assert!(failed.failed.is_some() && failed.last().is_none() && none.is_none());
    }
}
