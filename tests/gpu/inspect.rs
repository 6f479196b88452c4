//! Access to the buffers of an engine's program.

use gpu_train::engine::Split;
use gpu_train::error::Result;
use gpu_train::gpu::layout::quads::QUAD_TENSORS;
use gpu_train::gpu::step::plan::{Access, Buffer};
use gpu_train::gpu::{Gpu, block_on};
use gpu_train::net::PADDED_PIXELS;

/// The words of a buffer.
pub fn words(gpu: &Gpu, buffer: &Buffer) -> Result<Vec<u32>> {
    let buffer = gpu.buffer(buffer);
    let words = buffer.size() as usize / 4;
    block_on(gpu.opened().read(&[(buffer, 0, words)]))
}

/// A tensor of the layered kernels after a step on the training set, row-major `[example][unit]` as the reference has it:
/// `x` (padded, `[20][20]`), or one in [`QUAD_TENSORS`].
pub fn tensor(gpu: &Gpu, name: &'static str, examples: usize) -> Result<Vec<f32>> {
    // A row per example, of the words at these places.
    let rows = |words: Vec<u32>, units: usize, place: &dyn Fn(usize, usize) -> usize| {
        let units = (0..examples).flat_map(|example| (0..units).map(move |unit| (unit, example)));
        let places = units.map(|(unit, example)| place(unit, example));
        places.map(|place| f32::from_bits(words[place])).collect()
    };
    if name == "x" {
        let images = words(gpu, &Buffer::of_set("x", Split::Train, 0))?;
        let place = |pixel, example| pixel * examples + example;
        return Ok(rows(images, PADDED_PIXELS, &place));
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
    let place = |unit, example| tensor.index(unit, example, examples);
    Ok(rows(words(gpu, &Buffer::of(name))?, tensor.units, &place))
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
                gpu.opened().write(buffer, 0, &nan);
            }
        }
    }
}
