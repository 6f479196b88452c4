//! The engine as all others are, by calls that block until the device is done.

use super::{Gpu, KernelTime, Opened, Options};
use crate::data::Digits;
use crate::engine::{Engine, Evaluation, Split, State};
use crate::error::Result;
use crate::gpu::wait::block_on;
use crate::net::Parameters;
use crate::recipe::Recipe;

impl Gpu {
    /// Opens an adapter and makes an engine at the start of a run from these parameters: the one way to get a GPU engine.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] if the recipe's updates see one example each or are diagonal Newton's;
    /// [`crate::error::Error::Device`] if the adapter lacks something, the sets or the kernels do not fit, or it fails.
    pub fn open(
        adapter: &wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        start: &Parameters,
        options: &Options,
    ) -> Result<Opened> {
        block_on(Self::open_async(adapter, digits, recipe, start, options))
    }

    /// As [`Gpu::open`] with [`Options::default`].
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn new(
        adapter: wgpu::Adapter,
        digits: &Digits,
        recipe: Recipe,
        start: &Parameters,
    ) -> Result<Self> {
        let opened = Self::open(&adapter, digits, recipe, start, &Options::default())?;
        Ok(opened.engine)
    }

    /// As [`Gpu::kernel_times_async`], blocking.
    ///
    /// # Errors
    /// As [`Gpu::kernel_times_async`].
    pub fn kernel_times(&mut self, steps: u32) -> Result<Option<Vec<KernelTime>>> {
        block_on(self.kernel_times_async(steps))
    }
}

impl Engine for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn device(&self) -> String {
        self.adapter().to_string()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        Self::restore(self, state)
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
