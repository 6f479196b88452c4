//! The GPU engine: full batch, many steps in one submission.
//!
//! Every call that waits is asynchronous here, for browsers; `blocking` makes them the trait that all engines share.

mod blocking;
mod fit;
mod inspect;
mod open;
mod timing;

use std::collections::VecDeque;

use web_time::Instant;

use super::adapter::AdapterDescription;
use super::compose::{SLOT, STEP};
use super::device::{Device, ReadyPlan, Resources, Source};
use super::pace::Pace;
use super::packing::{self, PACKED_VECTORS};
use super::plan::{Program, SLOTS, Variant};
use crate::engine::{Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::Recipe;

pub(super) use open::Work;
pub use open::{Kernels, Opened, Options};
pub use timing::KernelTime;

/// Submissions in flight: one runs while the next is recorded.
const IN_FLIGHT: usize = 2;

/// Trains on a GPU through wgpu.
pub struct Gpu {
    device: Device,
    program: Program,
    resources: Resources,
    training: ReadyPlan,
    gradient: ReadyPlan,
    evaluate_train: ReadyPlan,
    evaluate_test: ReadyPlan,
    recipe: Recipe,
    train_examples: usize,
    test_examples: usize,
    step: u32,
    pace: Pace,
}

impl Gpu {
    /// Destroys the device as a crash of its driver would: every later call fails.
    #[doc(hidden)]
    pub fn lose_device(&self) {
        self.device.wgpu().0.destroy();
    }

    /// Kernels it runs.
    pub fn variant(&self) -> Variant {
        self.program.variant
    }

    /// Adapter it runs on.
    pub fn adapter(&self) -> &AdapterDescription {
        self.device.description()
    }

    /// Writes a value at its place.
    fn put<T: bytemuck::NoUninit>(&self, name: &'static str, values: &[T]) {
        let place = self.program.place(name);
        let buffer = self.resources.buffer(place.buffer);
        self.device.write_at(buffer, place.first, values);
    }

    /// A value's buffer, its first word there, and how many words are wanted.
    fn source(&self, name: &'static str, words: usize) -> Source<'_> {
        let place = self.program.place(name);
        (self.resources.buffer(place.buffer), place.first, words)
    }

    /// Words of a value for each parameter.
    fn parameter_words(&self) -> usize {
        match self.program.variant {
            Variant::Layered => PARAMETER_COUNT,
            Variant::Fused(_) => 4 * PACKED_VECTORS,
        }
    }

    fn put_parameters(&self, name: &'static str, parameters: &Parameters) {
        match self.program.variant {
            Variant::Layered => self.put(name, parameters.flat()),
            Variant::Fused(_) => self.put(name, &packing::pack(parameters)),
        }
    }

    fn parameters_of(&self, words: &[u32]) -> Parameters {
        let floats: Vec<f32> = words.iter().map(|&bits| f32::from_bits(bits)).collect();
        match self.program.variant {
            Variant::Layered => Parameters::from_flat(floats),
            Variant::Fused(_) => packing::unpack(&floats),
        }
    }

    fn write<T: bytemuck::NoUninit>(&self, name: &str, values: &[T]) {
        self.device.write(self.resources.buffer(name), values);
    }

    /// Runs up to [`SLOTS`] steps, with [`IN_FLIGHT`] submissions in flight.
    async fn run_steps(&mut self, steps: u32) -> Result<()> {
        let mut left = steps;
        let mut in_flight = VecDeque::with_capacity(IN_FLIGHT);
        let mut since = Instant::now();
        while left > 0 || !in_flight.is_empty() {
            if left > 0 && in_flight.len() < IN_FLIGHT {
                if in_flight.is_empty() {
                    since = Instant::now();
                }
                let count = self.pace.steps().min(left);
                let submission = self.device.submit(&self.training, count);
                in_flight.push_back((submission, count));
                left -= count;
            } else if let Some((submission, count)) = in_flight.pop_front() {
                self.device.finish(submission).await?;
                self.pace.learn(count, since.elapsed());
                since = Instant::now();
            }
        }
        Ok(())
    }

    /// Runs up to [`SLOTS`] steps with one read-back; appends their losses.
    async fn train_window(&mut self, steps: u32, losses: &mut Vec<f32>) -> Result<()> {
        let scalars = (self.step..self.step + steps).map(|step| {
            let scalars = self
                .recipe
                .step_scalars(u64::from(step), self.train_examples);
            let vector = [
                scalars.step_size,
                scalars.second_moment_scale,
                scalars.shrink,
                scalars.learning_rate,
            ];
            vector.map(|value| value as f32)
        });
        self.put("schedule", &scalars.collect::<Vec<_>>());
        self.put("progress", &[self.step, 0]);
        self.run_steps(steps).await?;
        let sources = [
            self.source("progress", 2),
            self.source("losses", steps as usize),
        ];
        let words = self.device.read(&sources).await?;
        let (progress, bits) = words.split_at(2);
        self.verify_progress(progress, self.step + steps, steps)?;
        self.step += steps;
        losses.extend(bits.iter().map(|&bits| f32::from_bits(bits)));
        Ok(())
    }

    /// Fails if the device has not counted its steps, as one that failed silently.
    fn verify_progress(&self, progress: &[u32], step: u32, slot: u32) -> Result<()> {
        if progress[STEP] == step && progress[SLOT] == slot {
            return Ok(());
        }
        Err(self.device.error(format_args!(
            "the device is at step {} ({} of this call), expected step {step} ({slot}); it did not run all it was given",
            progress[STEP], progress[SLOT]
        )))
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// [`Error::Device`] if the device has failed.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        self.put_parameters("parameters", &state.parameters);
        self.put_parameters("first_moment", &state.first_moment);
        self.put_parameters("second_moment", &state.second_moment);
        self.put("progress", &[state.step, 0]);
        self.step = state.step;
        self.device.check()
    }

    /// Reads the state, once all submitted steps have run.
    ///
    /// # Errors
    /// [`Error::Device`] if the device fails, or did not run all the steps it was given.
    pub async fn state_async(&mut self) -> Result<State> {
        let names = ["parameters", "first_moment", "second_moment"];
        let count = self.parameter_words();
        let mut sources = vec![self.source("progress", 2)];
        sources.extend(names.map(|name| self.source(name, count)));
        let words = self.device.read(&sources).await?;
        let (progress, words) = words.split_at(2);
        self.verify_progress(progress, self.step, progress[SLOT])?;
        let mut tensors = words
            .chunks_exact(count)
            .map(|words| self.parameters_of(words));
        let mut next = || tensors.next().unwrap_or_else(Parameters::zeros);
        Ok(State {
            step: self.step,
            parameters: next(),
            first_moment: next(),
            second_moment: next(),
        })
    }

    /// Runs `steps` updates and returns the training loss before each one.
    ///
    /// # Errors
    /// [`Error::Usage`] beyond 2³² updates; [`Error::Device`] if the device fails, or did not run all the steps it was
    /// given.
    pub async fn train_async(&mut self, steps: u32) -> Result<Vec<f32>> {
        if self.step.checked_add(steps).is_none() {
            return Err(Error::Usage(
                "--steps: found more than 2^32 updates, expected fewer".into(),
            ));
        }
        let mut losses = Vec::with_capacity(steps as usize);
        while losses.len() < steps as usize {
            let left = steps - losses.len() as u32;
            self.train_window(left.min(SLOTS), &mut losses).await?;
        }
        Ok(losses)
    }

    /// Computes loss and gradient over the whole training set at the present weights, with the shift and dropout of
    /// the next step, and changes nothing.
    ///
    /// # Errors
    /// [`Error::Device`] if the device fails.
    pub async fn gradient_async(&mut self) -> Result<(f64, Parameters)> {
        self.device.submit(&self.gradient, 1);
        let gradient = self.source("gradient", self.parameter_words());
        let sources = [self.source("totals", 2), gradient];
        let words = self.device.read(&sources).await?;
        let (totals, gradient) = words.split_at(2);
        let loss = f64::from(f32::from_bits(totals[0])) / self.train_examples as f64;
        Ok((loss, self.parameters_of(gradient)))
    }

    /// Evaluates the present weights, without shift and dropout.
    ///
    /// # Errors
    /// [`Error::Device`] if the device fails.
    pub async fn evaluate_async(&mut self, split: Split) -> Result<Evaluation> {
        let (plan, examples) = match split {
            Split::Train => (&self.evaluate_train, self.train_examples),
            Split::Test => (&self.evaluate_test, self.test_examples),
        };
        self.device.submit(plan, 1);
        let words = self.device.read(&[self.source("totals", 2)]).await?;
        Ok(Evaluation {
            loss: f64::from(f32::from_bits(words[0])) / examples as f64,
            misses: words[1],
            examples: examples as u32,
        })
    }
}
