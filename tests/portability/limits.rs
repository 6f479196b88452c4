//! The needs of each kernel and each dispatch against the limits that WebGPU promises everywhere. Only `forward_backward`
//! may need more workgroup memory: as much as its shape says, which the engine compares with the device's first.

use gpu_train::gpu::adapter::{AdapterDescription, Backend, Kind, Limits};
use gpu_train::gpu::layout::sizes::MOST_WORKGROUPS;
use gpu_train::gpu::layout::tiling::GROUPS;
use gpu_train::gpu::step::plan::{Access, Binding};
use gpu_train::gpu::{Program, Sizes, Tiling, Variant};
use gpu_train::recipe::Recipe;
use naga::{AddressSpace, Module, StorageAccess};

use crate::pipelines::{MOST_WORKGROUP_BYTES, Pipeline, WEBGPUS_WORKGROUP_BYTES, recipes, tilings};
use crate::translate;

/// WebGPU's default limits, which `check_limits` in src/gpu/adapter.rs demands of an adapter too.
const STORAGE_BUFFERS: usize = 8;
const INVOCATIONS: u32 = 256;
const SIZE: [u32; 3] = [256, 256, 64];
/// Of uniform buffers there may be 12; ours are one small struct and, for some shapes of `forward_backward`, the weights.
const UNIFORM_BYTES: u32 = 65_536;
/// maxStorageBufferBindingSize.
const BINDING_BYTES: u64 = 128 << 20;
/// The set of the essay, and the whole of MNIST's training set.
const SETS: [usize; 6] = [1, 63, 64, 65, 7_291, 60_000];

