//! The most that a device can do, measured with two small kernels: multiply-adds in registers, and copying a buffer.

use std::time::Duration;

use web_time::Instant;

use super::adapter::Kind;
use super::device::{Device, ReadyPlan, Resources};
use super::step::plan::{Access, Binding, Buffer, BufferSpec, Dispatch, Plan, Shader};
use super::wait::block_on;
use crate::engine::Peak;
use crate::error::Result;

/// Length of a repetition: the cost of a submission does not show, and no watchdog minds.
const REPETITION: Duration = Duration::from_millis(20);
/// Length of a measurement, whose best repetition counts.
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

/// Measures an adapter, in about a second, waiting for it no longer than an engine with this time-out would.
///
/// # Errors
/// [`crate::error::Error::Device`] if it cannot be opened or fails.
pub fn measure(adapter: &wgpu::Adapter, timeout: Option<Duration>) -> Result<Peak> {
    let device = block_on(Device::open(adapter, timeout))?;
    let wanted = match device.description().kind {
        Kind::Software => SOFTWARE_COPY_BYTES,
        _ => COPY_BYTES,
    };
    let limits = &device.description().limits;
    let most = limits.storage_buffer_bytes.min(limits.buffer_bytes);
    Ok(Peak {
        flop_per_second: flop_per_second(&device)?,
        copy_bytes_per_second: copy_bytes_per_second(&device, wanted.min(most) / 16 * 16)?,
    })
}

fn flop_per_second(device: &Device) -> Result<f64> {
    let sums = u64::from(4 * LANES * WORKGROUPS);
    let (resources, plan) = ready(device, multiply_adds(), [("factors", 16), ("sums", sums)])?;
    let seconds = best(|rounds| {
        let factors = [0.999f32, 1e-3].map(f32::to_bits);
        let words = [rounds, factors[0], factors[1], 0];
        device.write(resources.buffer(&Buffer::of("factors")), 0, &words);
        block_on(device.finish(device.submit(&plan, 1)))
    })?;
    let flop_per_round = 2 * 4 * CHAINS * UNROLLED;
    Ok(f64::from(flop_per_round) * f64::from(LANES * WORKGROUPS) / seconds)
}

fn copy_bytes_per_second(device: &Device, bytes: u64) -> Result<f64> {
    let (_resources, plan) = ready(device, copy(), [("source", bytes), ("copied", bytes)])?;
    let seconds = best(|copies| block_on(device.finish(device.submit(&plan, copies))))?;
    Ok(2.0 * bytes as f64 / seconds)
}

/// One dispatch of a kernel that reads the first of two buffers and writes the second.
fn ready(
    device: &Device,
    wgsl: String,
    buffers: [(&'static str, u64); 2],
) -> Result<(Resources, ReadyPlan)> {
    let specs = buffers.map(|(name, bytes)| BufferSpec::storage(Buffer::of(name), bytes));
    let [(read, _), (written, _)] = buffers;
    let shader = Shader {
        kernel: "peak".into(),
        wgsl,
        bindings: vec![
            Binding::of(read, Access::Read),
            Binding::of(written, Access::Write),
        ],
    };
    let dispatch = Dispatch {
        kernel: "peak".into(),
        buffers: vec![Buffer::of(read), Buffer::of(written)],
        workgroups: [WORKGROUPS, 1, 1],
    };
    let plan = Plan {
        name: "peak".into(),
        dispatches: vec![dispatch],
    };
    let resources = device.create(&specs, &[shader])?;
    let plan = device.ready(&resources, &plan)?;
    Ok((resources, plan))
}

/// WGSL of multiply-adds that wait for nothing but the sum they add to. Factors unknown to the compiler keep it from
/// finding the limit; writing the sum keeps it from leaving the work out.
fn multiply_adds() -> String {
    let each = |line: fn(u32) -> String| (0..CHAINS).map(line).collect::<String>();
    let start = each(|i| format!("  var s{i} = vec4<f32>(f32(id.x % 7u + {i}u));\n"));
    let round = each(|i| format!("    s{i} = fma(s{i}, a, b);\n")).repeat(UNROLLED as usize);
    let total = each(|i| format!(" + s{i}"));
    format!(
        "@group(0) @binding(0) var<storage, read> factors: vec4<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  let a = vec4<f32>(bitcast<f32>(factors.y));
  let b = vec4<f32>(bitcast<f32>(factors.z));
{start}  for (var round = 0u; round < factors.x; round++) {{
{round}  }}
  sums[id.x] = dot(vec4<f32>(){total}, vec4<f32>(1.0));
}}
"
    )
}

/// WGSL that copies vectors of four, neighbouring invocations neighbouring vectors.
fn copy() -> String {
    format!(
        "@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<u32>>;
@compute @workgroup_size({LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {{
  for (var i = id.x; i < arrayLength(&copied); i += count.x * {LANES}u) {{
    copied[i] = source[i];
  }}
}}
"
    )
}

/// Least seconds for one unit of work, given a run of a number of units.
fn best(run: impl Fn(u32) -> Result<()>) -> Result<f64> {
    let time = |amount: u32| -> Result<f64> {
        let started = Instant::now();
        run(amount)?;
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
