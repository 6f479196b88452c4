//! The GPU engine: full batch, one submission for many steps.

mod fit;
mod inspect;
mod timing;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::adapter::{AdapterDescription, check_limits, describe, described};
use super::compose::{Run, SLOT, STEP};
use super::device::{Device, ReadyPlan, Resources, Source};
use super::fused::{Tiling, of_part};
use super::layout::{CODE_BYTES, QUAD_TENSORS, packed_codes};
use super::pace::Pace;
use super::packing::{self, PACKED_VECTORS};
use super::plan::{Program, SLOTS, Variant, of_split};
use crate::data::{Dataset, Digits};
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::{Error, Result};
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::recipe::{Batch, Optimizer, Recipe};
use fit::check_fit;

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
        if recipe.batch != Batch::Full {
            return Err(Error::Usage(format!(
                "the gpu engine: found recipe {} with one example an update, expected the full batch",
                recipe.name
            )));
        }
        recipe.validate_optimizer()?;
        let description = described(&adapter)?;
        check_limits(&description)?;
        let (train_examples, test_examples) = (digits.train.len(), digits.test.len());
        let limits = &description.limits;
        let buffer_bytes = limits
            .storage_buffer_bytes
            .min(limits.buffer_bytes)
            .min(most_bytes);
        let program = Program::with(
            &recipe,
            train_examples,
            test_examples,
            variant,
            buffer_bytes,
        );
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
        engine.upload(digits);
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

    fn upload(&self, digits: &Digits) {
        for (split, set) in [(Split::Train, &digits.train), (Split::Test, &digits.test)] {
            self.upload_set(split, set);
        }
        if self.recipe.dropout == 0.0 && self.program.variant == Variant::Layered {
            let factors = QUAD_TENSORS.iter().find(|tensor| tensor.name == "factors");
            let count = factors.map_or(0, |tensor| tensor.floats(self.train_examples));
            self.write("factors", &vec![1f32; count]);
        }
        if self.recipe.optimizer == Optimizer::Muon {
            let places = match self.program.variant {
                Variant::Layered => (0..PARAMETER_COUNT as u32).collect(),
                Variant::Fused(_) => packing::places(),
            };
            self.write("places", &places);
        }
        for spec in &self.program.runs {
            let set = match spec.split {
                Split::Test => &digits.test,
                Split::Train => &digits.train,
            };
            let run = Run::of(spec, set.denominator());
            self.write(&spec.name, &run.words(&self.recipe));
        }
    }

    /// Codes and labels, in as many buffers as they take.
    fn upload_set(&self, split: Split, set: &Dataset) {
        let (codes, labels) = (of_split("codes", split), of_split("labels", split));
        let (mut first, mut part) = (0, 0);
        while first < set.len() {
            let buffer = self.resources.buffer(&of_part(&codes, part));
            let wanted = first..first + (buffer.size() / CODE_BYTES) as usize;
            let part_labels: Vec<u32> = set.labels()[wanted.clone()]
                .iter()
                .map(|&label| label.into())
                .collect();
            self.device
                .write(buffer, &packed_codes(set, wanted.clone()));
            self.write(&of_part(&labels, part), &part_labels);
            (first, part) = (wanted.end, part + 1);
        }
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

    /// Words of buffers, through a read-back buffer made for the purpose.
    fn read(&self, sources: &[Source]) -> Result<Vec<u32>> {
        let words: usize = sources.iter().map(|(_, _, words)| words).sum();
        let through = self.device.readback(4 * words as u64);
        self.device.read(&through, sources)
    }

    /// Sum of the losses and count of the misses that `tally` left.
    fn totals(&self) -> Result<(f64, u32)> {
        let sources = [self.source("totals", 2)];
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
        self.run_steps(steps)?;
        let sources = [
            self.source("progress", 2),
            self.source("losses", steps as usize),
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
    fn kind(&self) -> EngineKind {
        EngineKind::Gpu
    }

    fn device(&self) -> String {
        self.description.to_string()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.put_parameters("parameters", &state.parameters);
        self.put_parameters("first_moment", &state.first_moment);
        self.put_parameters("second_moment", &state.second_moment);
        self.put("progress", &[state.step, 0]);
        self.step = state.step;
        self.device.check()
    }

    fn state(&mut self) -> Result<State> {
        let names = ["parameters", "first_moment", "second_moment"];
        let count = self.parameter_words();
        let mut sources = vec![self.source("progress", 2)];
        sources.extend(names.map(|name| self.source(name, count)));
        let words = self.read(&sources)?;
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
        let gradient = self.source("gradient", self.parameter_words());
        let words = self.read(&[self.source("totals", 2), gradient])?;
        let (totals, gradient) = words.split_at(2);
        let loss = f64::from(f32::from_bits(totals[0])) / self.train_examples as f64;
        Ok((loss, self.parameters_of(gradient)))
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
