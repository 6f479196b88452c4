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
/// Invocations of a dispatch.
const INVOCATIONS: u32 = LANES * WORKGROUPS;
/// Independent sums of an invocation, each a vector of four.
const CHAINS: u32 = 8;
/// Multiply-adds to each sum in a round of the loop.
const UNROLLED: u32 = 16;
/// Operations of a round, of all invocations.
const FLOP_PER_ROUND: f64 = (2 * 4 * CHAINS * UNROLLED) as f64 * INVOCATIONS as f64;
/// The numbers that each sum is multiplied by and that are added to it.
const FACTOR: f32 = 0.999;
const SUMMAND: f32 = 1e-3;
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
    let bytes = 4 * u64::from(INVOCATIONS);
    let (resources, plan) = ready(device, multiply_adds(), [("factors", 16), ("sums", bytes)])?;
    let run = |rounds: u32| {
        let words = [rounds, FACTOR.to_bits(), SUMMAND.to_bits(), 0];
        device.write(resources.buffer(&Buffer::of("factors")), 0, &words);
        block_on(device.finish(device.submit(&plan, 1)))
    };
    run(1)?;
    let ends = read_ends(
        device,
        resources.buffer(&Buffer::of("sums")),
        INVOCATIONS.into(),
    )?;
    for (found, id) in ends.into_iter().zip([0, INVOCATIONS - 1]) {
        let (found, expected) = (f32::from_bits(found), sum_after_a_round(id));
        // Phrased so that NaN disagrees.
        let agrees = (found - expected).abs() <= 1e-5 * expected;
        if !agrees {
            let text = format!("invocation {id} summed {found}, expected {expected}");
            return Err(device.error(text));
        }
    }
    Ok(FLOP_PER_ROUND / best(timed(run))?)
}

/// A round of the kernel of multiply-adds, for one invocation. Not each device fuses the product and the sum.
fn sum_after_a_round(id: u32) -> f32 {
    let of_chain = |chain: u32| {
        let start = (id % 7 + chain) as f32;
        (0..UNROLLED).fold(start, |sum, _| sum.mul_add(FACTOR, SUMMAND))
    };
    4.0 * (0..CHAINS).map(of_chain).sum::<f32>()
}

fn copy_bytes_per_second(device: &Device, bytes: u64) -> Result<f64> {
    let (resources, plan) = ready(device, copy(), [("source", bytes), ("copied", bytes)])?;
    let run = |copies| block_on(device.finish(device.submit(&plan, copies)));
    let (source, words) = (resources.buffer(&Buffer::of("source")), bytes / 4);
    let ends = [0x1989, 0x2022];
    device.write(source, 0, &ends[..1]);
    device.write(source, words - 1, &ends[1..]);
    run(1)?;
    let found = read_ends(device, resources.buffer(&Buffer::of("copied")), words)?;
    if found != ends {
        let text = format!("a copy ends with {found:x?}, expected {ends:x?}");
        return Err(device.error(text));
    }
    Ok(2.0 * bytes as f64 / best(timed(run))?)
}

/// The first and the last of a buffer's words.
fn read_ends(device: &Device, buffer: &wgpu::Buffer, words: u64) -> Result<Vec<u32>> {
    block_on(device.read(&[(buffer, 0, 1), (buffer, words - 1, 1)]))
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

/// Time that a run of a number of units takes.
fn timed(run: impl Fn(u32) -> Result<()>) -> impl Fn(u32) -> Result<Duration> {
    move |amount| {
        let started = Instant::now();
        run(amount)?;
        Ok(started.elapsed())
    }
}

/// Least seconds for one unit of work, given the time that a number of units takes. The caller has run it before: a first
/// run may compile.
fn best(time: impl Fn(u32) -> Result<Duration>) -> Result<f64> {
    let mut amount = 1;
    let mut took = time(amount)?;
    while took < REPETITION && amount < MOST {
        let growth = (REPETITION.as_secs_f64() / took.as_secs_f64()).clamp(1.5, 8.0);
        amount = ((f64::from(amount) * growth).ceil() as u32).min(MOST);
        took = time(amount)?;
    }
    let mut measured = Duration::ZERO;
    while measured < MEASUREMENT {
        let again = time(amount)?;
        measured += again;
        took = took.min(again);
    }
    Ok(took.as_secs_f64() / f64::from(amount))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn operations_are_those_of_the_kernel() {
        let wgsl = multiply_adds();
        let fused = wgsl.matches(" = fma(").count();
        assert_eq!(fused, 128);
        // A product and a sum of four floats each, by 256 lanes of 4,096 workgroups.
        let operations = 2 * 4 * fused * 256 * 4_096;
        assert_eq!(FLOP_PER_ROUND, operations as f64);
        assert!(wgsl.contains("@workgroup_size(256)"));
    }

    /// The amounts of work that are timed, and the result, where a call takes `micros(number of the call, amount)`.
    fn amounts(micros: impl Fn(usize, u32) -> u64) -> (Vec<u32>, f64) {
        let amounts = RefCell::new(Vec::new());
        let seconds = best(|amount| {
            let mut amounts = amounts.borrow_mut();
            amounts.push(amount);
            Ok(Duration::from_micros(micros(amounts.len(), amount)))
        });
        (amounts.into_inner(), seconds.expect("a time"))
    }

    #[test]
    fn work_grows_until_it_takes_a_repetition() {
        let of_speed = |micros: u64| amounts(move |_, amount| micros * u64::from(amount));
        // Eight times as much at most; then as often as a measurement takes.
        let (amounts, seconds) = of_speed(1_000);
        assert_eq!(amounts, [&[1, 8, 20][..], &[20; 15]].concat());
        assert!((seconds - 1e-3).abs() < 1e-12);
        // Long enough at once.
        let (amounts, seconds) = of_speed(20_000);
        assert_eq!(amounts, [1; 16]);
        assert!((seconds - 0.02).abs() < 1e-12);
        // Half as much again at least.
        let slower_at_first = |_, amount: u32| u64::from(amount) * 200 - 5 * u64::from(amount > 99);
        let (amounts, _) = self::amounts(slower_at_first);
        assert_eq!(amounts[..5], [1, 8, 64, 100, 150]);
    }

    #[test]
    fn work_grows_no_further_than_a_dispatch_may_take() {
        // Of a clock that shows less than there was.
        let (amounts, _) = amounts(|call, _| if call < 20 { 1 } else { 150_000 });
        assert_eq!(amounts[..7], [1, 8, 64, 512, 4_096, 32_768, MOST]);
        // Of the repetitions the last two take all of the measurement.
        assert_eq!(amounts[7..], [MOST; 14]);
    }

    #[test]
    fn the_fastest_repetition_counts() {
        let (amounts, seconds) = amounts(|call, _| if call == 7 { 15_000 } else { 30_000 });
        assert_eq!(amounts, [1; 12]);
        assert!((seconds - 0.015).abs() < 1e-12);
    }
}
