//! Times of repeated work.

use std::time::Duration;

use web_time::Instant;

use crate::engine::Engine;
use crate::error::Result;
use crate::experiment::statistics::Distribution;
use crate::recipe::Recipe;

/// Samples that are taken however long they last.
const FEWEST_SAMPLES: usize = 3;

/// Samples of repeated work, which returns one at a time: at least three, and as many as fit into this number of seconds.
///
/// # Errors
/// Errors of the work.
pub fn sample(seconds: f64, mut work: impl FnMut() -> Result<f64>) -> Result<Distribution> {
    let started = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < FEWEST_SAMPLES || started.elapsed().as_secs_f64() < seconds {
        samples.push(work()?);
    }
    Ok(Distribution::of(samples))
}

/// Trains from the engine's present state, over and over, for this number of seconds; returns the seconds per step (an
/// update of the full batch, an epoch of batch 1) and the steps per sample. Neither warm-up nor set-up counts.
///
/// A sample is the mean of as many steps as take `shortest_sample`: the cost of a call and its read-back is shared, as it
/// is in training. Zero makes each step a sample. The run starts over once it is as long as the recipe says: far beyond,
/// moments become denormal numbers, which no real run sees.
///
/// # Errors
/// Errors of the engine.
pub fn steps(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    examples: usize,
    shortest_sample: Duration,
    seconds: f64,
) -> Result<(Distribution, u32)> {
    let start = engine.state()?;
    let length = u32::try_from(recipe.updates(examples)).unwrap_or(u32::MAX);
    let step = recipe.updates_per_epoch(examples) as u32;
    let mut done = 0u32;
    let mut train = |steps: u32| -> Result<f64> {
        let updates = steps * step;
        if updates > length.saturating_sub(done) {
            engine.restore(&start)?;
            done = 0;
        }
        done = done.saturating_add(updates);
        let started = Instant::now();
        engine.train(updates)?;
        Ok(started.elapsed().as_secs_f64())
    };
    let mut steps = 1;
    loop {
        // Not in one leap: an engine's first steps are its slowest.
        let missing = shortest_sample.as_secs_f64() / train(steps)?.max(1e-9);
        if missing <= 1.0 {
            break;
        }
        steps = (f64::from(steps) * missing.clamp(1.1, 8.0)).ceil() as u32;
    }
    let seconds = sample(seconds, || Ok(train(steps)? / f64::from(steps)))?;
    Ok((seconds, steps))
}
