//! One engine after the other: its steps, then what its device can do at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::flags::kernels;
use crate::flags::usage;
use crate::terminal::context::cores;
use gpu_train::cpu::simd::Level;
use gpu_train::cpu::{self, FullBatch, PerExample};
use gpu_train::data::{Digits, Examples, Repeated};
use gpu_train::engine::{Engine, EngineKind, Peak};
use gpu_train::error::Result;
use gpu_train::experiment::bench::{self, Sampling, Steps};
use gpu_train::experiment::record::{EngineReport, KernelReport};
use gpu_train::gpu::{self, AdapterChoice, KernelTime};
use gpu_train::net::Parameters;
use gpu_train::recipe::Recipe;
use gpu_train::reference::Reference;

/// Most examples of the engines that hold them all in memory.
const MOST_IN_MEMORY: usize = 1_000_000;
/// A sample on a GPU lasts so long, as a submission does in training.
const GPU_SAMPLE: Duration = Duration::from_millis(50);
/// Steps whose kernels are timed one by one.
const TIMED_STEPS: u32 = 11;

/// One thing to measure.
pub(super) enum Target {
    Cpu,
    PerExample,
    Reference,
    Gpu(AdapterChoice),
}

/// What an engine's run gave.
pub(super) struct Measured {
    engine: EngineKind,
    device: String,
    set_up: Duration,
    steps: Steps,
    gpu: Option<OnGpu>,
}

/// What only a GPU engine has.
struct OnGpu {
    adapter: wgpu::Adapter,
    tuning: f64,
    variant: String,
    dispatches: usize,
    kernels: Option<Vec<KernelTime>>,
    buffer_bytes: u64,
}

/// What all engines share.
pub(super) struct Bench<'a> {
    /// Where the test set comes from.
    pub(super) digits: &'a Digits,
    /// The training set, at its full number of examples.
    pub(super) train: Repeated,
    /// Recipe of the full-batch engines.
    pub(super) full: Recipe,
    /// Recipe of the per-example engine.
    pub(super) per_example: Recipe,
    /// Seconds for each engine.
    pub(super) seconds: f64,
    /// Which kernels GPUs run.
    pub(super) kernels: &'a kernels::Arguments,
}

