//! Time per step of each engine, and the least that its device could take.

mod sampling;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use web_time::Instant;

use super::record::{EngineReport, GpuReport, KernelReport, PipelineReport, WholeRun};
use super::statistics::Distribution;
use crate::cpu::simd::Level;
use crate::cpu::{self, FullBatch};
use crate::data::{Digits, Examples, Repeated};
use crate::engine::{Engine, EngineKind, Peak, State};
use crate::error::{Error, Result};
use crate::gpu::{self, Gpu, KernelTime};
use crate::net::{
    FLOP_PER_EXAMPLE, NEEDED_BY_LAYER, NEEDED_FLOP_PER_EXAMPLE, PARAMETER_COUNT, PIXELS,
    ParameterTensor,
};
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};
use crate::target::{self, Target};

pub use sampling::{sample, steps};

/// Most examples of the engines that hold them all in memory.
const MOST_IN_MEMORY: usize = 1_000_000;
/// Shortest sample on a GPU: the length of a submission in training.
const GPU_SAMPLE: Duration = Duration::from_millis(50);
/// Steps whose kernels are timed one by one.
const TIMED_STEPS: u32 = 11;
/// Most steps of a run that is repeated whole.
const MOST_IN_A_WHOLE_RUN: u32 = 16;

/// A benchmark: engines on the same examples.
pub struct Bench {
    /// Digits with the test set.
    pub digits: Digits,
    /// Training set.
    pub train: Repeated,
    /// Seconds to measure each engine for.
    pub seconds: f64,
}

/// Measured steps of an engine.
pub struct Measured {
    /// The engine.
    pub engine: EngineKind,
    /// Human-readable name of its device.
    pub device: String,
    /// Seconds per step.
    pub seconds: Distribution,
    steps_a_sample: u32,
    target: Target,
    recipe: Recipe,
    set_up: f64,
    gpu: GpuReport,
}

/// An engine's device, its seconds per step and the steps per sample.
type Steps = (String, Distribution, u32);

