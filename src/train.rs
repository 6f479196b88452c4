//! The loop over an [`Engine`]: it trains, evaluates and emits events; it draws nothing.
//!
//! ```
//! use gpu_train::data;
//! use gpu_train::recipe::{Length, Name, Recipe};
//! use gpu_train::target::{self, Target};
//! use gpu_train::train::{self, Event, Watch};
//!
//! let mut digits = data::embedded::digits();
//! (digits.train, digits.test) = (digits.train.truncated(64), digits.test.truncated(64));
//! let recipe = Recipe {
//!     length: Length::Passes(2),
//!     ..Recipe::named(Name::Reproduction)
//! };
//! let start = recipe.initial_parameters();
//! let mut engine = target::open(&Target::PerExample, &digits, &recipe, &start)?.engine;
//! let mut evaluated = Vec::new();
//! let watch = Watch::every(64);
//! let outcome = train::run(engine.as_mut(), &recipe, 64, watch, &mut |event| {
//!     if let Event::Evaluated { point, .. } = event {
//!         evaluated.push(point.step);
//!     }
//!     Ok(())
//! })?;
//! assert_eq!(evaluated, [64, 128]);
//! assert_eq!(outcome.losses.len(), 128);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// An evaluation of both splits in the course of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Updates done.
    pub step: u32,
    /// Seconds spent training so far, evaluations not counted.
    pub seconds: f64,
    /// On the training set, without shift and dropout.
    pub train: Evaluation,
    /// On the test set.
    pub test: Evaluation,
}

/// What a run has behind it: nothing at its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// Updates done.
    pub step: u32,
    /// Seconds spent training, evaluations not counted.
    pub seconds: f64,
    /// Training loss before each update.
    pub losses: Vec<f32>,
    /// The evaluations.
    pub points: Vec<Point>,
}

/// What a run tells whoever watches.
#[derive(Debug)]
pub enum Event<'a> {
    /// More updates are done. Where a watcher returns [`Error::Interrupted`] or [`Error::OutputClosed`] to this or to
    /// an evaluation, it gets a checkpoint before the run ends.
    Progress {
        /// Updates done.
        step: u32,
        /// Updates of the whole run.
        steps: u32,
        /// Training loss before each of the latest updates, at least one.
        losses: &'a [f32],
        /// Seconds spent training so far, evaluations not counted.
        seconds: f64,
    },
    /// Both splits were evaluated.
    Evaluated {
        /// The evaluation.
        point: &'a Point,
        /// Updates of the whole run.
        steps: u32,
    },
    /// All that it takes to go on from here, where the run keeps checkpoints. Every number is finite.
    Checkpoint {
        /// The engine's state.
        state: &'a State,
        /// The run's course so far.
        past: &'a Past,
    },
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Updates done.
    pub steps: u32,
    /// Examples shown: updates times batch.
    pub presentations: u64,
    /// Seconds spent training, evaluations not counted.
    pub seconds: f64,
    /// Training loss before each update; of a run that was resumed, as far as its checkpoint had them.
    pub losses: Vec<f32>,
    /// The evaluations, the last one at the end; never empty.
    pub points: Vec<Point>,
}

impl Outcome {
    /// The evaluation after the last update.
    pub fn last(&self) -> &Point {
        self.points.last().expect("a run ends with an evaluation")
    }

    /// Examples trained on in a second.
    pub fn examples_per_second(&self) -> f64 {
        self.presentations as f64 / self.seconds
    }

    /// The first evaluation at which at most so many test examples were missed.
    pub fn first_within(&self, misses: u32) -> Option<&Point> {
        self.points.iter().find(|point| point.test.misses <= misses)
    }
}

/// How a run is watched.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Watch {
    /// Updates between evaluations; the end is always evaluated.
    pub evaluate_every: u32,
    /// Updates between checkpoints, the start and the end counted among them; none without.
    pub checkpoint_every: Option<u32>,
}

impl Watch {
    /// Evaluations every so many updates, and no checkpoints.
    pub fn every(evaluate_every: u32) -> Self {
        Self {
            evaluate_every,
            checkpoint_every: None,
        }
    }
}

/// One call of [`Engine::train`] lasts about so long: short enough for a lively display, long enough that its fixed
/// cost (a synchronisation with the device) does not show.
const CALL: Duration = Duration::from_millis(250);

/// Called with each event of a run; an error of its own ends the run.
pub type Watcher<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<()>;

/// Trains from the engine's present state to the end of the recipe on `examples` training examples.
///
/// # Errors
/// [`Error::Diverged`] where a loss or a weight is not finite, naming the step and its rate; else what the engine or
/// `watcher` returns.
pub fn run(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    watch: Watch,
    watcher: Watcher,
) -> Result<Outcome> {
    resume(engine, recipe, examples, watch, Past::default(), watcher)
}

