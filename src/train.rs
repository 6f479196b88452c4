//! The loop over an [`Engine`]: it trains, evaluates and emits events. [`Loop`] decides what comes next and waits for
//! nothing, so that a web page awaits its engine where [`run`] blocks.
//!
//! ```
//! use gpu_train::data;
//! use gpu_train::recipe::{Length, RecipeName, Recipe};
//! use gpu_train::target::{self, Target};
//! use gpu_train::train::{self, Event, Cadence};
//!
//! let mut digits = data::embedded::digits();
//! (digits.train, digits.test) = (digits.train.truncated(64), digits.test.truncated(64));
//! let recipe = Recipe {
//!     length: Length::Epochs(2),
//!     ..Recipe::named(RecipeName::Reproduction)
//! };
//! let start = recipe.initial_parameters();
//! let mut engine = target::open(&Target::PerExample, &digits, &recipe, start.into())?.engine;
//! let mut evaluated = Vec::new();
//! let cadence = Cadence::every(64);
//! let history = train::run(engine.as_mut(), &recipe, 64, cadence, &mut |event| {
//!     if let Event::Evaluated { point, .. } = event {
//!         evaluated.push(point.step);
//!     }
//!     Ok(())
//! })?;
//! assert_eq!(evaluated, [64, 128]);
//! assert_eq!(history.losses.len(), 128);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

mod run_loop;

use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::engine::{Engine, Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::recipe::{Batch, Recipe};

pub use run_loop::{Loop, Next};

/// Evaluation of both splits in the course of a run.
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

/// The course of a run: empty at its start, or up to its latest step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Updates done.
    pub step: u32,
    /// Seconds spent training, evaluations not counted.
    pub seconds: f64,
    /// Seconds of these that the starting point took.
    pub start: f64,
    /// Training loss before each update; of a run that was resumed, as far as its checkpoint had them.
    pub losses: Vec<f32>,
    /// The evaluations.
    pub points: Vec<Point>,
}

impl History {
    /// The start of a run whose starting point took these seconds.
    pub fn start(seconds: f64) -> Self {
        Self {
            seconds,
            start: seconds,
            ..Self::default()
        }
    }

    /// The latest evaluation; of a finished run, the one after its last update.
    ///
    /// # Panics
    /// If there is none yet.
    pub fn last(&self) -> &Point {
        self.points.last().expect("a run ends with an evaluation")
    }
}

/// News of a run for its watcher.
#[derive(Debug)]
pub enum Event<'a> {
    /// More updates are done. A watcher that returns [`Error::Interrupted`] or [`Error::OutputClosed`] to this or to an
    /// evaluation gets a checkpoint before the run ends.
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
    /// Everything needed to resume from here, in a run that keeps checkpoints. Every number is finite.
    Checkpoint {
        /// The engine's state.
        state: &'a State,
        /// The run's course so far.
        past: &'a History,
    },
}

/// Updates between evaluations and between checkpoints.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cadence {
    /// Updates between evaluations; the end is always evaluated.
    pub evaluate_every: u32,
    /// Updates between checkpoints, with one at the start and one at the end; none without.
    pub checkpoint_every: Option<u32>,
}

impl Cadence {
    /// Evaluations every N updates, and no checkpoints.
    pub fn every(evaluate_every: u32) -> Self {
        Self {
            evaluate_every,
            checkpoint_every: None,
        }
    }
}

/// Updates between two evaluations or checkpoints, where `every` counts updates of the full batch and epochs of batch 1:
/// by default a tenth of the run, or one epoch.
///
/// # Errors
/// [`Error::Usage`] if the run has too many updates.
pub fn interval(recipe: &Recipe, examples: usize, every: Option<u32>) -> Result<u32> {
    let steps = recipe.validate_updates(examples)?;
    Ok(match (recipe.batch, every) {
        (Batch::Full, Some(every)) => every,
        (Batch::Full, None) => steps.div_ceil(10),
        (Batch::PerExample, every) => {
            let epoch = u32::try_from(examples).unwrap_or(u32::MAX);
            every.unwrap_or(1).saturating_mul(epoch)
        }
    })
}

/// Called with each event of a run; an error that it returns ends the run.
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
    cadence: Cadence,
    watcher: Watcher,
) -> Result<History> {
    let history = History::default();
    resume(engine, recipe, examples, cadence, history, watcher)
}

/// Trains from the end of `history`, where the engine's state must be.
///
/// # Errors
/// As [`run`].
pub fn resume(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    cadence: Cadence,
    history: History,
    watcher: Watcher,
) -> Result<History> {
    let mut run = Loop::new(recipe, examples, cadence, history)?;
    while let Some(next) = run.next() {
        let state;
        let event = match next {
            Next::Train(steps) => {
                let start = Instant::now();
                let losses = engine.train(steps)?;
                run.trained(losses, start.elapsed())?
            }
            Next::Evaluate => run.evaluated(
                engine.evaluate(Split::Train)?,
                engine.evaluate(Split::Test)?,
            ),
            Next::Checkpoint => {
                state = engine.state()?;
                run.checkpoint(&state)?
            }
        };
        let watched = watcher(event);
        run.watched(watched)?;
    }
    run.finish()
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
    let Some(index) = losses.iter().position(|loss| !loss.is_finite()) else {
        return Ok(());
    };
    let (step, loss) = (first + index as u32, f64::from(losses[index]));
    Err(diverged(recipe, examples, "the loss at", step, loss))
}

fn diverged(recipe: &Recipe, examples: usize, what: &str, step: u32, value: f64) -> Error {
    let rate = recipe.learning_rate_at(u64::from(step), examples);
    Error::Diverged(format!(
        "training diverged: {what} step {step} is {value}, at a learning rate of {rate:.3e}; \
         a lower --learning-rate may help"
    ))
}
