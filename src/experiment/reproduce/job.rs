//! One run of a row.

use crate::data::Digits;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::experiment::record::{CurvePoint, Identity, RunRecord, SCHEMA, Seconds};
use crate::net::Parameters;
use crate::recipe::Recipe;
use crate::train::{self, Cadence, Event, Point};

/// Most points of a learning curve.
const MOST_POINTS: u64 = 40;

/// A run that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What run it is.
    pub identity: Identity,
    /// Its recipe, with its seed.
    pub recipe: Recipe,
    /// Whether it is the row's first: weights and missed examples are kept.
    pub first: bool,
}

impl Job {
    /// `ROW-SEED`, which its files are called.
    pub fn stem(&self) -> String {
        format!("{}-{}", self.identity.row, self.identity.seed)
    }

    /// The record's file.
    pub fn record_file(&self) -> String {
        format!("{}.json", self.stem())
    }

    /// The trained weights' file.
    pub fn weights_file(&self) -> String {
        format!("{}.safetensors", self.stem())
    }
}

/// What was before the first step, and what else ran.
#[derive(Debug, Clone)]
pub struct Before {
    /// Today, UTC, `YYYY-MM-DD`.
    pub date: String,
    /// Seconds of making the engine.
    pub setup: f64,
    /// Seconds of measuring kernels.
    pub tuning: f64,
    /// Runs that shared the machine at most, this one counted.
    pub concurrent_runs: u32,
}

/// Updates between evaluations: whole passes, as few as give at most 40 points.
pub fn evaluate_every(recipe: &Recipe, examples: usize) -> u32 {
    let a_pass = recipe.updates_per_pass(examples);
    let passes = recipe.updates(examples).div_ceil(a_pass);
    let every = passes.div_ceil(MOST_POINTS).saturating_mul(a_pass);
    u32::try_from(every).unwrap_or(u32::MAX)
}

/// Called with each event of a run; an error of its own ends the run.
pub type Watched<'a> = &'a mut dyn FnMut(&Event<'_>) -> Result<()>;

/// Trains an engine that stands at the start of the job's run.
///
/// Returns the record and, unless the run failed, the trained parameters. A run that diverges is a record too.
///
/// # Errors
/// What the engine or `watched` returns.
pub fn train(
    job: &Job,
    digits: &Digits,
    engine: &mut dyn Engine,
    before: Before,
    watched: Watched,
) -> Result<(RunRecord, Option<Parameters>)> {
    let examples = digits.train.len();
    let recipe = &job.recipe;
    let a_pass = recipe.updates_per_pass(examples) as f64;
    let cadence = Cadence::every(evaluate_every(recipe, examples));
    let mut curve = Vec::new();
    let outcome = train::run(engine, recipe, examples, cadence, &mut |event| {
        if let Event::Evaluated { point, .. } = &event {
            curve.push(curve_point(point, a_pass));
        }
        watched(&event)
    });
    let failed = match outcome {
        Ok(_) => None,
        Err(Error::Diverged(message)) => Some(message),
        Err(error) => return Err(error),
    };
    let parameters = match failed {
        None => Some(engine.state()?.parameters),
        Some(_) => None,
    };
    let steps = recipe.validate_updates(examples)?;
    let record = RunRecord {
        schema: SCHEMA,
        identity: job.identity.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        date: before.date.clone(),
        device: engine.device(),
        concurrent_runs: before.concurrent_runs,
        seconds: Seconds {
            setup: before.setup,
            tuning: before.tuning,
            train: curve.last().map_or(0.0, |point| point.seconds),
        },
        steps,
        presentations: recipe.presentations(steps, examples),
        curve,
        failed,
        weights: None,
        missed: None,
    };
    Ok((record, parameters))
}

fn curve_point(point: &Point, a_pass: f64) -> CurvePoint {
    CurvePoint {
        step: point.step,
        passes: f64::from(point.step) / a_pass,
        seconds: point.seconds,
        train: point.train.into(),
        test: point.test.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Length, Name};

    #[test]
    fn curves_have_twenty_to_forty_points_at_whole_passes() {
        for (name, passes, expected) in [
            (Name::Reproduction, 23, 1),
            (Name::AdamW, 46, 2),
            (Name::Dropout, 80, 2),
            (Name::Reproduction, 100, 3),
            (Name::FullBatch, 140, 4),
            (Name::FullBatchModern, 1_000, 25),
        ] {
            let recipe = Recipe {
                length: Length::Passes(passes),
                ..Recipe::named(name)
            };
            let every = u64::from(evaluate_every(&recipe, 7_291));
            assert_eq!(every, expected * recipe.updates_per_pass(7_291));
            let points = recipe.updates(7_291).div_ceil(every);
            assert!((20..=40).contains(&points), "{points}");
        }
    }
}
