//! The shader's random numbers are Rust's.

use gpu_train::draw;
use gpu_train::gpu::wgsl::compose;
use gpu_train::gpu::wgsl::kernels::parts;
use libtest_mimic::Failed;
use wgpu::util::DeviceExt;

use crate::fixture::Case;

const KERNEL: &str = "
@group(0) @binding(1) var<storage, read_write> words: array<vec4<u32>>;

// words: key, counter, key, counter, … each counter becoming its draw.
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let draw = 2u * invocation.x;
    words[draw + 1u] = threefry4x32(words[draw], words[draw + 1u]);
}
";
const DRAWS: usize = 64 * 64;

pub fn equal_rusts(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let word = |index: usize| draw::initial_weight(77, index as u32);
    let words: Vec<u32> = (0..8 * DRAWS).map(word).collect();
    let wgsl = compose(&case.recipe(), "", &[parts::DRAW], KERNEL);
    let found = run(adapter, &wgsl, &words)?;
    for (index, (given, found)) in words.chunks(8).zip(found.chunks(8)).enumerate() {
        let four = |from: usize| {
            [
                given[from],
                given[from + 1],
                given[from + 2],
                given[from + 3],
            ]
        };
        let expected = draw::threefry4x32(four(0), four(4));
        if found[4..] != expected {
            return Err(format!("draw {index}: {:?}, expected {expected:?}", &found[4..]).into());
        }
    }
    Ok(())
}

/// Runs the kernel over the words and reads them back.
fn run(adapter: &wgpu::Adapter, wgsl: &str, words: &[u32]) -> Result<Vec<u32>, Failed> {
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default()))?;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("draws"),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("draws"),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let buffer = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some("words"),
        contents: bytemuck::cast_slice(words),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
    });
    let readback = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: buffer.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("draws"),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry {
            binding: 1,
            resource: buffer.as_entire_binding(),
        }],
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(&pipeline);
    pass.set_bind_group(0, &bind_group, &[]);
    pass.dispatch_workgroups((DRAWS / 64) as u32, 1, 1);
    drop(pass);
    encoder.copy_buffer_to_buffer(&buffer, 0, &readback, 0, buffer.size());
    queue.submit([encoder.finish()]);
    readback.map_async(wgpu::MapMode::Read, .., |_| ());
    device.poll(wgpu::PollType::wait_indefinitely())?;
    let words = bytemuck::pod_collect_to_vec(&readback.get_mapped_range(..)?);
    Ok(words)
}
