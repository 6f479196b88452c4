//! The loop over an [`Engine`]: it trains, evaluates and emits events; it draws nothing.
//!
//! ```
//! use gpu_train::recipe::{Length, Name, Recipe};
//! use gpu_train::train::{self, Event, Watch};
//! use gpu_train::{cpu, data};
//!
//! let mut digits = data::embedded::digits();
//! (digits.train, digits.test) = (digits.train.truncated(64), digits.test.truncated(64));
//! let recipe = Recipe {
//!     length: Length::Passes(2),
//!     ..Recipe::named(Name::Reproduction)
//! };
//! let mut engine = cpu::engine(digits, recipe.clone(), &recipe.initial_parameters(), 1);
//! let mut evaluated = Vec::new();
//! let watch = Watch { evaluate_every: 64 };
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

use serde::Serialize;

use crate::engine::{Engine, Evaluation, Split};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// An evaluation of both splits in the course of a run.
#[derive(Debug, Clone, PartialEq)]
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

/// What a run tells whoever watches.
#[derive(Debug)]
pub enum Event<'a> {
    /// More updates are done.
    Progress {
        /// Updates done.
        step: u32,
        /// Updates of the whole run.
        steps: u32,
        /// Training loss before the latest update.
        loss: f32,
    },
    /// Both splits were evaluated.
    Evaluated {
        /// The evaluation.
        point: &'a Point,
        /// Updates of the whole run.
        steps: u32,
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
    /// Training loss before each update.
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
}

/// One call of [`Engine::train`] lasts about so long: short enough for a lively display, long enough that its fixed
/// cost (a synchronisation with the device) does not show.
const CALL: Duration = Duration::from_millis(250);

/// Trains from the engine's present state to the end of the recipe on `examples` training examples.
///
/// # Errors
/// [`Error::Diverged`] where a loss is not finite, naming the step and its rate; else what the engine or `watcher`
/// returns.
pub fn run(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    watch: Watch,
    watcher: &mut dyn FnMut(Event<'_>) -> Result<()>,
) -> Result<Outcome> {
    let steps = recipe.validate_updates(examples)?;
    let mut losses = Vec::with_capacity(steps as usize);
    let mut points = Vec::new();
    let mut spent = Duration::ZERO;
    let mut step = 0;
    let mut call = 1;
    while step < steps {
        let to_evaluation = watch.evaluate_every - step % watch.evaluate_every;
        let count = call.min(to_evaluation).min(steps - step);
        let start = Instant::now();
        let fresh = engine.train(count)?;
        let took = start.elapsed();
        spent += took;
        refuse_divergence(recipe, examples, step, &fresh)?;
        let loss = *fresh.last().expect("a loss for each step");
        losses.extend(fresh);
        step += count;
        // From the latest speed; a device's first steps are its slowest, so this may grow more than once.
        let fitting = f64::from(count) * CALL.as_secs_f64() / took.as_secs_f64().max(1e-9);
        call = (fitting as u32).max(1);
        watcher(Event::Progress { step, steps, loss })?;
        if step.is_multiple_of(watch.evaluate_every) || step == steps {
            let point = Point {
                step,
                seconds: spent.as_secs_f64(),
                train: engine.evaluate(Split::Train)?,
                test: engine.evaluate(Split::Test)?,
            };
            watcher(Event::Evaluated {
                point: &point,
                steps,
            })?;
            points.push(point);
        }
    }
    let last = points.last().expect("the end is evaluated");
    if !last.train.loss.is_finite() {
        return Err(diverged(recipe, examples, steps - 1, last.train.loss));
    }
    Ok(Outcome {
        steps,
        presentations: u64::from(steps) * recipe.batch_size(examples) as u64,
        seconds: spent.as_secs_f64(),
        losses,
        points,
    })
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
            Err(diverged(recipe, examples, first + index as u32, loss))
        }
    }
}

fn diverged(recipe: &Recipe, examples: usize, step: u32, loss: f64) -> Error {
    let rate = recipe.learning_rate_at(u64::from(step), examples);
    Error::Diverged(format!(
        "training diverged: the loss at step {step} is {loss}, at a learning rate of {rate:.3e}; \
         a lower --learning-rate may help"
    ))
}
