//! Making an engine on a device that is open.

use super::Gpu;
use crate::data::Digits;
use crate::engine::State;
use crate::error::Result;
use crate::gpu::device::Device;
use crate::gpu::pace::Pace;
use crate::gpu::step::Sizes;
use crate::gpu::step::fit::check_fit;
use crate::gpu::step::plan::{Buffer, Program};
use crate::gpu::step::variant::Variant;
use crate::net::Parameters;
use crate::recipe::Recipe;

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
    /// Largest buffer for images in bytes, where the adapter offers more.
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