impl Bench<'_> {
    fn examples(&self) -> usize {
        self.train.count()
    }

    /// The digits as the engines take them that hold all in memory.
    fn in_memory(&self, engine: EngineKind) -> Result<Digits> {
        if self.examples() > MOST_IN_MEMORY {
            return Err(usage(format!(
                "--examples: found {}, expected at most {MOST_IN_MEMORY} with --engine {engine}, which holds all images \
                 in memory (cpu does not)",
                self.examples()
            )));
        }
        Ok(Digits {
            train: self.train.in_memory(),
            ..self.digits.clone()
        })
    }

    /// Runs an engine.
    pub(super) fn measure(&self, target: &Target) -> Result<Measured> {
        let full = self.full.clone();
        match target {
            Target::Cpu => {
                let started = Instant::now();
                let sets = (
                    Arc::new(self.train.clone()),
                    Arc::new(self.digits.test.clone()),
                );
                let mut engine = FullBatch::over(
                    sets.0,
                    sets.1,
                    full,
                    &self.full.initial_parameters(),
                    Level::best(),
                    cores(),
                );
                self.steps(&mut engine, started.elapsed(), Duration::ZERO)
            }
            Target::PerExample => {
                let digits = self.in_memory(EngineKind::PerExample)?;
                let recipe = &self.per_example;
                let started = Instant::now();
                let mut engine =
                    PerExample::new(digits, recipe.clone(), &recipe.initial_parameters());
                self.steps(&mut engine, started.elapsed(), Duration::ZERO)
            }
            Target::Reference => {
                let digits = self.in_memory(EngineKind::Reference)?;
                let started = Instant::now();
                let mut engine =
                    Reference::<f32>::new(digits, full, &self.full.initial_parameters());
                self.steps(&mut engine, started.elapsed(), Duration::ZERO)
            }
            Target::Gpu(choice) => self.on_gpu(choice, &self.full.initial_parameters()),
        }
    }

    fn on_gpu(&self, choice: &AdapterChoice, start: &Parameters) -> Result<Measured> {
        let digits = self.in_memory(EngineKind::Gpu)?;
        let started = Instant::now();
        let adapter = gpu::choose(choice)?;
        let opened = self
            .kernels
            .open(adapter.clone(), &digits, &self.full, start)?;
        let mut engine = opened.engine;
        let set_up = started.elapsed() - Duration::from_secs_f64(opened.tuning);
        let mut measured = self.steps(&mut engine, set_up, GPU_SAMPLE)?;
        measured.gpu = Some(OnGpu {
            adapter,
            tuning: opened.tuning,
            variant: engine.variant().to_string(),
            dispatches: engine.dispatches(),
            kernels: engine.kernel_times(TIMED_STEPS)?,
            buffer_bytes: engine.buffer_bytes(),
        });
        Ok(measured)
    }

    fn steps(
        &self,
        engine: &mut dyn Engine,
        set_up: Duration,
        shortest_sample: Duration,
    ) -> Result<Measured> {
        let recipe = self.recipe_of(engine.kind());
        let updates_a_step = recipe.updates_per_pass(self.examples()) as u32;
        let sampling = Sampling {
            updates_a_step,
            shortest_sample,
            seconds: self.seconds,
        };
        Ok(Measured {
            steps: bench::steps(engine, recipe, self.examples(), sampling)?,
            engine: engine.kind(),
            device: engine.device(),
            set_up,
            gpu: None,
        })
    }

    fn recipe_of(&self, engine: EngineKind) -> &Recipe {
        match engine {
            EngineKind::PerExample => &self.per_example,
            _ => &self.full,
        }
    }

    /// Measures the peaks of the devices, and puts all together.
    pub(super) fn reports(&self, measured: Vec<Measured>) -> Result<Vec<EngineReport>> {
        let mut processor = None;
        let reports = measured.into_iter().map(|measured| {
            if let Some(gpu) = &measured.gpu {
                let peak = gpu::probe::peak(&gpu.adapter)?;
                return Ok(self.report(measured, peak, None));
            }
            let Processor { core, all } = match processor {
                Some(known) => known,
                None => *processor.insert(Processor::measure()?),
            };
            Ok(match measured.engine {
                EngineKind::Cpu => self.report(measured, all, Some(core.flop_per_second)),
                _ => self.report(measured, core, None),
            })
        });
        reports.collect()
    }

    fn report(&self, measured: Measured, peak: Peak, of_a_core: Option<f64>) -> EngineReport {
        let examples = self.examples();
        let seconds = measured.steps.seconds;
        let rate = bench::flop(examples) / seconds.median;
        let arithmetic = bench::flop(examples) / peak.flop_per_second;
        let bytes = bench::fewest_bytes(self.recipe_of(measured.engine), examples);
        let per_example = measured.engine == EngineKind::PerExample;
        let gpu = measured.gpu;
        let kernels = gpu.as_ref().and_then(|gpu| gpu.kernels.as_ref());
        EngineReport {
            engine: measured.engine,
            device: measured.device,
            examples,
            set_up_s: measured.set_up.as_secs_f64(),
            step_ms: seconds.times(1e3),
            steps_a_sample: measured.steps.steps_a_sample,
            example_us: per_example.then(|| seconds.times(1e6 / examples as f64)),
            gflops: rate / 1e9,
            examples_per_s: examples as f64 / seconds.median,
            peak_gflops: peak.flop_per_second / 1e9,
            core_peak_gflops: of_a_core.map(|rate| rate / 1e9),
            copy_gbytes_per_s: peak.copy_bytes_per_second / 1e9,
            share_of_peak: rate / peak.flop_per_second,
            floor_ms: 1e3 * arithmetic.max(bytes / peak.copy_bytes_per_second),
            tuning_s: gpu.as_ref().map(|gpu| gpu.tuning),
            variant: gpu.as_ref().map(|gpu| gpu.variant.clone()),
            dispatches: gpu.as_ref().map_or(0, |gpu| gpu.dispatches),
            timestamps: gpu.as_ref().map(|gpu| gpu.kernels.is_some()),
            kernels: kernels.into_iter().flatten().map(kernel_report).collect(),
            buffer_bytes: gpu.as_ref().map_or(0, |gpu| gpu.buffer_bytes),
        }
    }
}

/// What the processor can do at most.
#[derive(Clone, Copy)]
struct Processor {
    /// One core; copying on all, as memory is shared.
    core: Peak,
    /// All cores.
    all: Peak,
}

impl Processor {
    fn measure() -> Result<Self> {
        let copy_bytes_per_second = cpu::probe::copy_bytes_per_second(cores())?;
        let peak = |threads| -> Result<Peak> {
            Ok(Peak {
                flop_per_second: cpu::probe::flop_per_second(Level::best(), threads)?,
                copy_bytes_per_second,
            })
        };
        Ok(Self {
            core: peak(1)?,
            all: peak(cores())?,
        })
    }
}

fn kernel_report(time: &KernelTime) -> KernelReport {
    KernelReport {
        kernel: time.kernel,
        ms: 1e3 * time.seconds,
    }
}

/// One engine in a line, as soon as it has been measured.
pub(super) fn line(measured: &Measured) -> String {
    let ms = measured.steps.seconds.times(1e3);
    format!(
        "{} on {}: {:.4} ms a step (p10 {:.4}, p90 {:.4}, {} samples)",
        measured.engine, measured.device, ms.median, ms.p10, ms.p90, ms.samples
    )
}
