//! The GPU engine: full batch, many steps in one submission.
//!
//! Every call that waits is asynchronous, for browsers; [`Engine`] is these calls, blocking.

mod statistics;
mod submissions;
mod timing;

use super::adapter::AdapterDescription;
use super::device::{Device, ReadyPlan, Resources, Source};
use super::layout::sizes::{SLOT, SLOTS, STEP};
use super::step::contents::Value;
use super::step::fit::check_fit;
use super::step::plan::{Buffer, Program};
use super::step::{Sizes, Variant};
use super::wait::block_on;
use crate::data::Digits;
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::net::Parameters;
use crate::recipe::Recipe;
use crate::whitening::Whitening;
use statistics::Statistics;

pub use timing::KernelTime;
pub(super) use timing::median;

/// An engine, and how its kernels were found.
pub struct Opened {
    /// The engine, at the start of a run.
    pub engine: Gpu,
    /// Seconds spent on measuring kernels.
    pub tuning: f64,
    /// Milliseconds per step of each variant that was measured.
    pub measured: Vec<(Variant, f64)>,
}

impl Opened {
    /// An engine whose kernels were not measured.
    pub(super) fn unmeasured(engine: Gpu) -> Self {
        Self {
            engine,
            tuning: 0.0,
            measured: Vec::new(),
        }
    }
}

/// A run to make an engine for.
pub(super) struct Work<'a> {
    /// Digits to train and to test on.
    pub(super) digits: &'a Digits,
    /// Recipe of the run.
    pub(super) recipe: &'a Recipe,
    /// Parameters at its start.
    pub(super) start: &'a Parameters,
    /// Largest buffer for images in bytes, where the adapter offers more.
    pub(super) buffer_bytes: u64,
}

impl Work<'_> {
    /// The program that one of these variants runs on a device.
    pub(super) fn program(&self, variant: Variant, device: &Device) -> Result<Program> {
        let limits = &device.description().limits;
        let sizes = Sizes {
            train: self.digits.train.len(),
            test: self.digits.test.len(),
            image_buffer_bytes: limits
                .storage_buffer_bytes
                .min(limits.buffer_bytes)
                .min(self.buffer_bytes),
        };
        Program::build(self.recipe, sizes, variant)
    }
}

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
    statistics: Option<Statistics>,
    train_examples: usize,
    test_examples: usize,
    step: u32,
    /// State at this step, unless only the device has it.
    known: Option<Known>,
    /// Steps of the next submission, adapted to the device.
    steps_at_once: u32,
}

/// A state that the host knows.
struct Known {
    state: State,
    /// True if it was read back; else it was given by [`Engine::restore`].
    is_read: bool,
}

impl Gpu {
    /// An engine on a device that is open.
    pub(super) async fn on(device: &Device, work: &Work<'_>, variant: Variant) -> Result<Self> {
        let program = work.program(variant, device)?;
        let (train_examples, test_examples) = (work.digits.train.len(), work.digits.test.len());
        let most = train_examples.max(test_examples);
        check_fit(&program, device.description(), most)?;
        let (buffers, shaders) = (&program.buffers, &program.shaders);
        let resources = device.create_with(buffers, shaders, variant.has_checks())?;
        let mut engine = Self {
            training: device.ready(&resources, &program.training)?,
            gradient: device.ready(&resources, &program.gradient)?,
            evaluate_train: device.ready(&resources, &program.evaluate_train)?,
            evaluate_test: device.ready(&resources, &program.evaluate_test)?,
            device: device.clone(),
            program,
            resources,
            recipe: work.recipe.clone(),
            statistics: Statistics::of(work.recipe, &work.digits.train),
            train_examples,
            test_examples,
            step: 0,
            known: None,
            steps_at_once: submissions::first_steps(train_examples),
        };
        let mut write = |buffer: &Buffer, first, words: &[u32]| engine.write(buffer, first, words);
        let program = &engine.program;
        program.write_constants(work.recipe, work.digits, &mut write);
        engine.restore(&State::start(work.start.clone()))?;
        let prepare = device.ready(&engine.resources, &engine.program.prepare)?;
        device.finish(device.submit(&prepare, 1)).await?;
        Ok(engine)
    }