impl Bench {
    /// Checks that an engine can hold the training set.
    ///
    /// # Errors
    /// [`Error::Usage`] if it would take too much memory.
    pub fn check(&self, engine: EngineKind) -> Result<()> {
        let found = self.train.count();
        if engine == EngineKind::Cpu || found <= MOST_IN_MEMORY {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "--examples: found {found}, expected at most {MOST_IN_MEMORY} with --engine {engine}, which holds all images \
             in memory (cpu does not)"
        )))
    }

    /// Measures the steps of a recipe.
    ///
    /// # Errors
    /// As [`Bench::check`]; what the engine returns.
    pub fn measure(&self, target: &Target, recipe: &Recipe) -> Result<Measured> {
        self.check(target.engine())?;
        let in_memory = || Digits {
            train: self.train.in_memory(),
            ..self.digits.clone()
        };
        let start = recipe.initial_parameters();
        let mut gpu = GpuReport::default();
        let (set_up, measured) = match target {
            Target::Cpu(threads) => self.on_processors(target, recipe, Level::best(), *threads)?,
            Target::Ranks(ranks) => {
                self.on_processors(target, recipe, ranks.level(), ranks.threads())?
            }
            Target::Adapter(adapter) => {
                let opened = adapter.open(&in_memory(), recipe, &start)?;
                let mut engine = opened.engine;
                let measured = self.steps(engine.as_mut(), target, recipe)?;
                let times = gpu::block_on(engine.kernel_times(TIMED_STEPS))?;
                let whole_run = self.whole_run(engine.as_mut(), recipe, times.as_deref())?;
                let pipelines = engine.pipeline_times().into_iter();
                let pipelines = pipelines.map(|(kernel, seconds)| PipelineReport {
                    kernel,
                    ms: 1e3 * seconds,
                });
                gpu = GpuReport {
                    pipelines: pipelines.collect(),
                    whole_run,
                    tuning_s: Some(opened.tuning),
                    variant: opened.kernels,
                    dispatches: engine.dispatches(),
                    timestamps: Some(times.is_some()),
                    kernels: times
                        .into_iter()
                        .flatten()
                        .map(KernelReport::from)
                        .collect(),
                    buffer_bytes: engine.buffer_bytes(),
                };
                (opened.set_up, measured)
            }
            Target::Reference | Target::PerExample => {
                let mut opened = target::open(target, &in_memory(), recipe, start.into())?;
                (
                    opened.set_up,
                    self.steps(opened.engine.as_mut(), target, recipe)?,
                )
            }
        };
        let (device, seconds, steps_a_sample) = measured;
        Ok(Measured {
            engine: target.engine(),
            device,
            seconds,
            steps_a_sample,
            target: target.clone(),
            recipe: recipe.clone(),
            set_up,
            gpu,
        })
    }

    /// Seconds of set-up, and steps, of the full batch on processors, over images that are made as they are read.
    fn on_processors(
        &self,
        target: &Target,
        recipe: &Recipe,
        level: Level,
        threads: usize,
    ) -> Result<(f64, Steps)> {
        let started = Instant::now();
        let (train, test) = (self.train.clone(), self.digits.test.clone());
        let (train, test) = (Arc::new(train), Arc::new(test));
        let start = recipe.initial_parameters();
        let mut engine = FullBatch::over(train, test, recipe.clone(), &start, level, threads)?;
        if let Target::Ranks(ranks) = target {
            engine = engine.shared_with(Arc::clone(ranks));
        }
        let set_up = started.elapsed().as_secs_f64();
        Ok((set_up, self.steps(&mut engine, target, recipe)?))
    }

    /// A recipe of few steps from its start to its weights, over and over.
    fn whole_run(
        &self,
        engine: &mut Gpu,
        recipe: &Recipe,
        times: Option<&[KernelTime]>,
    ) -> Result<Option<WholeRun>> {
        let steps = recipe.updates(self.train.count()) as u32;
        if steps > MOST_IN_A_WHOLE_RUN {
            return Ok(None);
        }
        let start = State::start(recipe.initial_parameters());
        let ms = sample(self.seconds, || {
            let started = Instant::now();
            engine.restore(&start)?;
            engine.train(steps)?;
            engine.state()?;
            Ok(1e3 * started.elapsed().as_secs_f64())
        })?;
        Ok(Some(WholeRun {
            steps,
            host_share: times.map(|times| host_share(steps, times, ms.median)),
            ms,
        }))
    }

    /// The engine's device, the seconds per step and the steps per sample.
    fn steps(&self, engine: &mut dyn Engine, target: &Target, recipe: &Recipe) -> Result<Steps> {
        let shortest = match target {
            Target::Adapter(_) => GPU_SAMPLE,
            _ => Duration::ZERO,
        };
        let examples = self.train.count();
        let (seconds, steps) = steps(engine, recipe, examples, shortest, self.seconds)?;
        Ok((engine.device(), seconds, steps))
    }

    /// Measures the peaks of the devices, and compares the engines with them.
    ///
    /// # Errors
    /// [`Error::Device`] if an adapter fails.
    pub fn reports(&self, measured: Vec<Measured>) -> Result<Vec<EngineReport>> {
        let mut processor = None;
        let mut core = || *processor.get_or_insert_with(core_peak);
        let reports = measured.into_iter().map(|measured| {
            let (peak, core_peak) = match &measured.target {
                Target::Adapter(found) => {
                    let peak = gpu::peak::measure(&found.adapter, found.options.timeout)?;
                    (peak, None)
                }
                Target::Cpu(threads) => {
                    let all = cpu::peak::flop_per_second(Level::best(), *threads);
                    of_all_cores(core(), all)
                }
                Target::Ranks(ranks) => of_all_cores(core(), ranks.flop_per_second()),
                Target::Reference | Target::PerExample => (core(), None),
            };
            Ok(self.report(measured, peak, core_peak))
        });
        reports.collect()
    }

    fn report(&self, measured: Measured, peak: Peak, core_peak: Option<f64>) -> EngineReport {
        let examples = self.train.count();
        let seconds = measured.seconds;
        let nominal = flop(examples) / seconds.median;
        let needed = needed_flop(examples) / seconds.median;
        let arithmetic = needed_flop(examples) / peak.flop_per_second;
        let copying = fewest_bytes(&measured.recipe, examples) / peak.copy_bytes_per_second;
        let is_per_example = measured.engine == EngineKind::PerExample;
        let mut gpu = measured.gpu;
        for kernel in &mut gpu.kernels {
            let needed = needed_flop_of(&kernel.kernel).map(|flop| (examples * flop) as f64);
            kernel.share_of_peak =
                needed.map(|flop| flop / (kernel.ms / 1e3) / peak.flop_per_second);
        }
        EngineReport {
            engine: measured.engine,
            device: measured.device,
            examples,
            set_up_s: measured.set_up,
            step_ms: seconds.times(1e3),
            steps_a_sample: measured.steps_a_sample,
            example_us: is_per_example.then(|| seconds.times(1e6 / examples as f64)),
            gflops: nominal / 1e9,
            needed_gflops: needed / 1e9,
            examples_per_s: examples as f64 / seconds.median,
            peak_gflops: peak.flop_per_second / 1e9,
            core_peak_gflops: core_peak.map(|rate| rate / 1e9),
            copy_gbytes_per_s: peak.copy_bytes_per_second / 1e9,
            share_of_peak: needed / peak.flop_per_second,
            nominal_share_of_peak: nominal / peak.flop_per_second,
            floor_ms: 1e3 * arithmetic.max(copying),
            gpu,
        }
    }
}

