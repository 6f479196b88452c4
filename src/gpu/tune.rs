//! The kernels that suit an adapter: a few shapes are measured at its first use, and the choice is stored for the next.

mod cache;
mod search;

pub use cache::{stored_choice, with_choice};

use std::path::Path;
use std::time::Duration;

use web_time::Instant;

use super::device::Device;
use super::engine::{Gpu, Opened, Work};
use super::step::Variant;
use crate::error::{Error, Result};
use crate::net::{PARAMETERS, Parameters};
use search::Search;

/// Time for all of it; the shapes under way then are finished.
pub(super) const BUDGET: Duration = Duration::from_secs(4);
/// Length of one sample of a shape.
const SAMPLE: Duration = Duration::from_millis(20);
/// Samples of each shape, taken in turns with the shapes it is compared with.
const ROUNDS: usize = 5;
/// Largest distance of a gradient from that of other kernels, relative to the tensor's largest element.
const AGREEMENT: f32 = 1e-3;
/// Largest distance between the weights after one step, relative to the step: AdamW's first makes whole steps of rounding.
const STEP_AGREEMENT: f64 = 0.1;

/// An engine with the stored kernels of this work on this device, else with the fastest of the shapes measured now.
///
/// # Errors
/// [`Error::Device`] if no kernels run.
pub(super) async fn open(
    device: Device,
    work: &Work<'_>,
    cache: Option<&Path>,
    budget: Duration,
) -> Result<Opened> {
    let mut bench = Bench {
        device,
        work,
        started: Instant::now(),
        budget,
        expected: None,
        failure: None,
    };
    let cache = cache.map(|path| (path, cache::key(&bench.device, work)));
    if let Some((path, key)) = &cache
        && let Some(variant) = cache::choice(path, key)
    {
        match Gpu::on(&bench.device, work, variant).await {
            Ok(engine) => return Ok(Opened::unmeasured(engine)),
            // A choice that fails would fail every run.
            Err(error) => bench.leave_out(variant, error).await?,
        }
    }
    let (variant, measured) = bench.search().await?;
    let tuning = bench.started.elapsed().as_secs_f64();
    if let Some((path, key)) = cache {
        cache::store(path, key, variant);
    }
    Ok(Opened {
        engine: Gpu::on(&bench.device, work, variant).await?,
        tuning,
        measured,
    })
}

/// A device to measure shapes on.
struct Bench<'a> {
    /// One for all shapes, which share pipelines; another one after a shape has broken it.
    device: Device,
    work: &'a Work<'a>,
    started: Instant,
    budget: Duration,
    /// Gradient, and weights after one step, of the first kernels that ran, which all others must reproduce on this very
    /// device: of the layered ones, which are checked at run time, unless they fail.
    expected: Option<[Parameters; 2]>,
    /// Why the last shape was left out.
    failure: Option<Error>,
}

impl Bench<'_> {
    fn is_spent(&self) -> bool {
        self.started.elapsed() > self.budget
    }

    /// Measures group after group. A shape that a driver cannot cope with is left out.
    async fn search(&mut self) -> Result<(Variant, Vec<(Variant, f64)>)> {
        let adapter = self.device.description().clone();
        let mut search = Search::new(&adapter);
        while let Some(group) = search.next_group() {
            let samples = self.group(group).await?;
            search.add(&samples);
            // Of a device that hangs, each shape takes a time-out to fail.
            if self.is_spent() && (search.choice().is_some() || self.failure.is_some()) {
                break;
            }
        }
        let none = || Error::Device(format!("{adapter}: no kernels fit"));
        let choice = search.choice();
        let variant = choice.ok_or_else(|| self.failure.take().unwrap_or_else(none))?;
        Ok((variant, search.measured))
    }

    /// Samples of the shapes of a group, but for those that fail: the others then start over.
    async fn group(&mut self, mut group: Vec<Variant>) -> Result<Vec<(Variant, Vec<f64>)>> {
        loop {
            match self.samples(&group).await {
                Ok(samples) => return Ok(samples),
                Err((variant, error)) => {
                    group.retain(|other| *other != variant);
                    self.leave_out(variant, error).await?;
                }
            }
        }
    }

    async fn leave_out(&mut self, variant: Variant, error: Error) -> Result<()> {
        tracing::warn!(kernels = %variant, %error, "left out kernels that fail");
        self.failure = Some(error);
        if self.device.check().is_err() {
            self.device = self.device.reopen().await?;
        }
        Ok(())
    }

    /// Samples of each shape in milliseconds per step, taken in turns, so that what disturbs the device for a while
    /// disturbs all alike; or the shape that failed.
    async fn samples(
        &mut self,
        group: &[Variant],
    ) -> std::result::Result<Vec<(Variant, Vec<f64>)>, (Variant, Error)> {
        let mut candidates = Vec::new();
        let mut samples = Vec::new();
        for (index, &variant) in group.iter().enumerate() {
            // The first two, to compare at least these.
            if index >= 2 && self.is_spent() {
                break;
            }
            let candidate = self.candidate(variant).await;
            candidates.push(candidate.map_err(|error| (variant, error))?);
            samples.push((variant, Vec::new()));
        }
        for _ in 0..ROUNDS {
            for ((engine, steps), (variant, samples)) in candidates.iter_mut().zip(&mut samples) {
                let start = Instant::now();
                let trained = engine.train_async(*steps).await;
                trained.map_err(|error| (*variant, error))?;
                samples.push(1e3 * start.elapsed().as_secs_f64() / f64::from(*steps));
            }
        }
        Ok(samples)
    }

    /// An engine that gives the expected gradient, warmed up, and the steps of a sample.
    async fn candidate(&mut self, variant: Variant) -> Result<(Gpu, u32)> {
        let mut engine = Gpu::on(&self.device, self.work, variant).await?;
        let (_, gradient) = engine.gradient_async().await?;
        // The first step may compile.
        engine.train_async(1).await?;
        let stepped = engine.state_async().await?.parameters;
        let found = [gradient, stepped];
        let expected = self.expected.get_or_insert_with(|| found.clone());
        if let Some(what) = difference(&found, expected, self.work.start) {
            let text = format!("{variant} gives another {what} than other kernels here");
            return Err(Error::Device(text));
        }
        let start = Instant::now();
        engine.train_async(1).await?;
        let steps = SAMPLE.as_secs_f64() / start.elapsed().as_secs_f64();
        let steps = steps.clamp(1.0, 256.0) as u32;
        engine.train_async(steps).await?;
        Ok((engine, steps))
    }
}

