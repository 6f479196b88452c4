//! What each kernel and each dispatch asks of a device, against what WebGPU promises everywhere.

use gpu_train::gpu::plan::{MOST_WORKGROUPS, Program};
use naga::{AddressSpace, Module};

use crate::pipelines::{Pipeline, recipes};
use crate::translate;

/// WebGPU's default limits, which `check_limits` in src/gpu/adapter.rs demands of an adapter too.
const STORAGE_BUFFERS: usize = 8;
const WORKGROUP_BYTES: u32 = 16_384;
const INVOCATIONS: u32 = 256;
const SIZE: [u32; 3] = [256, 256, 64];
/// Of uniform buffers 12, of 16 KiB each; ours is one small struct.
const UNIFORM_BUFFERS: usize = 1;
/// maxStorageBufferBindingSize.
const BINDING_BYTES: u64 = 128 << 20;
/// The set of the essay, and the whole of MNIST's training set.
const SETS: [usize; 6] = [1, 63, 64, 65, 7_291, 60_000];

fn check_module(module: &Module) -> Result<(), String> {
    let mut layouter = naga::proc::Layouter::default();
    layouter
        .update(module.to_ctx())
        .map_err(|error| format!("{error:?}"))?;
    let (mut storage, mut uniforms, mut workgroup) = (0, 0, 0);
    for (_, global) in module.global_variables.iter() {
        match global.space {
            AddressSpace::Storage { .. } => storage += 1,
            AddressSpace::Uniform => uniforms += 1,
            // Each rounded up to 16 bytes, as WebGPU counts them.
            AddressSpace::WorkGroup => workgroup += layouter[global.ty].size.next_multiple_of(16),
            other => return Err(format!("found a variable in {other:?}")),
        }
        if global
            .binding
            .as_ref()
            .is_some_and(|place| place.group != 0)
        {
            return Err("found a second bind group".into());
        }
    }
    let [entry] = module.entry_points.as_slice() else {
        return Err("expected one entry point".into());
    };
    let size = entry.workgroup_size;
    let invocations = size.iter().product::<u32>();
    let within = storage <= STORAGE_BUFFERS
        && uniforms <= UNIFORM_BUFFERS
        && workgroup <= WORKGROUP_BYTES
        && invocations <= INVOCATIONS
        && size.iter().zip(SIZE).all(|(&found, most)| found <= most);
    if within {
        return Ok(());
    }
    Err(format!(
        "{storage} storage buffers, {uniforms} uniforms, {workgroup} bytes of workgroup memory, {size:?} invocations"
    ))
}

/// Buffers, workgroup memory and invocations of a kernel.
pub fn check(pipeline: &Pipeline) -> Result<(), String> {
    check_module(&translate::module(&pipeline.wgsl)?.0)
}

/// Workgroups of every dispatch for every set; the buffers' sizes for the essay's set. (A larger set may need larger
/// buffers than WebGPU promises; the engine then says so.)
pub fn check_dispatches() -> Result<(), String> {
    for recipe in recipes() {
        for examples in SETS {
            let program = Program::new(&recipe, examples, examples);
            for dispatch in program.plans().iter().flat_map(|plan| &plan.dispatches) {
                let fits = |&count: &u32| (1..=MOST_WORKGROUPS).contains(&count);
                if !dispatch.workgroups.iter().all(fits) {
                    let groups = dispatch.workgroups;
                    return Err(format!("{} of {examples}: {groups:?}", dispatch.kernel));
                }
            }
            let large = program
                .buffers
                .iter()
                .find(|buffer| buffer.bytes > BINDING_BYTES);
            if let Some(buffer) = large.filter(|_| examples <= 7_291) {
                return Err(format!(
                    "{} of {examples}: {} bytes",
                    buffer.name, buffer.bytes
                ));
            }
        }
    }
    Ok(())
}

/// The counts are seen to fail.
pub fn rejects_too_much() -> Result<(), String> {
    let buffers = |count: u32| {
        let lines = (0..count).map(|i| {
            format!("@group(0) @binding({i}) var<storage, read_write> b{i}: array<f32>;\n")
        });
        lines.collect::<String>() + "@compute @workgroup_size(64) fn main() { b0[0] = 1.0; }"
    };
    let memory = |floats: u32| {
        format!(
            "var<workgroup> m: array<f32, {floats}>;
            @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {{ m[i] = 1.0; }}"
        )
    };
    let size = |size: &str| format!("@compute @workgroup_size({size}) fn main() {{}}");
    let pairs = [
        (buffers(8), buffers(9)),
        (memory(4_096), memory(4_097)),
        (size("256"), size("257")),
        (size("2, 2, 64"), size("1, 1, 65")),
    ];
    let check = |text: &str| check_module(&translate::module(text)?.0);
    for (good, bad) in pairs {
        check(&good)?;
        if check(&bad).is_ok() {
            return Err(format!("accepted: {bad}"));
        }
    }
    Ok(())
}
