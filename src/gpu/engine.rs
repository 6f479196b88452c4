//! The GPU engine: full batch, many steps in one submission.
//!
//! Every call that waits is asynchronous here, for browsers; `blocking` makes them the trait that all engines share.

mod blocking;
mod setup;
mod timing;

use std::collections::VecDeque;

use web_time::Instant;

use super::adapter::AdapterDescription;
use super::device::{Device, ReadyPlan, Resources, Source};
use super::layout::sizes::{SLOT, SLOTS, STEP};
use super::pace::Pace;
use super::step::contents::Value;
use super::step::plan::{Buffer, Program};
use super::step::variant::Variant;
use crate::engine::{Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::net::Parameters;
use crate::recipe::Recipe;

pub use setup::Opened;
pub(super) use setup::Work;
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

    /// Program it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Device it runs on.
    pub fn opened(&self) -> &Device {
        &self.device
    }

    /// Buffer of its program on the device.
    ///
    /// # Panics
    /// If the program has no such buffer.
    pub fn buffer(&self, buffer: &Buffer) -> &wgpu::Buffer {
        self.resources.buffer(buffer)
    }

    /// Writes words to a buffer from word `first` on.
    fn write(&self, buffer: &Buffer, first: u64, words: &[u32]) {
        self.device.write_at(self.buffer(buffer), first, words);
    }

    /// The first words of a value, to be read.
    fn source(&self, value: Value, words: usize) -> Source<'_> {
        let range = self.program.range(value);
        (self.buffer(&range.buffer), range.first, words)
    }

    /// All words of a value, to be read.
    fn whole(&self, value: Value) -> Source<'_> {
        self.source(value, self.program.range(value).words)
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
                self.pace.adapt(count, since.elapsed());
                since = Instant::now();
            }
        }
        Ok(())
    }

    /// Runs up to [`SLOTS`] steps with one read-back; appends their losses.
    async fn train_window(&mut self, steps: u32, losses: &mut Vec<f32>) -> Result<()> {
        let (range, train) = (self.step..self.step + steps, self.train_examples);
        let mut write = |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        self.program
            .write_schedule(&self.recipe, range, train, &mut write);
        self.run_steps(steps).await?;
        let sources = [
            self.whole(Value::Progress),
            self.source(Value::Losses, steps as usize),
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
        let mut write = |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        self.program.write_state(state, &mut write);
        self.step = state.step;
        self.device.check()
    }

    /// Reads the state, once all submitted steps have run.
    ///
    /// # Errors
    /// [`Error::Device`] if the device fails, or did not run all the steps it was given.
    pub async fn state_async(&mut self) -> Result<State> {
        let values = [
            Value::Progress,
            Value::Parameters,
            Value::FirstMoment,
            Value::SecondMoment,
        ];
        let count = self.program.range(Value::Parameters).words;
        let sources = values.map(|value| self.whole(value));
        let words = self.device.read(&sources).await?;
        let (progress, words) = words.split_at(2);
        self.verify_progress(progress, self.step, progress[SLOT])?;
        let mut tensors = words
            .chunks_exact(count)
            .map(|words| self.program.variant.unpack(words));
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
        let sources = [self.whole(Value::Totals), self.whole(Value::Gradient)];
        let words = self.device.read(&sources).await?;
        let (totals, gradient) = words.split_at(2);
        let loss = f64::from(f32::from_bits(totals[0])) / self.train_examples as f64;
        Ok((loss, self.program.variant.unpack(gradient)))
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
        let words = self.device.read(&[self.whole(Value::Totals)]).await?;
        Ok(Evaluation {
            loss: f64::from(f32::from_bits(words[0])) / examples as f64,
            misses: words[1],
            examples: examples as u32,
        })
    }
}
