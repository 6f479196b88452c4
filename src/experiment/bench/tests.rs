//! Samples, the work of a step, and what a report makes of both.

use super::*;
use crate::data::embedded;
use crate::gpu::wgsl::kernels::LAYERED;
use crate::net::{Initialization, initial_parameters};
use crate::recipe::{Length, RecipeName};

/// 64 to train with.
fn few_digits() -> Digits {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(64);
    digits
}

#[test]
fn samples_hold_enough_steps_and_runs_start_again() {
    let digits = few_digits();
    let recipe = Recipe {
        length: Length::Steps(4),
        ..Recipe::named(RecipeName::FullBatchMuon)
    };
    let start = initial_parameters(1, 0.0, Initialization::Sqrt);
    let mut engine = FullBatch::new(digits, recipe.clone(), &start).expect("a full-batch recipe");
    let (seconds, steps_a_sample) = steps(&mut engine, &recipe, 64, Duration::ZERO, 0.0).unwrap();
    assert_eq!((steps_a_sample, seconds.samples), (1, 3));
    // Just as long as the run.
    assert_eq!(engine.state().unwrap().step, 4);
    let long = Duration::from_millis(30);
    let started = Instant::now();
    let (seconds, steps_a_sample) = steps(&mut engine, &recipe, 64, long, 0.0).unwrap();
    assert!(steps_a_sample > 1);
    assert!(seconds.p90 * f64::from(steps_a_sample) <= started.elapsed().as_secs_f64());
    // Longer than the run is from where it stood: each sample started there again.
    assert_eq!(engine.state().unwrap().step, 4 + steps_a_sample);
}

#[test]
fn a_step_of_batch_1_is_an_epoch() {
    let digits = few_digits();
    let recipe = Recipe::named(RecipeName::Reproduction);
    let start = recipe.initial_parameters().into();
    let mut opened = target::open(&Target::PerExample, &digits, &recipe, start).expect("an engine");
    let engine = opened.engine.as_mut();
    let (_, steps_a_sample) = steps(engine, &recipe, 64, Duration::ZERO, 0.0).unwrap();
    assert_eq!((steps_a_sample, engine.state().unwrap().step), (1, 4 * 64));
}

#[test]
fn samples_are_taken_for_as_long_as_wanted() {
    let mut calls = 0_i32;
    let mut work = || {
        calls += 1;
        Ok(f64::from(calls))
    };
    let found = sample(0.0, &mut work).unwrap();
    assert_eq!((found.samples, found.median), (3, 2.0));
    let started = Instant::now();
    let found = sample(0.02, &mut work).unwrap();
    assert!(started.elapsed().as_secs_f64() >= 0.02);
    assert_eq!(found.samples as i32, calls - 3);
}

#[test]
fn the_work_of_a_step_is_the_nets() {
    assert_eq!(flop(7_291), 2_504_895_960.0);
    assert_eq!(needed_flop(7_291), 1_957_895_976.0);
    // The layered kernels share the work of the fused one.
    let layered = LAYERED
        .iter()
        .filter_map(|kernel| needed_flop_of(kernel.name));
    let layered: usize = layered.sum();
    assert_eq!(layered, NEEDED_FLOP_PER_EXAMPLE);
    assert_eq!(needed_flop_of("forward_backward"), Some(layered));
    // 7,291 images of 256 bytes with a label, and three tensors of 9,760 floats in and out.
    let adamw = Recipe::named(RecipeName::FullBatchAdamW);
    assert_eq!(fewest_bytes(&adamw, 7_291), 1_873_787.0 + 234_240.0);
    // Muon has no second moment for the 8,760 weights.
    let muon = Recipe::named(RecipeName::FullBatchMuon);
    assert_eq!(fewest_bytes(&muon, 7_291), 1_873_787.0 + 164_160.0);
    // One moment, or the step of each weight; none.
    let newton = Recipe::named(RecipeName::Newton1989);
    assert_eq!(fewest_bytes(&newton, 7_291), 1_873_787.0 + 156_160.0);
    let plain = Recipe::named(RecipeName::Reproduction);
    assert_eq!(fewest_bytes(&plain, 7_291), 1_873_787.0 + 78_080.0);
    let with_momentum = Recipe {
        momentum: 0.9,
        ..plain
    };
    assert_eq!(fewest_bytes(&with_momentum, 7_291), 1_873_787.0 + 156_160.0);
}

