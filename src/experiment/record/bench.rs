//! What `gpu-train bench` measured.

use serde::Serialize;

use super::Machine;
use crate::engine::EngineKind;
use crate::experiment::bench::Distribution;
use crate::recipe::Recipe;

/// Time of one kernel in a step.
#[derive(Debug, Clone, Serialize)]
pub struct KernelReport {
    /// Its name.
    pub kernel: &'static str,
    /// Milliseconds of all its dispatches in a step.
    pub ms: f64,
}

/// One engine.
#[derive(Debug, Clone, Serialize)]
pub struct EngineReport {
    /// Its kind.
    pub engine: EngineKind,
    /// The device, for people.
    pub device: String,
    /// Training examples.
    pub examples: usize,
    /// Seconds until the engine was ready for its first step.
    pub set_up_s: f64,
    /// Milliseconds a step; per example: a pass over all examples.
    pub step_ms: Distribution,
    /// Steps of one sample, which is their mean.
    pub steps_a_sample: u32,
    /// Microseconds an example; per example only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example_us: Option<Distribution>,
    /// The net's arithmetic over the median time, in GFLOP/s.
    pub gflops: f64,
    /// Examples over the median time.
    pub examples_per_s: f64,
    /// Multiply-adds this device can do at most (of one core, for an engine on one), measured, in GFLOP/s.
    pub peak_gflops: f64,
    /// The same of one core; only for an engine on all cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_peak_gflops: Option<f64>,
    /// What copying reads and writes at most, measured, in GB/s.
    pub copy_gbytes_per_s: f64,
    /// `gflops` over `peak_gflops`.
    pub share_of_peak: f64,
    /// The least a step can take: its arithmetic at the peak, or its fewest bytes at the speed of copying; in ms.
    pub floor_ms: f64,
    /// Seconds spent on measuring kernels, once for an adapter; not part of the set-up; GPU only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuning_s: Option<f64>,
    /// The kernels, as `--kernels` takes them; GPU only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Dispatches a step; 0 on a processor.
    pub dispatches: usize,
    /// Time of each kernel; empty on a processor, and where the adapter offers no timestamps.
    pub kernels: Vec<KernelReport>,
    /// Whether the adapter offers timestamps; GPU only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<bool>,
    /// Bytes of all device buffers; 0 on a processor.
    pub buffer_bytes: u64,
}

/// A whole benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// Version of this form.
    pub schema: u32,
    /// Version of this program.
    pub version: &'static str,
    /// Day, UTC, `YYYY-MM-DD`.
    pub date: String,
    /// The command line.
    pub command: String,
    /// The machine.
    pub machine: Machine,
    /// Where the digits come from.
    pub digits: String,
    /// What the full-batch engines computed.
    pub recipe: Recipe,
    /// What the per-example engine computed.
    pub per_example_recipe: Recipe,
    /// The most memory the process held while the engines ran, in bytes; only Linux tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_resident_bytes: Option<u64>,
    /// The engines, in the order they were measured.
    pub engines: Vec<EngineReport>,
}

impl BenchReport {
    /// One JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has only plain fields")
    }
}
