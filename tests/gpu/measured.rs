//! A device as it was opened, its peak, and the time of each kernel.

use std::time::Instant;

use gpu_train::engine::Engine;
use gpu_train::gpu::{Backend, Kind, Variant, block_on, describe, peak};
use libtest_mimic::Failed;

use crate::fixture::Case;
use crate::runs::all_identical;

/// The peak's kernels give the results that they are timed for, or `peak::measure` fails; and no unit is off by thousands.
pub fn the_peak_is_measured(adapter: &wgpu::Adapter, _: &Case) -> Result<(), Failed> {
    let peak = peak::measure(adapter, None)?;
    let (flop, bytes) = (peak.flop_per_second, peak.copy_bytes_per_second);
    if (1e8..1e16).contains(&flop) && (1e7..1e15).contains(&bytes) {
        return Ok(());
    }
    Err(format!("found {peak:?}").into())
}

/// Each kernel of a step is timed, the shards of a set together, by a clock that agrees with the host's; and the run continues
/// from the step it was at.
pub fn kernels_are_timed(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let mut gpu = match case.variant {
        Variant::Layered => case.gpu(adapter)?,
        Variant::Fused(_) => case.open(adapter, &case.in_three_shards())?,
    };
    let sizes = gpu.program().buffers.iter();
    let bytes: u64 = sizes.map(|spec| gpu.buffer(&spec.buffer).size()).sum();
    if gpu.buffer_bytes() != bytes {
        return Err(format!("found {} bytes, expected {bytes}", gpu.buffer_bytes()).into());
    }
    let made = gpu.pipeline_times();
    let shaders = gpu.program().shaders.iter();
    if !made
        .iter()
        .map(|(name, _)| &**name)
        .eq(shaders.map(|shader| &*shader.kernel))
        || made.iter().any(|(_, seconds)| *seconds <= 0.0)
    {
        return Err(format!("pipelines took {made:?}").into());
    }
    gpu.train(2)?;
    let before = gpu.state()?;
    let started = Instant::now();
    let times = block_on(gpu.kernel_times(3))?;
    let took = started.elapsed().as_secs_f64();
    all_identical(&gpu.state()?, &before)?;

    let of_step = gpu.program().training.dispatches.iter();
    let mut kernels: Vec<&str> = of_step.map(|dispatch| &*dispatch.kernel).collect();
    kernels.dedup();
    let Some(times) = times else {
        // Some drivers of Metal have timestamps and write zeros.
        let has_none = !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        return match has_none || describe(adapter)?.backend == Backend::Metal {
            true => Ok(()),
            false => Err("no times, though the adapter has timestamps".into()),
        };
    };
    let names: Vec<&str> = times.iter().map(|time| &*time.kernel).collect();
    if names != kernels {
        return Err(format!("found times of {names:?}, expected {kernels:?}").into());
    }
    // Two of the three samples took the median or longer.
    let medians: f64 = times.iter().map(|time| time.seconds).sum();
    let is_possible = times.iter().all(|time| time.seconds > 0.0) && 2.0 * medians < took;
    // Three steps and as many read-backs, on a device that needs milliseconds for a step.
    let is_all = describe(adapter)?.kind != Kind::Software || 100.0 * medians > took;
    if is_possible && is_all {
        return Ok(());
    }
    Err(format!("found {times:?} within {took} s").into())
}

/// A device has the limits and the features of its adapter that an engine makes use of, and no other features.
pub fn limits_and_features_are_those_used(
    adapter: &wgpu::Adapter,
    case: &Case,
) -> Result<(), Failed> {
    let gpu = case.gpu(adapter)?;
    if gpu.device() != describe(adapter)?.to_string() {
        return Err(format!("found an engine on {}", gpu.device()).into());
    }
    let device = gpu.device_to_lose();
    let (found, offered) = (device.limits(), adapter.limits());
    let used = |of: &wgpu::Limits| (of.max_buffer_size, of.max_compute_workgroups_per_dimension);
    if used(&found) != used(&offered) {
        return Err(format!("found limits {found:?}, expected those of {offered:?}").into());
    }
    let features = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE;
    let expected = adapter.features() & features;
    if device.features() != expected {
        return Err(format!("found {:?}, expected {expected:?}", device.features()).into());
    }
    Ok(())
}