/// A benchmark of this many examples.
fn bench(examples: usize) -> Bench {
    let digits = embedded::digits();
    Bench {
        train: Repeated::new(digits.train.clone(), examples),
        digits,
        seconds: 0.0,
    }
}

/// The report of a millisecond per step of 100 examples with AdamW.
fn report(engine: EngineKind, copy_bytes_per_second: f64) -> EngineReport {
    let kernel = |kernel, seconds| KernelReport::from(KernelTime { kernel, seconds });
    let measured = Measured {
        engine,
        device: "a device".into(),
        seconds: Distribution::of(vec![1e-3; 3]),
        steps_a_sample: 1,
        target: Target::Cpu(1),
        recipe: Recipe::named(RecipeName::FullBatchAdamW),
        set_up: 0.5,
        gpu: GpuReport {
            kernels: vec![
                kernel("h3_forward".into(), 2e-3),
                kernel("update".into(), 1e-3),
            ],
            ..GpuReport::default()
        },
    };
    let peak = Peak {
        flop_per_second: 1e12,
        copy_bytes_per_second,
    };
    bench(100).report(measured, peak, Some(5e11))
}

fn assert_close(found: [f64; 9], expected: [f64; 9]) {
    for (found, expected) in found.into_iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-9 * expected,
            "{found} is not {expected}"
        );
    }
}

#[test]
fn a_report_compares_times_with_the_peaks() {
    let found = report(EngineKind::Cpu, 1e10);
    let figures = |found: &EngineReport| {
        [
            found.step_ms.median,
            found.gflops,
            found.needed_gflops,
            found.examples_per_s,
            found.peak_gflops,
            found.copy_gbytes_per_s,
            found.share_of_peak,
            found.nominal_share_of_peak,
            found.floor_ms,
        ]
    };
    // 343,560 and 268,536 FLOP per example, 259,940 bytes per step.
    let [a, b, c, d, e] = [1.0, 34.356, 26.8536, 1e5, 1e3];
    assert_close(
        figures(&found),
        [a, b, c, d, e, 10.0, 0.0268536, 0.034356, 0.0268536],
    );
    assert_eq!(
        (found.core_peak_gflops, found.example_us),
        (Some(500.0), None)
    );
    let [layer, other] = &found.gpu.kernels[..] else {
        panic!("two kernels")
    };
    let share = 100.0 * 2.0 * NEEDED_BY_LAYER[2] as f64 / 2e-3 / 1e12;
    let [ms, found_share] = [layer.ms, layer.share_of_peak.expect("it computes a layer")];
    assert!((ms - 2.0).abs() < 1e-12 && (found_share - share).abs() <= 1e-9 * share);
    assert_eq!(other.share_of_peak, None);
    // Where memory is slow, the floor is its.
    let found = report(EngineKind::PerExample, 1e9);
    assert_close(
        figures(&found),
        [a, b, c, d, e, 1.0, 0.0268536, 0.034356, 0.25994],
    );
    let example_us = found.example_us.expect("one example at a time");
    assert!((example_us.median - 10.0).abs() < 1e-9);
}

#[test]
fn the_rest_of_a_run_is_the_hosts() {
    let times = [0.5e-3, 1.5e-3].map(|seconds| KernelTime {
        kernel: String::new(),
        seconds,
    });
    // Five steps of 2 ms.
    assert!((host_share(5, &times, 40.0) - 0.75).abs() < 1e-12);
    assert_eq!(host_share(5, &times, 8.0), 0.0);
}

#[test]
fn all_cores_share_the_memory_of_one() {
    let core = Peak {
        flop_per_second: 1.0,
        copy_bytes_per_second: 2.0,
    };
    let (all, one) = of_all_cores(core, 3.0);
    assert_eq!(
        (all.flop_per_second, all.copy_bytes_per_second, one),
        (3.0, 2.0, Some(1.0))
    );
}

#[test]
fn engines_that_hold_all_images_take_a_million() {
    assert!(bench(1_000_000).check(EngineKind::Gpu).is_ok());
    assert!(bench(1_000_001).check(EngineKind::Cpu).is_ok());
    let error = bench(1_000_001)
        .check(EngineKind::Gpu)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("--examples: found 1000001, expected at most 1000000"),
        "{error}"
    );
}
