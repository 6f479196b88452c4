//! Record of `gpu-train bench`.

use serde::{Deserialize, Serialize};

use super::{Distribution, Stamp};
use crate::engine::EngineKind;
use crate::recipe::Recipe;

/// Time of one kernel in a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelReport {
    /// Its name.
    pub kernel: String,
    /// Milliseconds of all its dispatches per step.
    pub ms: f64,
    /// Needed arithmetic of its layers over this time, over the measured peak; absent of a kernel that computes no layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_of_peak: Option<f64>,
}

/// One engine.
#[derive(Debug, Clone, Serialize)]
pub struct EngineReport {
    /// The engine.
    pub engine: EngineKind,
    /// Human-readable name of its device.
    pub device: String,
    /// Training examples.
    pub examples: usize,
    /// Seconds until the engine was ready for its first step.
    pub set_up_s: f64,
    /// Milliseconds per step; of batch 1: per epoch.
    pub step_ms: Distribution,
    /// Steps per sample, which is their mean.
    pub steps_a_sample: u32,
    /// Microseconds per example; batch 1 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example_us: Option<Distribution>,
    /// The net's nominal arithmetic over the median time, in GFLOP/s: padding is counted, as frameworks compute it.
    pub gflops: f64,
    /// The arithmetic that is needed, without the padding's, over the median time, in GFLOP/s.
    pub needed_gflops: f64,
    /// Examples over the median time.
    pub examples_per_s: f64,
    /// Measured peak of multiply-adds on this device (on one core, for an engine on one), in GFLOP/s.
    pub peak_gflops: f64,
    /// The same of one core; only for an engine on all cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_peak_gflops: Option<f64>,
    /// Measured peak of bytes read and written by copying, in GB/s.
    pub copy_gbytes_per_s: f64,
    /// `needed_gflops` over `peak_gflops`.
    pub share_of_peak: f64,
    /// `gflops` over `peak_gflops`: may exceed 1.
    pub nominal_share_of_peak: f64,
    /// Least time of a step: its needed arithmetic at the peak, or its fewest bytes at the speed of copying; in ms.
    pub floor_ms: f64,
    /// Its properties on a GPU.
    #[serde(flatten)]
    pub gpu: GpuReport,
}

/// Properties of an engine that only those on a GPU have: nothing on a processor.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GpuReport {
    /// Seconds spent on measuring kernels, once per adapter; not part of the set-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuning_s: Option<f64>,
    /// The kernels, as `--kernels` takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Dispatches per step.
    pub dispatches: usize,
    /// Time of each kernel; empty if the adapter offers no timestamps.
    pub kernels: Vec<KernelReport>,
    /// True if the adapter offers timestamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<bool>,
    /// Bytes of all device buffers.
    pub buffer_bytes: u64,
}

/// A whole benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// Its head.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Source of the digits.
    pub digits: String,
    /// Recipe of the full-batch engines; absent if the flags describe none that they train.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// Recipe of the per-example engine; absent if the flags describe none that it trains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_example_recipe: Option<Recipe>,
    /// Peak resident memory of the process while the engines ran, in bytes; Linux only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_resident_bytes: Option<u64>,
    /// The engines, in the order they were measured.
    pub engines: Vec<EngineReport>,
}
