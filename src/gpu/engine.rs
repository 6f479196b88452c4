//! The GPU engine: full batch, one submission for many steps.

mod timing;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::adapter::{AdapterDescription, check_limits, describe, described};
use super::device::{Device, ReadyPlan, Resources, Source};
use super::layout::sizes::{SLOT, SLOTS, STEP};
use super::layout::tiling::Tiling;
use super::pace::Pace;
use super::step::Sizes;
use super::step::contents::Value;
use super::step::fit::check_fit;
use super::step::plan::{Buffer, Program};
use super::step::variant::Variant;
use crate::data::Digits;
use crate::engine::{Engine, Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::net::Parameters;
use crate::recipe::Recipe;

pub use timing::KernelTime;

/// Submissions under way at the same time: one runs while the next is recorded.
const IN_FLIGHT: usize = 2;

/// Trains on a GPU through wgpu.
pub struct Gpu {
    device: Device,
    description: AdapterDescription,
    program: Program,
    resources: Resources,
    training: ReadyPlan,
    gradient: ReadyPlan,
    evaluate_train: ReadyPlan,
    evaluate_test: ReadyPlan,
    /// For what `train` and `evaluate` read back.
    readback: wgpu::Buffer,
    recipe: Recipe,
    train_examples: usize,
    test_examples: usize,
    step: u32,
    pace: Pace,
}

impl Gpu {
    /// An engine at the start of a run from these parameters, with the fused kernels in a shape that suits most devices.
    ///
    /// # Errors
    /// As [`Gpu::with`].
    pub fn new(
        adapter: wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        parameters: &Parameters,
    ) -> Result<Self> {
        let variant = describe(&adapter).map_or(Variant::Layered, |description| {
            Variant::Fused(Tiling::default_for(&description))
        });
        Self::with(adapter, digits, recipe, parameters, variant)
    }

    /// An engine at the start of a run from these parameters, with these kernels.
    ///
    /// # Errors
    /// [`Error::Usage`] if the recipe's updates see one example each or are diagonal Newton's; [`Error::Device`] if the adapter lacks
    /// something, the sets or the kernels do not fit, or it fails.
    pub fn with(
        adapter: wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        parameters: &Parameters,
        variant: Variant,
    ) -> Result<Self> {
        Self::with_buffers_of(adapter, digits, recipe, parameters, variant, u64::MAX)
    }

    /// As [`Gpu::with`], with no buffer for images larger than so many bytes: the fused kernels then go through a set
    /// in parts and add up.
    ///
    /// # Errors
    /// As [`Gpu::with`].
    pub fn with_buffers_of(
        adapter: wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        parameters: &Parameters,
        variant: Variant,
        most_bytes: u64,
    ) -> Result<Self> {
        let description = described(&adapter)?;
        check_limits(&description)?;
        let (train_examples, test_examples) = (digits.train.len(), digits.test.len());
        let limits = &description.limits;
        let sizes = Sizes {
            train: train_examples,
            test: test_examples,
            image_buffer_bytes: limits
                .storage_buffer_bytes
                .min(limits.buffer_bytes)
                .min(most_bytes),
        };
        let program = Program::build(&recipe, sizes, variant)?;
        check_fit(&program, &description, train_examples.max(test_examples))?;
        let device = Device::open(&adapter, description.to_string())?;
        let resources = device.create(&program.buffers, &program.shaders)?;
        let engine = Self {
            training: device.ready(&resources, &program.training)?,
            gradient: device.ready(&resources, &program.gradient)?,
            evaluate_train: device.ready(&resources, &program.evaluate_train)?,
            evaluate_test: device.ready(&resources, &program.evaluate_test)?,
            readback: device.readback(4 * u64::from(2 + SLOTS)),
            device,
            description,
            program,
            resources,
            recipe,
            train_examples,
            test_examples,
            step: 0,
            pace: Pace::new(),
        };
        let mut write = |buffer: &Buffer, first, words: &[u32]| engine.write(buffer, first, words);
        engine
            .program
            .write_constants(&engine.recipe, digits, &mut write);
        let mut engine = engine;
        engine.restore(&State::start(parameters.clone()))?;
        let prepare = engine
            .device
            .ready(&engine.resources, &engine.program.prepare)?;
        let prepared = engine.device.submit(&prepare, 1);
        engine.device.wait(Some(prepared))?;
        Ok(engine)
    }

    /// Counts the device as hung when it has not answered for so long; [`PATIENCE`](super::PATIENCE) without.
    pub fn set_patience(&mut self, patience: Duration) {
        self.device.set_patience(patience);
    }

    /// Destroys the device under the engine, as when its driver crashes: every later call fails.
    #[doc(hidden)]
    pub fn lose_device(&self) {
        self.device.wgpu().0.destroy();
    }

    /// The kernels it runs.
    pub fn variant(&self) -> Variant {
        self.program.variant
    }

    /// The adapter it runs on.
    pub fn adapter(&self) -> &AdapterDescription {
        &self.description
    }

    /// The program it runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A buffer of its program on the device.
    ///
    /// # Panics
    /// If the program has no such buffer.
    pub fn buffer(&self, buffer: &Buffer) -> &wgpu::Buffer {
        self.resources.buffer(buffer)
    }

    /// The device it runs on.
    pub fn opened(&self) -> &Device {
        &self.device
    }

    /// Writes words of a buffer, from `first` on.
    fn write(&self, buffer: &Buffer, first: u64, words: &[u32]) {
        let buffer = self.resources.buffer(buffer);
        self.device.write_at(buffer, first, words);
    }

    /// The first words of a value, to be read.
    fn source(&self, value: Value, words: usize) -> Source<'_> {
        let range = self.program.range(value);
        let buffer = self.resources.buffer(&range.buffer);
        (buffer, range.first, words)
    }

    /// All words of a value, to be read.
    fn whole(&self, value: Value) -> Source<'_> {
        self.source(value, self.program.range(value).words)
    }

    /// Words of buffers, through a read-back buffer made for the purpose.
    fn read(&self, sources: &[Source]) -> Result<Vec<u32>> {
        let words: usize = sources.iter().map(|(_, _, words)| words).sum();
        let through = self.device.readback(4 * words as u64);
        self.device.read(&through, sources)
    }

    /// Sum of the losses and count of the misses that `tally` left.
    fn totals(&self) -> Result<(f64, u32)> {
        let sources = [self.whole(Value::Totals)];
        let words = self.device.read(&self.readback, &sources)?;
        Ok((f64::from(f32::from_bits(words[0])), words[1]))
    }

    /// Submits so many steps, and waits for them, keeping [`IN_FLIGHT`] submissions under way.
    fn run_steps(&mut self, steps: u32) -> Result<()> {
        let mut left = steps;
        let mut under_way = VecDeque::with_capacity(IN_FLIGHT);
        let mut since = Instant::now();
        while left > 0 || !under_way.is_empty() {
            if left > 0 && under_way.len() < IN_FLIGHT {
                if under_way.is_empty() {
                    since = Instant::now();
                }
                let count = self.pace.steps().min(left);
                let submission = self.device.submit(&self.training, count);
                under_way.push_back((submission, count));
                left -= count;
            } else if let Some((submission, count)) = under_way.pop_front() {
                self.device.wait(Some(submission))?;
                self.pace.learn(count, since.elapsed());
                since = Instant::now();
            }
        }
        Ok(())
    }

    /// Up to [`SLOTS`] steps with one read-back; appends their losses.
    fn train_window(&mut self, steps: u32, losses: &mut Vec<f32>) -> Result<()> {
        let (range, train) = (self.step..self.step + steps, self.train_examples);
        let mut write = |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        self.program
            .write_schedule(&self.recipe, range, train, &mut write);
        self.run_steps(steps)?;
        let sources = [
            self.whole(Value::Progress),
            self.source(Value::Losses, steps as usize),
        ];
        let words = self.device.read(&self.readback, &sources)?;
        let (progress, bits) = words.split_at(2);
        self.verify_progress(progress, self.step + steps, steps)?;
        self.step += steps;
        losses.extend(bits.iter().map(|&bits| f32::from_bits(bits)));
        Ok(())
    }

    /// A device that failed silently has not counted its steps.
    fn verify_progress(&self, progress: &[u32], step: u32, slot: u32) -> Result<()> {
        if progress[STEP] == step && progress[SLOT] == slot {
            return Ok(());
        }
        Err(self.device.error(format_args!(
            "the device stands at step {} ({} of this call), expected step {step} ({slot}); it did not run all it was given",
            progress[STEP], progress[SLOT]
        )))
    }
}

