//! Opening an engine: the one place that opens a device to train on, and puts the digits on it.

use std::path::PathBuf;
use std::time::Duration;

use super::Gpu;
use crate::data::Digits;
use crate::engine::State;
use crate::error::Result;
use crate::gpu::device::Device;
use crate::gpu::layout::tiling::Tiling;
use crate::gpu::pace::Pace;
use crate::gpu::step::fit::check_fit;
use crate::gpu::step::plan::{Buffer, Program};
use crate::gpu::step::variant::Variant;
use crate::gpu::step::{Sizes, check_recipe};
use crate::gpu::tune;
use crate::net::Parameters;
use crate::recipe::Recipe;

/// How an engine's kernels are found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kernels {
    /// These.
    Fixed(Variant),
    /// Fused kernels in a shape that suits most devices.
    #[default]
    Standard,
    /// The fastest of a few on this adapter: measured now, or stored in `cache` when they were measured before. A
    /// software adapter is not measured and gets the standard ones: compiling a shape takes longer there than a short
    /// run.
    Tuned {
        /// File of the choices made so far.
        cache: Option<PathBuf>,
    },
}

/// How an engine is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Kernels to run.
    pub kernels: Kernels,
    /// Longest wait for a submission, after which the device counts as hung, also while kernels are measured;
    /// [`default_timeout`](crate::gpu::default_timeout) of the adapter if `None`.
    pub timeout: Option<Duration>,
    /// Largest buffer for images in bytes, where the adapter offers more: the fused kernels go through a larger set in
    /// shards, and add up.
    pub buffer_bytes: Option<u64>,
}

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
    pub(in crate::gpu) fn unmeasured(engine: Gpu) -> Self {
        Self {
            engine,
            tuning: 0.0,
            measured: Vec::new(),
        }
    }
}

/// A run to make an engine for.
pub(in crate::gpu) struct Work<'a> {
    /// Digits to train and to test on.
    pub(in crate::gpu) digits: &'a Digits,
    /// Recipe of the run.
    pub(in crate::gpu) recipe: &'a Recipe,
    /// Parameters at its start.
    pub(in crate::gpu) start: &'a Parameters,
    /// As in [`Options`].
    pub(in crate::gpu) buffer_bytes: u64,
}

impl Work<'_> {
    /// The program that one of these variants runs on a device.
    pub(in crate::gpu) fn program(&self, variant: Variant, device: &Device) -> Result<Program> {
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

impl Gpu {
    /// As [`Gpu::open`], without blocking.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub async fn open_async(
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        start: &Parameters,
        options: &Options,
    ) -> Result<Opened> {
        check_recipe(&recipe)?;
        let work = Work {
            digits,
            recipe: &recipe,
            start,
            buffer_bytes: options.buffer_bytes.unwrap_or(u64::MAX),
        };
        let device = Device::open(adapter, options.timeout).await?;
        let standard = Variant::Fused(Tiling::default_for(device.description()));
        let variant = match &options.kernels {
            Kernels::Fixed(variant) => *variant,
            Kernels::Tuned { cache } if tune::is_worth_it(device.description()) => {
                return tune::open(adapter, device, &work, cache.as_deref(), options.timeout).await;
            }
            Kernels::Standard | Kernels::Tuned { .. } => standard,
        };
        Self::on(&device, &work, variant)
            .await
            .map(Opened::unmeasured)
    }

    /// An engine on a device that is open.
    pub(in crate::gpu) async fn on(
        device: &Device,
        work: &Work<'_>,
        variant: Variant,
    ) -> Result<Self> {
        let program = work.program(variant, device)?;
        let (train_examples, test_examples) = (work.digits.train.len(), work.digits.test.len());
        let most = train_examples.max(test_examples);
        check_fit(&program, device.description(), most)?;
        let resources = device.create(&program.buffers, &program.shaders)?;
        let mut engine = Self {
            training: device.ready(&resources, &program.training)?,
            gradient: device.ready(&resources, &program.gradient)?,
            evaluate_train: device.ready(&resources, &program.evaluate_train)?,
            evaluate_test: device.ready(&resources, &program.evaluate_test)?,
            device: device.clone(),
            program,
            resources,
            recipe: work.recipe.clone(),
            train_examples,
            test_examples,
            step: 0,
            pace: Pace::new(),
        };
        let mut write = |buffer: &Buffer, first, words: &[u32]| engine.write(buffer, first, words);
        let program = &engine.program;
        program.write_constants(work.recipe, work.digits, &mut write);
        engine.restore(&State::start(work.start.clone()))?;
        let prepare = device.ready(&engine.resources, &engine.program.prepare)?;
        device.finish(device.submit(&prepare, 1)).await?;
        Ok(engine)
    }
}
