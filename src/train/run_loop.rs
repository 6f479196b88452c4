//! The decisions of a run, separate from the engine that carries them out.

use std::time::Duration;

use super::{Cadence, Event, History, Point, diverged, refuse_divergence};
use crate::engine::{Evaluation, State};
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// Duration that one call of [`Engine::train`] aims at: short enough for a lively display, long enough that its fixed
/// cost (a synchronisation with the device) does not show.
const CALL: Duration = Duration::from_millis(250);

/// Next call that a run asks of its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// N updates; [`Loop::trained`] takes their losses.
    Train(u32),
    /// An evaluation of both splits; [`Loop::evaluated`] takes them.
    Evaluate,
    /// The engine's state, to be kept; [`Loop::checkpoint`] takes it.
    Checkpoint,
}

/// A run under way: it decides what comes next and checks what came of it, and neither calls an engine nor waits. Each
/// answer to [`Next`] gives an event, and [`Loop::watched`] takes what became of the event.
#[derive(Debug)]
pub struct Loop<'a> {
    recipe: &'a Recipe,
    examples: usize,
    steps: u32,
    cadence: Cadence,
    history: History,
    /// Updates that fit one call of the engine, by its latest speed.
    call: u32,
    asked: Option<Next>,
    /// Tells whether an evaluation and a checkpoint are due at this step.
    evaluate: bool,
    checkpoint: bool,
    diverged: Option<Error>,
    interrupted: Option<Error>,
}

impl Iterator for Loop<'_> {
    type Item = Next;

    fn next(&mut self) -> Option<Next> {
        let step = self.history.step;
        let evaluated_at = self.history.points.last().map(|point| point.step);
        self.asked = if std::mem::take(&mut self.evaluate) {
            Some(Next::Evaluate)
        } else if std::mem::take(&mut self.checkpoint) {
            Some(Next::Checkpoint)
        } else if self.interrupted.is_some() {
            None
        } else if step < self.steps {
            let to = |every: u32| every - step % every;
            let checkpoint = self.cadence.checkpoint_every.map_or(u32::MAX, to);
            let evaluation = to(self.cadence.evaluate_every);
            let due = evaluation.min(checkpoint).min(self.steps - step);
            Some(Next::Train(self.call.min(due)))
        } else {
            // A run resumed at its end, from a checkpoint that was made before the evaluation.
            (evaluated_at != Some(self.steps)).then_some(Next::Evaluate)
        };
        self.asked
    }
}

impl<'a> Loop<'a> {
    /// A run from the end of `history` to the end of the recipe.
    ///
    /// # Errors
    /// [`Error::Usage`] if the run has too many updates.
    pub fn new(
        recipe: &'a Recipe,
        examples: usize,
        cadence: Cadence,
        history: History,
    ) -> Result<Self> {
        Ok(Self {
            recipe,
            examples,
            steps: recipe.validate_updates(examples)?,
            cadence,
            history,
            call: 1,
            asked: None,
            evaluate: false,
            checkpoint: cadence.checkpoint_every.is_some(),
            diverged: None,
            interrupted: None,
        })
    }

    /// Takes the losses of the updates asked for, and how long they took.
    ///
    /// # Errors
    /// [`Error::Diverged`] if one is not finite.
    pub fn trained(&mut self, losses: Vec<f32>, took: Duration) -> Result<Event<'_>> {
        let history = &mut self.history;
        refuse_divergence(self.recipe, self.examples, history.step, &losses)?;
        let (before, count) = (history.losses.len(), losses.len() as u32);
        history.seconds += took.as_secs_f64();
        history.losses.extend(losses);
        history.step += count;
        // From the latest speed; a device's first steps are its slowest, so this may grow more than once.
        let fitting = f64::from(count) * CALL.as_secs_f64() / took.as_secs_f64().max(1e-9);
        self.call = (fitting as u32).max(1);
        let (step, steps) = (history.step, self.steps);
        self.evaluate = is_due(self.cadence.evaluate_every, step, steps);
        let checkpoint_every = self.cadence.checkpoint_every;
        self.checkpoint = checkpoint_every.is_some_and(|every| is_due(every, step, steps));
        Ok(Event::Progress {
            step,
            steps,
            losses: &history.losses[before..],
            seconds: history.seconds,
        })
    }

    /// Takes the evaluation of both splits.
    pub fn evaluated(&mut self, train: Evaluation, test: Evaluation) -> Event<'_> {
        if !train.loss.is_finite() {
            self.diverged = Some(self.diverged("the training set's loss after", train.loss));
        }
        self.history.points.push(Point {
            step: self.history.step,
            seconds: self.history.seconds,
            train,
            test,
        });
        Event::Evaluated {
            point: self.history.last(),
            steps: self.steps,
        }
    }

    /// Takes the state to be kept.
    ///
    /// # Errors
    /// [`Error::Diverged`] if it is not finite: the update that follows a finite loss may already have broken it, and
    /// the checkpoint before is the last good one.
    pub fn checkpoint<'e>(&'e mut self, state: &'e State) -> Result<Event<'e>> {
        if !state.is_finite() {
            return Err(self.diverged("a weight or moment after", f64::NAN));
        }
        let past = &self.history;
        Ok(Event::Checkpoint { state, past })
    }

    /// Takes what the watcher returned for the latest event. An interruption is kept until the run is as an unbroken one
    /// leaves this step: evaluated where that would be, and with a checkpoint where it keeps any.
    ///
    /// # Errors
    /// Every other error, and [`Error::Diverged`] if the event was an evaluation with a loss that is not finite.
    pub fn watched(&mut self, watched: Result<()>) -> Result<()> {
        if let Some(error) = self.diverged.take() {
            return Err(error);
        }
        match watched {
            Err(error @ (Error::Interrupted(_) | Error::OutputClosed)) => {
                self.interrupted = Some(error);
                let kept = self.asked == Some(Next::Checkpoint);
                self.checkpoint = !kept && self.cadence.checkpoint_every.is_some();
                Ok(())
            }
            watched => watched,
        }
    }

    /// The whole run's course, once nothing comes next.
    ///
    /// # Errors
    /// The interruption that ended it.
    pub fn finish(self) -> Result<History> {
        self.interrupted.map_or(Ok(self.history), Err)
    }

    fn diverged(&self, what: &str, value: f64) -> Error {
        let step = self.history.step.saturating_sub(1);
        diverged(self.recipe, self.examples, what, step, value)
    }
}

/// Tells whether something that happens every N steps happens after this one; the end counts.
fn is_due(every: u32, step: u32, steps: u32) -> bool {
    step.is_multiple_of(every) || step == steps
}