/// The same for a run that has a past; the engine stands at its end.
///
/// # Errors
/// As [`run`].
pub fn resume(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    watch: Watch,
    past: Past,
    watcher: Watcher,
) -> Result<Outcome> {
    let steps = recipe.validate_updates(examples)?;
    let mut run = Run {
        engine,
        recipe,
        examples,
        steps,
        past,
        watcher,
    };
    if watch.checkpoint_every.is_some() {
        run.checkpoint()?;
    }
    let mut call = 1;
    while run.past.step < steps {
        let step = run.past.step;
        let to = |every: u32| every - step % every;
        let count = call
            .min(to(watch.evaluate_every))
            .min(watch.checkpoint_every.map_or(u32::MAX, to))
            .min(steps - step);
        let took = run.train(count)?;
        // From the latest speed; a device's first steps are its slowest, so this may grow more than once.
        let fitting = f64::from(count) * CALL.as_secs_f64() / took.as_secs_f64().max(1e-9);
        call = (fitting as u32).max(1);
        // A run that is broken off is left as the unbroken one leaves this step: evaluated where that would be.
        let mut broken_off = unless_broken_off(run.tell_progress(count))?;
        let step = run.past.step;
        let due = |every: u32| step.is_multiple_of(every) || step == steps;
        if due(watch.evaluate_every) {
            broken_off = unless_broken_off(run.evaluate())?.or(broken_off);
        }
        let keep = |every: u32| due(every) || broken_off.is_some();
        if watch.checkpoint_every.is_some_and(keep) {
            run.checkpoint()?;
        }
        if let Some(error) = broken_off {
            return Err(error);
        }
    }
    run.finish()
}

/// Takes out the errors that come from outside the run and leave it in order.
fn unless_broken_off(told: Result<()>) -> Result<Option<Error>> {
    match told {
        Err(error @ (Error::Interrupted(_) | Error::OutputClosed)) => Ok(Some(error)),
        told => told.map(|()| None),
    }
}

/// A run under way.
struct Run<'a> {
    engine: &'a mut dyn Engine,
    recipe: &'a Recipe,
    examples: usize,
    steps: u32,
    past: Past,
    watcher: Watcher<'a>,
}

impl Run<'_> {
    /// So many updates; returns how long they took.
    fn train(&mut self, count: u32) -> Result<Duration> {
        let start = Instant::now();
        let fresh = self.engine.train(count)?;
        let took = start.elapsed();
        refuse_divergence(self.recipe, self.examples, self.past.step, &fresh)?;
        self.past.seconds += took.as_secs_f64();
        self.past.losses.extend(fresh);
        self.past.step += count;
        Ok(took)
    }

    fn tell_progress(&mut self, count: u32) -> Result<()> {
        (self.watcher)(Event::Progress {
            step: self.past.step,
            steps: self.steps,
            losses: &self.past.losses[self.past.losses.len() - count as usize..],
            seconds: self.past.seconds,
        })
    }

    fn evaluate(&mut self) -> Result<()> {
        let point = Point {
            step: self.past.step,
            seconds: self.past.seconds,
            train: self.engine.evaluate(Split::Train)?,
            test: self.engine.evaluate(Split::Test)?,
        };
        let loss = point.train.loss;
        self.past.points.push(point.clone());
        let told = (self.watcher)(Event::Evaluated {
            point: &point,
            steps: self.steps,
        });
        if !loss.is_finite() {
            return Err(self.diverged("the training set's loss after", loss));
        }
        told
    }

    fn checkpoint(&mut self) -> Result<()> {
        let state = self.engine.state()?;
        // The update that follows a finite loss may already have broken them: the checkpoint before is the last good one.
        if !state.is_finite() {
            return Err(self.diverged("a weight or moment after", f64::NAN));
        }
        (self.watcher)(Event::Checkpoint {
            state: &state,
            past: &self.past,
        })
    }

    fn diverged(&self, what: &str, value: f64) -> Error {
        let step = self.past.step.saturating_sub(1);
        diverged(self.recipe, self.examples, what, step, value)
    }

    fn finish(mut self) -> Result<Outcome> {
        // A run resumed at its end, from a checkpoint that was made before the evaluation.
        if self.past.points.last().map(|point| point.step) != Some(self.steps) {
            self.evaluate()?;
        }
        Ok(Outcome {
            steps: self.steps,
            presentations: u64::from(self.steps) * self.recipe.batch_size(self.examples) as u64,
            seconds: self.past.seconds,
            losses: self.past.losses,
            points: self.past.points,
        })
    }
}

/// Refuses losses that are not finite; `first` is the step of the first one.
///
/// # Errors
/// [`Error::Diverged`], naming the step and its rate.
pub fn refuse_divergence(
    recipe: &Recipe,
    examples: usize,
    first: u32,
    losses: &[f32],
) -> Result<()> {
    match losses.iter().position(|loss| !loss.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let loss = f64::from(losses[index]);
            let step = first + index as u32;
            Err(diverged(recipe, examples, "the loss at", step, loss))
        }
    }
}

fn diverged(recipe: &Recipe, examples: usize, what: &str, step: u32, value: f64) -> Error {
    let rate = recipe.learning_rate_at(u64::from(step), examples);
    Error::Diverged(format!(
        "training diverged: {what} step {step} is {value}, at a learning rate of {rate:.3e}; \
         a lower --learning-rate may help"
    ))
}
