//! What a device can do at most, measured with two small kernels: multiply-adds in registers, and copying a buffer.

use std::time::Duration;

use web_time::Instant;

use super::adapter::{Kind, described};
use super::device::Device;
use super::wait::{Submission, block_on};
use crate::engine::Peak;
use crate::error::Result;

/// A repetition lasts about so long: the cost of a submission does not show, and no watchdog minds.
const REPETITION: Duration = Duration::from_millis(20);
/// A measurement lasts about so long; its best repetition counts.
const MEASUREMENT: Duration = Duration::from_millis(300);
/// Invocations of a workgroup.
const LANES: u32 = 256;
/// Workgroups of a dispatch: a million invocations, several times what the largest devices run at once.
const WORKGROUPS: u32 = 4096;
/// Independent sums of an invocation, each a vector of four.
const CHAINS: u32 = 8;
/// Multiply-adds to each sum in a round of the loop.
const UNROLLED: u32 = 16;
/// Most rounds, or copies, of a repetition.
const MOST: u32 = 1 << 16;
/// Bytes to copy, several times the largest level-2 caches; a software adapter copies in the processor's memory.
const COPY_BYTES: u64 = 256 << 20;
const SOFTWARE_COPY_BYTES: u64 = 64 << 20;

/// Measures an adapter, in about a second.
///
/// # Errors
/// [`crate::error::Error::Device`] if it cannot be opened or fails.
pub fn peak(adapter: &wgpu::Adapter) -> Result<Peak> {
    let description = described(adapter)?;
    let device = block_on(Device::open(adapter, None))?;
    let wanted = match description.kind {
        Kind::Software => SOFTWARE_COPY_BYTES,
        _ => COPY_BYTES,
    };
    let limits = &description.limits;
    let most = limits.storage_buffer_bytes.min(limits.buffer_bytes);
    Ok(Peak {
        flop_per_second: flop_per_second(&device)?,
        copy_bytes_per_second: copy_bytes_per_second(&device, wanted.min(most) / 16 * 16)?,
    })
}

fn flop_per_second(device: &Device) -> Result<f64> {
    let parameters = storage(device, "parameters", 16);
    let sums = storage(device, "sums", u64::from(4 * LANES * WORKGROUPS));
    let probe = Probe::new(device, &multiply_adds(), [&parameters, &sums]);
    let seconds = best(device, |rounds| {
        let factors = [0.999f32, 1e-3].map(f32::to_bits);
        device.write(&parameters, &[rounds, factors[0], factors[1], 0]);
        probe.submit(device, 1)
    })?;
    let of_a_round = 2 * 4 * CHAINS * UNROLLED;
    Ok(f64::from(of_a_round) * f64::from(LANES * WORKGROUPS) / seconds)
}

fn copy_bytes_per_second(device: &Device, bytes: u64) -> Result<f64> {
    let from = storage(device, "from", bytes);
    let to = storage(device, "to", bytes);
    let probe = Probe::new(device, &copy(), [&from, &to]);
    let seconds = best(device, |copies| probe.submit(device, copies))?;
    Ok(2.0 * bytes as f64 / seconds)
}

/// Multiply-adds that wait for nothing but the sum they add to. Factors the compiler cannot know keep it from finding
/// the limit; writing the sum keeps it from leaving them out.
fn multiply_adds() -> String {
    let each = |line: fn(u32) -> String| (0..CHAINS).map(line).collect::<String>();
    let start = each(|i| format!("  var s{i} = vec4<f32>(f32(id.x % 7u + {i}u));\n"));
    let round = each(|i| format!("    s{i} = fma(s{i}, a, b);\n")).repeat(UNROLLED as usize);
    let total = each(|i| format!(" + s{i}"));
    format!(
        "@group(0) @binding(0) var<storage, read> parameters: vec4<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  let a = vec4<f32>(bitcast<f32>(parameters.y));
  let b = vec4<f32>(bitcast<f32>(parameters.z));
{start}  for (var round = 0u; round < parameters.x; round++) {{
{round}  }}
  sums[id.x] = dot(vec4<f32>(){total}, vec4<f32>(1.0));
}}
"
    )
}

/// Copies vectors of four, neighbouring invocations neighbouring vectors.
fn copy() -> String {
    format!(
        "@group(0) @binding(0) var<storage, read> from_: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> to_: array<vec4<u32>>;
@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {{
  for (var i = id.x; i < arrayLength(&to_); i += count.x * {LANES}u) {{
    to_[i] = from_[i];
  }}
}}
"
    )
}

fn storage(device: &Device, label: &str, bytes: u64) -> wgpu::Buffer {
    let (device, _) = device.wgpu();
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A kernel of two buffers.
struct Probe {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
}

impl Probe {
    fn new(device: &Device, wgsl: &str, buffers: [&wgpu::Buffer; 2]) -> Self {
        let (device, _) = device.wgpu();
        let label = Some("probe");
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        let entry = |binding: usize| wgpu::BindGroupEntry {
            binding: binding as u32,
            resource: buffers[binding].as_entire_binding(),
        };
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[entry(0), entry(1)],
        });
        Self {
            pipeline,
            bind_group,
        }
    }

    fn submit(&self, device: &Device, times: u32) -> Submission {
        let (device, queue) = device.wgpu();
        let label = Some("probe");
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label,
            timestamp_writes: None,
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        for _ in 0..times {
            pass.dispatch_workgroups(WORKGROUPS, 1, 1);
        }
        drop(pass);
        Submission::new(queue, queue.submit([encoder.finish()]))
    }
}

/// Least seconds for one unit of work, given what submits so many of it.
fn best(device: &Device, submit: impl Fn(u32) -> Submission) -> Result<f64> {
    let time = |amount: u32| -> Result<f64> {
        let started = Instant::now();
        block_on(device.finish(submit(amount)))?;
        Ok(started.elapsed().as_secs_f64())
    };
    // The first run compiles, and clears the buffers.
    time(1)?;
    let mut amount = 1;
    let mut took = time(amount)?;
    while took < REPETITION.as_secs_f64() && amount < MOST {
        let growth = (REPETITION.as_secs_f64() / took).clamp(1.5, 8.0);
        amount = ((f64::from(amount) * growth).ceil() as u32).min(MOST);
        took = time(amount)?;
    }
    let started = Instant::now();
    while started.elapsed() < MEASUREMENT {
        took = took.min(time(amount)?);
    }
    Ok(took / f64::from(amount))
}