impl Engine for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn device(&self) -> String {
        self.description.to_string()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let mut write = |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        self.program.write_state(state, &mut write);
        self.step = state.step;
        self.device.check()
    }

    fn state(&mut self) -> Result<State> {
        let values = [
            Value::Progress,
            Value::Parameters,
            Value::FirstMoment,
            Value::SecondMoment,
        ];
        let count = self.program.range(Value::Parameters).words;
        let sources = values.map(|value| self.whole(value));
        let words = self.read(&sources)?;
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

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        if self.step.checked_add(steps).is_none() {
            return Err(Error::Usage(
                "--steps: found more than 2^32 updates, expected fewer".into(),
            ));
        }
        let mut losses = Vec::with_capacity(steps as usize);
        while losses.len() < steps as usize {
            let left = steps - losses.len() as u32;
            self.train_window(left.min(SLOTS), &mut losses)?;
        }
        Ok(losses)
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        self.device.submit(&self.gradient, 1);
        let words = self.read(&[self.whole(Value::Totals), self.whole(Value::Gradient)])?;
        let (totals, gradient) = words.split_at(2);
        let loss = f64::from(f32::from_bits(totals[0])) / self.train_examples as f64;
        Ok((loss, self.program.variant.unpack(gradient)))
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        let (plan, examples) = match split {
            Split::Train => (&self.evaluate_train, self.train_examples),
            Split::Test => (&self.evaluate_test, self.test_examples),
        };
        self.device.submit(plan, 1);
        let (sum, misses) = self.totals()?;
        Ok(Evaluation {
            loss: sum / examples as f64,
            misses,
            examples: examples as u32,
        })
    }
}