    /// The device, which a test destroys as a crash of its driver would: every later call fails.
    #[doc(hidden)]
    pub fn device_to_lose(&self) -> wgpu::Device {
        self.device.wgpu().0.clone()
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
        self.device.write(self.buffer(buffer), first, words);
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

    /// The state in words that were read back: parameters and both moments.
    fn unpacked(&self, step: u32, words: &[u32]) -> State {
        let count = self.program.range(Value::Parameters).words;
        let tensor = |index| {
            let words = &words[index * count..][..count];
            self.program.variant.unpack(words)
        };
        State {
            step,
            parameters: tensor(0),
            first_moment: tensor(1),
            second_moment: tensor(2),
        }
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

    /// [`Engine::state`] without blocking.
    pub async fn state_async(&mut self) -> Result<State> {
        if let Some(known) = self.known.as_ref().filter(|known| known.is_read) {
            self.device.check()?;
            return Ok(known.state.clone());
        }
        let values = [
            Value::Progress,
            Value::Parameters,
            Value::FirstMoment,
            Value::SecondMoment,
        ];
        let sources = values.map(|value| self.whole(value));
        let words = self.device.read(&sources).await?;
        let (progress, words) = words.split_at(2);
        self.verify_progress(progress, self.step, progress[SLOT])?;
        Ok(self.unpacked(self.step, words))
    }

    /// [`Engine::train`] without blocking.
    ///
    /// # Errors
    /// [`Error::Usage`] beyond 2³² updates, [`Error::Diverged`] as [`crate::whitening::Whitening::estimate`], besides those
    /// of the device.
    pub async fn train_async(&mut self, steps: u32) -> Result<Vec<f32>> {
        if self.step.checked_add(steps).is_none() {
            return Err(Error::Usage(
                "--steps: found more than 2^32 updates, expected fewer".into(),
            ));
        }
        let mut losses = Vec::with_capacity(steps as usize);
        while losses.len() < steps as usize {
            // With one read-back.
            let steps = (steps - losses.len() as u32).min(SLOTS);
            let steps = self.steps_with_these_statistics(steps);
            self.estimate_statistics().await?;
            let end = self.step + steps;
            self.program.write_schedule(
                &self.recipe,
                self.step..end,
                self.train_examples,
                &mut |buffer, first, words| self.write(buffer, first, words),
            );
            self.known = None;
            let words = self.run_steps(steps).await?;
            let (progress, words) = words.split_at(2);
            self.verify_progress(progress, end, steps)?;
            let (bits, words) = words.split_at(steps as usize);
            self.step = end;
            self.known = Some(Known {
                state: self.unpacked(end, words),
                is_read: true,
            });
            losses.extend(bits.iter().map(|&bits| f32::from_bits(bits)));
        }
        Ok(losses)
    }

    /// [`Engine::gradient`] without blocking.
    pub async fn gradient_async(&mut self) -> Result<(f64, Parameters)> {
        self.device.submit(&self.gradient, 1);
        let sources = [self.whole(Value::Totals), self.whole(Value::Gradient)];
        let words = self.device.read(&sources).await?;
        let (totals, gradient) = words.split_at(2);
        let loss = f64::from(f32::from_bits(totals[0])) / self.train_examples as f64;
        Ok((loss, self.program.variant.unpack(gradient)))
    }

    /// [`Engine::evaluate`] without blocking.
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

impl Engine for Gpu {
    fn kind(&self) -> EngineKind {
        EngineKind::Gpu
    }

    fn device(&self) -> String {
        self.adapter().to_string()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let write = &mut |buffer: &Buffer, first, words: &[u32]| self.write(buffer, first, words);
        self.program.write_state(state, write);
        self.step = state.step;
        self.known = Some(Known {
            state: state.clone(),
            is_read: false,
        });
        if let Some(statistics) = &mut self.statistics {
            statistics.are_on_device = false;
            statistics.given = None;
        }
        self.device.check()
    }

    fn take_whitening(&mut self, whitening: Whitening) -> Result<()> {
        if let Some(statistics) = &mut self.statistics {
            // Uploaded in front of the first step: that counts as training.
            statistics.given = Some(whitening);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<State> {
        block_on(self.state_async())
    }

    fn train(&mut self, steps: u32) -> Result<Vec<f32>> {
        block_on(self.train_async(steps))
    }

    fn gradient(&mut self) -> Result<(f64, Parameters)> {
        block_on(self.gradient_async())
    }

    fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        block_on(self.evaluate_async(split))
    }
}
