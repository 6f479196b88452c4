//! The engine by the trait that all engines share: calls that block until the device is done.

use super::{Gpu, KernelTime};
use crate::engine::{Engine, EngineKind, Evaluation, Split, State};
use crate::error::Result;
use crate::gpu::wait::block_on;
use crate::net::Parameters;

impl Gpu {
    /// As [`Gpu::kernel_times_async`], blocking.
    ///
    /// # Errors
    /// As [`Gpu::kernel_times_async`].
    pub fn kernel_times(&mut self, steps: u32) -> Result<Option<Vec<KernelTime>>> {
        block_on(self.kernel_times_async(steps))
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
