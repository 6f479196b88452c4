//! Access to the buffers of an engine's program.

use gpu_train::engine::Split;
use gpu_train::error::Result;
use gpu_train::gpu::layout::quads::{QUAD_TENSORS, padded_images_to_rows};
use gpu_train::gpu::step::plan::{Access, Buffer};
use gpu_train::gpu::{Gpu, block_on};

/// The words of a buffer.
pub fn words(gpu: &Gpu, buffer: &Buffer) -> Result<Vec<u32>> {
    let buffer = gpu.buffer(buffer);
    let words = buffer.size() as usize / 4;
    block_on(gpu.opened().read(&[(buffer, 0, words)]))
}

/// A tensor of the layered kernels after a step on the training set, row-major `[example][unit]` as the reference has it:
/// `x` (padded, `[20][20]`), or one in [`QUAD_TENSORS`].
pub fn tensor(gpu: &Gpu, name: &'static str, examples: usize) -> Result<Vec<f32>> {
    let floats = |words: Vec<u32>| words.into_iter().map(f32::from_bits).collect::<Vec<f32>>();
    if name == "x" {
        let images = words(gpu, &Buffer::of_set("x", Split::Train, 0))?;
        return Ok(padded_images_to_rows(&floats(images), examples));
    }
    let tensor = QUAD_TENSORS.iter().find(|tensor| tensor.name == name);
    let tensor = tensor.expect("a tensor in quads");
    // Without dropout H3 sees H2 itself.
    let kernels = &gpu.program().gradient.dispatches;
    let drops = kernels.iter().any(|dispatch| dispatch.kernel == "dropout");
    let name = if name == "dropped" && !drops {
        "h2"
    } else {
        name
    };
    Ok(tensor.to_rows(&floats(words(gpu, &Buffer::of(name))?), examples))
}

/// Fills everything that a gradient writes with NaN, so that whatever a kernel omits shows.
pub fn poison(gpu: &Gpu) {
    let program = gpu.program();
    for dispatch in &program.gradient.dispatches {
        let shader = program.shader(&dispatch.kernel).expect("its shader");
        for (binding, name) in shader.bindings.iter().zip(&dispatch.buffers) {
            let state = ["progress", "parameters", "moments"].contains(&&*name.tensor);
            if binding.access == Access::Write && !state {
                let buffer = gpu.buffer(name);
                let nan = vec![u32::MAX; buffer.size() as usize / 4];
                gpu.opened().write(buffer, &nan);
            }
        }
    }
}
