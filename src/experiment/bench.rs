//! How long an engine's steps take, and the least they could.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::{Engine, State};
use crate::error::Result;
use crate::net::{FLOP_PER_EXAMPLE, PARAMETER_COUNT, PIXELS, ParameterTensor};
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};

/// Samples taken however long they last.
const FEWEST_SAMPLES: usize = 3;

/// What a number of samples says about a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// Half of the samples are at most this.
    pub median: f64,
    /// A tenth of the samples are at most this.
    pub p10: f64,
    /// Nine tenths of the samples are at most this.
    pub p90: f64,
    /// Number of samples.
    pub samples: usize,
}

impl Distribution {
    /// Of these samples, in any order; between two samples a straight line is drawn.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let last = samples.len() - 1;
        let at = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (samples[place as usize], samples[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self {
            median: at(0.5),
            p10: at(0.1),
            p90: at(0.9),
            samples: samples.len(),
        }
    }

    /// The same samples in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            p10: self.p10 * factor,
            p90: self.p90 * factor,
            ..self
        }
    }
}

/// How steps are sampled.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// Updates that count as one step: 1 of the full batch, a pass of batch 1.
    pub updates_a_step: u32,
    /// A sample holds as many steps as last so long, and is their mean: what a call and its read-back cost is shared,
    /// as it is in training. Zero makes each step a sample.
    pub shortest_sample: Duration,
    /// Samples are taken for so many seconds, and at least three.
    pub seconds: f64,
}

/// Sampled steps.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// Seconds a step.
    pub seconds: Distribution,
    /// Steps of a sample.
    pub steps_a_sample: u32,
}

/// Trains from the engine's present state, over and over, and measures. Neither warm-up nor set-up counts.
///
/// The run starts again once it has lasted as long as the recipe does: far beyond, moments become denormal numbers,
/// which no real run sees.
///
/// # Errors
/// What the engine returns.
pub fn steps(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    sampling: Sampling,
) -> Result<Steps> {
    let run = u32::try_from(recipe.updates(examples)).unwrap_or(u32::MAX);
    let mut runs = Runs {
        start: engine.state()?,
        engine,
        updates: run,
        done: 0,
    };
    let mut steps = 1;
    loop {
        let took = runs.train(steps * sampling.updates_a_step)?;
        // Not in one leap: an engine's first steps are its slowest.
        let missing = sampling.shortest_sample.as_secs_f64() / took.max(1e-9);
        if missing <= 1.0 {
            break;
        }
        steps = (f64::from(steps) * missing.clamp(1.1, 8.0)).ceil() as u32;
    }
    let started = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < FEWEST_SAMPLES || started.elapsed().as_secs_f64() < sampling.seconds {
        samples.push(runs.train(steps * sampling.updates_a_step)? / f64::from(steps));
    }
    Ok(Steps {
        seconds: Distribution::of(samples),
        steps_a_sample: steps,
    })
}

/// Training that starts again when a run is over.
struct Runs<'a> {
    engine: &'a mut dyn Engine,
    start: State,
    /// Of a whole run.
    updates: u32,
    done: u32,
}

impl Runs<'_> {
    /// Seconds of so many updates.
    fn train(&mut self, updates: u32) -> Result<f64> {
        if updates > self.updates.saturating_sub(self.done) {
            self.engine.restore(&self.start)?;
            self.done = 0;
        }
        self.done = self.done.saturating_add(updates);
        let started = Instant::now();
        self.engine.train(updates)?;
        Ok(started.elapsed().as_secs_f64())
    }
}

/// FLOP of one full-batch step, or one pass of batch 1, on so many examples.
pub fn flop(examples: usize) -> f64 {
    examples as f64 * FLOP_PER_EXAMPLE as f64
}

/// The fewest bytes that a step (or a pass of batch 1) can move: a byte a pixel and a label, and parameters and moments
/// read and written once.
pub fn fewest_bytes(recipe: &Recipe, examples: usize) -> f64 {
    let matrices: usize = MATRICES.iter().map(ParameterTensor::len).sum();
    let floats = match recipe.optimizer {
        Optimizer::AdamW => 3 * PARAMETER_COUNT,
        // The matrices have one moment.
        Optimizer::Muon => 3 * PARAMETER_COUNT - matrices,
        // Weights in and out; a step for each weight made and read.
        Optimizer::DiagonalNewton => 2 * PARAMETER_COUNT,
        Optimizer::Sgd if recipe.momentum > 0.0 => 2 * PARAMETER_COUNT,
        Optimizer::Sgd => PARAMETER_COUNT,
    };
    (examples * (PIXELS + 1) + 2 * 4 * floats) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::FullBatch;
    use crate::data::{Digits, embedded};
    use crate::net::{Initialization, initial_parameters};
    use crate::recipe::{Length, Name};

    #[test]
    fn quantiles_lie_on_lines_between_samples() {
        let samples: Vec<f64> = [3.0, 1.0, 2.0, 5.0, 4.0].to_vec();
        let found = Distribution::of(samples);
        assert_eq!((found.median, found.samples), (3.0, 5));
        assert!((found.p10 - 1.4).abs() < 1e-12 && (found.p90 - 4.6).abs() < 1e-12);
        let one = Distribution::of(vec![7.0]).times(1e3);
        assert_eq!((one.median, one.p10, one.p90), (7e3, 7e3, 7e3));
    }

    #[test]
    fn samples_hold_enough_steps_and_runs_start_again() {
        let embedded = embedded::digits();
        let set = embedded.train.truncated(64);
        let digits = Digits {
            train: set.clone(),
            test: set,
            ..embedded
        };
        let recipe = Recipe {
            length: Length::Steps(7),
            ..Recipe::named(Name::FullBatch)
        };
        let start = initial_parameters(1, 0.0, Initialization::Sqrt);
        let mut engine = FullBatch::new(digits, recipe.clone(), &start);
        let sampling = Sampling {
            updates_a_step: 1,
            shortest_sample: Duration::ZERO,
            seconds: 0.0,
        };
        let found = steps(&mut engine, &recipe, 64, sampling).unwrap();
        assert_eq!((found.steps_a_sample, found.seconds.samples), (1, 3));
        assert_eq!(engine.state().unwrap().step, 4);
        let long = Sampling {
            shortest_sample: Duration::from_millis(30),
            ..sampling
        };
        let found = steps(&mut engine, &recipe, 64, long).unwrap();
        assert!(found.steps_a_sample > 1);
        // Longer than the run is from where it stood: each sample started there again.
        let step = engine.state().unwrap().step;
        assert_eq!(step, 4 + found.steps_a_sample);
    }

    #[test]
    fn the_work_of_a_step_is_the_nets() {
        assert_eq!(flop(7_291), 2_504_895_960.0);
        // 7,291 images of 256 bytes with a label, and three tensors of 9,760 floats in and out.
        let adamw = Recipe::named(Name::FullBatchAdamW);
        assert_eq!(fewest_bytes(&adamw, 7_291), 1_873_787.0 + 234_240.0);
        // Muon has no second moment for the 8,760 weights.
        let muon = Recipe::named(Name::FullBatch);
        assert_eq!(fewest_bytes(&muon, 7_291), 1_873_787.0 + 164_160.0);
    }
}