impl From<KernelTime> for KernelReport {
    fn from(time: KernelTime) -> Self {
        Self {
            kernel: time.kernel,
            ms: 1e3 * time.seconds,
            share_of_peak: None,
        }
    }
}

/// Share of a run of this many milliseconds in which no kernel runs, by the times of a step's kernels.
fn host_share(steps: u32, times: &[KernelTime], ms: f64) -> f64 {
    let step: f64 = times.iter().map(|time| 1e3 * time.seconds).sum();
    // Timed one by one, the kernels may take longer than together.
    (1.0 - f64::from(steps) * step / ms).max(0.0)
}

/// Peak of one core; copying is measured on all, as they share the memory.
fn core_peak() -> Peak {
    Peak {
        flop_per_second: cpu::peak::flop_per_second(Level::best(), 1),
        copy_bytes_per_second: cpu::peak::copy_bytes_per_second(cpu::cores()),
    }
}

/// The peak of all cores, next to that of one of them.
fn of_all_cores(core: Peak, flop_per_second: f64) -> (Peak, Option<f64>) {
    let all = Peak {
        flop_per_second,
        ..core
    };
    (all, Some(core.flop_per_second))
}

/// Nominal FLOP of one full-batch step, or one epoch of batch 1.
pub fn flop(examples: usize) -> f64 {
    examples as f64 * FLOP_PER_EXAMPLE as f64
}

/// Needed FLOP of one full-batch step, or one epoch of batch 1.
pub fn needed_flop(examples: usize) -> f64 {
    examples as f64 * NEEDED_FLOP_PER_EXAMPLE as f64
}

/// Needed FLOP per example of a kernel; none of one that computes no layer.
fn needed_flop_of(kernel: &str) -> Option<usize> {
    let [h1, h2, h3, out] = NEEDED_BY_LAYER;
    let multiply_adds = match kernel {
        "forward_backward" => return Some(NEEDED_FLOP_PER_EXAMPLE),
        "h1_forward" | "h1_gradient" => h1,
        "h2_forward" | "h2_backward" | "h2_gradient" => h2,
        "h3_forward" | "h3_backward" | "h3_gradient" => h3,
        "out_forward" | "out_backward" | "out_gradient" => out,
        _ => return None,
    };
    Some(2 * multiply_adds)
}

/// Fewest bytes that a step (or an epoch of batch 1) can move: a byte per pixel and label, and parameters and moments read
/// and written once.
pub fn fewest_bytes(recipe: &Recipe, examples: usize) -> f64 {
    let matrices: usize = MATRICES.iter().map(ParameterTensor::len).sum();
    let floats = match recipe.optimizer {
        Optimizer::AdamW => 3 * PARAMETER_COUNT,
        // The matrices have one moment.
        Optimizer::Muon | Optimizer::WhitenedMuon => 3 * PARAMETER_COUNT - matrices,
        // Weights in and out; the step of each weight written and read.
        Optimizer::DiagonalNewton => 2 * PARAMETER_COUNT,
        Optimizer::Sgd if recipe.momentum > 0.0 => 2 * PARAMETER_COUNT,
        Optimizer::Sgd => PARAMETER_COUNT,
    };
    (examples * (PIXELS + 1) + 2 * 4 * floats) as f64
}