/// The first of a gradient and the weights after a step that is not the expected one.
fn difference(
    [gradient, stepped]: &[Parameters; 2],
    [expected_gradient, expected_weights]: &[Parameters; 2],
    start: &Parameters,
) -> Option<&'static str> {
    if !agree(gradient, expected_gradient) {
        return Some("gradient");
    }
    (!step_agrees(stepped, expected_weights, start)).then_some("step")
}

/// Tells whether two gradients are the same but for rounding.
fn agree(found: &Parameters, expected: &Parameters) -> bool {
    PARAMETERS.iter().all(|tensor| {
        let (found, expected) = (found.tensor(tensor), expected.tensor(tensor));
        let largest = expected.iter().fold(0f32, |most, b| most.max(b.abs()));
        let mut pairs = found.iter().zip(expected);
        // Phrased so that NaN disagrees.
        pairs.all(|(a, b)| (a - b).abs() <= AGREEMENT * largest)
    })
}

/// Tells whether two steps from the same weights are about the same.
fn step_agrees(found: &Parameters, expected: &Parameters, start: &Parameters) -> bool {
    let distance = |from: &Parameters| {
        let pairs = from.flat().iter().zip(expected.flat());
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
    };
    // Phrased so that NaN disagrees.
    distance(found) <= STEP_AGREEMENT.powi(2) * distance(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Initialization, initial_parameters};

    #[test]
    fn steps_that_differ_are_told_apart() {
        let start = initial_parameters(1, -1.0, Initialization::Sqrt);
        let expected = start.map(|value| value + 0.1);
        let agrees = |after: f32| step_agrees(&start.map(|value| value + after), &expected, &start);
        for near in [0.1, 0.109, 0.091] {
            assert!(agrees(near), "{near}");
        }
        for wrong in [0.0, 0.2, 0.111, 0.089, f32::NAN] {
            assert!(!agrees(wrong), "{wrong}");
        }
        let mut one_turned = expected.clone();
        one_turned.flat_mut()[7] -= 0.2;
        assert!(step_agrees(&one_turned, &expected, &start));
    }

    #[test]
    fn a_shape_with_another_gradient_or_another_step_is_refused() {
        let start = initial_parameters(1, -1.0, Initialization::Sqrt);
        let expected = [1.0, 2.0].map(|value| start.map(|weight| weight + value));
        let [gradient, stepped] = expected.clone();
        assert_eq!(difference(&expected, &expected, &start), None);
        let wrong = [start.clone(), stepped];
        assert_eq!(difference(&wrong, &expected, &start), Some("gradient"));
        let wrong = [gradient, start.clone()];
        assert_eq!(difference(&wrong, &expected, &start), Some("step"));
    }

    #[test]
    fn gradients_that_differ_are_told_apart() {
        let expected = initial_parameters(1, -1.0, Initialization::Sqrt);
        assert!(agree(&expected, &expected));
        for tensor in PARAMETERS {
            // Relative to its largest element.
            let values = expected.tensor(&tensor).iter();
            let largest = values.fold(0f32, |most, value| most.max(value.abs()));
            let agrees = |wrong: f32| {
                let mut found = expected.clone();
                found.tensor_mut(&tensor)[tensor.len() / 2] += wrong * largest;
                agree(&found, &expected)
            };
            for near in [9e-4, -9e-4] {
                assert!(agrees(near), "{} by {near}", tensor.name);
            }
            // All biases but the last are zero.
            let far = [1.1e-3, -1.1e-3].into_iter().filter(|_| largest > 0.0);
            for wrong in far.chain([f32::NAN]) {
                assert!(!agrees(wrong), "{} by {wrong}", tensor.name);
            }
        }
    }
}