/// Workgroup memory in bytes and invocations of a module within the limits, which are wider for `forward_backward`.
fn check_module(module: &Module, is_forward_backward: bool) -> Result<(u32, u32), String> {
    let (most_workgroup, most_uniforms) = if is_forward_backward {
        (MOST_WORKGROUP_BYTES, 2)
    } else {
        (WEBGPUS_WORKGROUP_BYTES, 1)
    };
    let mut layouter = naga::proc::Layouter::default();
    layouter
        .update(module.to_ctx())
        .map_err(|error| format!("{error:?}"))?;
    let (mut storage, mut uniforms, mut workgroup) = (0, 0, 0);
    for (_, global) in module.global_variables.iter() {
        match global.space {
            AddressSpace::Storage { .. } => storage += 1,
            AddressSpace::Uniform if layouter[global.ty].size <= UNIFORM_BYTES => uniforms += 1,
            // `forward_backward` keeps its sums in a lane's own registers.
            AddressSpace::Private if is_forward_backward => {}
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
        && uniforms <= most_uniforms
        && workgroup <= most_workgroup
        && invocations <= INVOCATIONS
        && size.iter().zip(SIZE).all(|(&found, most)| found <= most);
    if within {
        return Ok((workgroup, invocations));
    }
    Err(format!(
        "{storage} storage buffers, {uniforms} uniforms, {workgroup} bytes of workgroup memory, {size:?} invocations"
    ))
}

/// WebGPU's limits, but for workgroup memory.
fn limits(workgroup_bytes: u32) -> Limits {
    Limits {
        storage_buffer_bytes: BINDING_BYTES,
        buffer_bytes: 2 * BINDING_BYTES,
        storage_buffers: STORAGE_BUFFERS as u32,
        workgroup_bytes,
        workgroup_invocations: INVOCATIONS,
        workgroups: MOST_WORKGROUPS,
    }
}

/// Buffers, workgroup memory and invocations of a kernel; the numbers of a shape of `forward_backward`
/// are those of its text, to the byte.
pub fn check(pipeline: &Pipeline) -> Result<(), String> {
    let (module, _) = translate::module(&pipeline.wgsl)?;
    let Some(tiling) = pipeline.tiling else {
        return check_module(&module, false).map(drop);
    };
    let found = check_module(&module, true)?;
    let claimed = (tiling.workgroup_bytes(), tiling.lanes);
    if found != claimed {
        return Err(format!("(bytes, lanes): {found:?}, expected {claimed:?}"));
    }
    let (bytes, lanes) = found;
    let fewer = Limits {
        workgroup_invocations: lanes - 1,
        ..limits(bytes)
    };
    let right = tiling.fits(&limits(bytes)) && !tiling.fits(&limits(bytes - 1));
    if right && !tiling.fits(&fewer) {
        return Ok(());
    }
    Err("`fits` accepts a device without room, or refuses one with it".into())
}

/// The text declares the shader's bindings, in their order and with their access.
pub fn check_bindings(pipeline: &Pipeline) -> Result<(), String> {
    let (module, _) = translate::module(&pipeline.wgsl)?;
    let mut declared = Vec::new();
    for (_, global) in module.global_variables.iter() {
        let access = match global.space {
            AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                Access::Write
            }
            AddressSpace::Storage { .. } => Access::Read,
            _ => Access::Uniform,
        };
        if let Some(place) = global.binding {
            let name = global.name.clone().unwrap_or_default().into();
            declared.push((place.binding, Binding { name, access }));
        }
    }
    declared.sort_by_key(|(index, _)| *index);
    let bindings: Vec<_> = (0..).zip(pipeline.bindings.iter().cloned()).collect();
    if declared == bindings {
        return Ok(());
    }
    Err(format!("{declared:?}, expected {bindings:?}"))
}

/// Some shapes run within WebGPU's defaults, and the one that is taken without a measurement does, there and on larger
/// devices; the rest need a raised limit.
pub fn check_defaults() -> Result<(), String> {
    for bytes in [WEBGPUS_WORKGROUP_BYTES, 32 << 10, MOST_WORKGROUP_BYTES] {
        for kind in [Kind::Software, Kind::Discrete] {
            let adapter = AdapterDescription {
                name: String::new(),
                backend: Backend::Vulkan,
                kind,
                driver: String::new(),
                limits: limits(bytes),
                subgroups: false,
                f16: false,
                timestamps: false,
            };
            let usual = Tiling::default_for(&adapter);
            if !usual.fits(&adapter.limits) || !usual.is_possible() {
                return Err(format!("{usual} does not run with {bytes} bytes"));
            }
        }
    }
    let of = |bytes| {
        let all = tilings().into_iter();
        all.filter(|tiling| tiling.fits(&limits(bytes))).count()
    };
    let (small, middle, all) = (of(WEBGPUS_WORKGROUP_BYTES), of(32 << 10), tilings().len());
    if 0 < small && small < middle && middle < all {
        return Ok(());
    }
    Err(format!(
        "{small} shapes fit 16 KiB, {middle} 32 KiB, {all} 48 KiB"
    ))
}

/// Workgroups of every dispatch for every set; the buffers' sizes for the essay's set. (A larger set may need larger
/// buffers than WebGPU promises; the engine then says so.)
pub fn check_dispatches() -> Result<(), String> {
    for recipe in recipes() {
        for examples in SETS {
            let sizes = Sizes::of(examples, examples);
            let program = built(&recipe, sizes, Variant::Layered)?;
            check_workgroups(&program, examples)?;
            if examples <= 7_291 {
                check_buffers(&program, examples)?;
            }
        }
    }
    // The fused kernels split a set whose codes fit no buffer, here of 600,000 images.
    let recipe = &recipes()[0];
    for tiling in tilings() {
        for groups in GROUPS {
            let variant = Variant::Fused(Tiling { groups, ..tiling });
            for examples in SETS.into_iter().chain([600_000]) {
                let sizes = Sizes {
                    image_buffer_bytes: BINDING_BYTES,
                    ..Sizes::of(examples, 2_007)
                };
                let program = built(recipe, sizes, variant)?;
                let named = |error| format!("{variant}: {error}");
                check_workgroups(&program, examples).map_err(named)?;
                check_buffers(&program, examples).map_err(named)?;
                check_shards(&program, examples).map_err(named)?;
            }
        }
    }
    Ok(())
}

fn built(recipe: &Recipe, sizes: Sizes, variant: Variant) -> Result<Program, String> {
    Program::build(recipe, sizes, variant).map_err(|error| error.to_string())
}

fn check_workgroups(program: &Program, examples: usize) -> Result<(), String> {
    for dispatch in program.plans().iter().flat_map(|plan| &plan.dispatches) {
        let fits = |&count: &u32| (1..=MOST_WORKGROUPS).contains(&count);
        if !dispatch.workgroups.iter().all(fits) {
            let groups = dispatch.workgroups;
            return Err(format!("{} of {examples}: {groups:?}", dispatch.kernel));
        }
    }
    Ok(())
}

fn check_buffers(program: &Program, examples: usize) -> Result<(), String> {
    let mut buffers = program.buffers.iter();
    match buffers.find(|buffer| buffer.bytes > BINDING_BYTES) {
        Some(buffer) => Err(format!(
            "{} of {examples}: {} bytes",
            buffer.buffer, buffer.bytes
        )),
        None => Ok(()),
    }
}

/// The shards of a training step: each example once, each row of `partial` once, and the last dispatch sums all rows.
fn check_shards(program: &Program, examples: usize) -> Result<(), String> {
    let (mut next, mut next_row) = (0, 0);
    let dispatches = program.training.dispatches.iter();
    let mut last = None;
    for dispatch in dispatches.filter(|dispatch| dispatch.kernel == "forward_backward") {
        let params = program.params(dispatch).ok_or("no uniform")?;
        let follows = (params.first, params.first_row) == (next, next_row);
        if !follows || params.batch as usize != examples {
            return Err(format!("{params:?} after {next} examples, {next_row} rows"));
        }
        next += params.examples;
        next_row += dispatch.workgroups[0];
        last = Some(params);
    }
    let rows = last.ok_or("no forward_backward")?.rows;
    if next as usize == examples && next_row == rows {
        return Ok(());
    }
    Err(format!(
        "{next} of {examples} examples in {next_row} of {rows} rows"
    ))
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
    let uniform = |vectors: u32| {
        format!(
            "@group(0) @binding(0) var<uniform> u: array<vec4<f32>, {vectors}>;
            @compute @workgroup_size(64) fn main() {{ let x = u[0]; }}"
        )
    };
    let pairs = [
        (buffers(8), buffers(9)),
        (memory(4_096), memory(4_097)),
        (uniform(4_096), uniform(4_097)),
        (size("256"), size("257")),
        (size("2, 2, 64"), size("1, 1, 65")),
    ];
    let check = |text: &str| check_module(&translate::module(text)?.0, false);
    for (good, bad) in pairs {
        check(&good)?;
        if check(&bad).is_ok() {
            return Err(format!("accepted: {bad}"));
        }
    }
    Ok(())
}
