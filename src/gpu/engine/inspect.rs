//! A look at what lies on the device, for tests.

use super::Gpu;
use crate::engine::Split;
use crate::error::{Error, Result};
use crate::gpu::kernels::kernel;
use crate::gpu::layout::{QUAD_TENSORS, padded_images_to_rows};
use crate::gpu::plan::{Variant, of_split};
use crate::gpu::wait::block_on;
use crate::net::PADDED_PIXELS;

impl Gpu {
    /// A tensor of the last pass over the training set, row-major `[example][unit]` as the reference has it: `x`
    /// (padded, `[20][20]`), `h1`, `h2`, `factors`, `dropped`, `h3`, `out`, `d_out`, `d_h3`, `d_h2` or `d_h1`. For
    /// tests.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such tensor, or the kernels are fused and keep it to themselves; [`Error::Device`] if the device fails.
    pub fn read_tensor(&mut self, name: &str) -> Result<Vec<f32>> {
        let examples = self.train_examples;
        if self.program.variant != Variant::Layered {
            return Err(Error::Usage(format!(
                "found fused kernels, expected layered ones to read {name}"
            )));
        }
        let floats =
            |words: Vec<u32>| -> Vec<f32> { words.into_iter().map(f32::from_bits).collect() };
        if name == "x" {
            let x = self.resources.buffer(&of_split("x", Split::Train));
            let words = block_on(self.device.read(&[(x, 0, PADDED_PIXELS * examples)]))?;
            return Ok(padded_images_to_rows(&floats(words), examples));
        }
        let tensor = QUAD_TENSORS.iter().find(|tensor| tensor.name == name);
        let tensor = tensor
            .ok_or_else(|| Error::Usage(format!("found {name}, expected the name of a tensor")))?;
        let source = if name == "dropped" && self.recipe.dropout == 0.0 {
            "h2"
        } else {
            name
        };
        let buffer = self.resources.buffer(source);
        let words = block_on(self.device.read(&[(buffer, 0, tensor.floats(examples))]))?;
        Ok(tensor.to_rows(&floats(words), examples))
    }

    /// Fills all that a gradient writes with NaN, so that whatever a kernel leaves out shows. For tests.
    pub fn poison(&mut self) {
        let dispatches = &self.program.gradient.dispatches;
        for dispatch in dispatches {
            let kernel = kernel(dispatch.kernel);
            let storage = kernel.storage().zip(&dispatch.bindings[1..]);
            for ((_, writes), name) in storage {
                if writes && !["progress", "parameters", "moments"].contains(&name.as_str()) {
                    let buffer = self.resources.buffer(name);
                    self.device
                        .write(buffer, &vec![u32::MAX; buffer.size() as usize / 4]);
                }
            }
        }
    }
}
