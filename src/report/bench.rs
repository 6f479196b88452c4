//! What `gpu-train bench` measured, as JSON and as a table.

use serde::{Deserialize, Serialize};

use super::comparison::grouped;
use crate::bench::Distribution;
use crate::recipe::Recipe;

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// Cores, as the system counts them for this process.
    pub cores: usize,
    /// The operating system.
    pub os: String,
}

/// Time of one kernel in a step.
#[derive(Debug, Clone, Serialize)]
pub struct KernelReport {
    /// Its name.
    pub kernel: String,
    /// Milliseconds of all its dispatches in a step.
    pub ms: f64,
}

/// One engine.
#[derive(Debug, Clone, Serialize)]
pub struct EngineReport {
    /// Its name.
    pub engine: &'static str,
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

/// What a row of the table shows of an engine.
type Show = fn(&EngineReport) -> String;

/// The table's rows.
const ROWS: [(&str, Show); 15] = [
    ("engine", |e| e.engine.to_owned()),
    ("examples", |e| grouped(e.examples as u64)),
    ("set-up", |e| format!("{:.3} s", e.set_up_s)),
    ("step, median", |e| milliseconds(e.step_ms.median)),
    ("step, p10", |e| milliseconds(e.step_ms.p10)),
    ("step, p90", |e| milliseconds(e.step_ms.p90)),
    ("an example, median", |e| {
        e.example_us
            .map_or("-".into(), |us| format!("{:.3} µs", us.median))
    }),
    ("examples/s", |e| grouped(e.examples_per_s as u64)),
    ("GFLOP/s", |e| format!("{:.1}", e.gflops)),
    ("peak GFLOP/s", |e| format!("{:.1}", e.peak_gflops)),
    ("  of one core", |e| {
        e.core_peak_gflops
            .map_or("-".into(), |peak| format!("{peak:.1}"))
    }),
    ("share of the peak", |e| {
        format!("{:.1}%", 100.0 * e.share_of_peak)
    }),
    ("copying, GB/s", |e| format!("{:.1}", e.copy_gbytes_per_s)),
    ("floor of a step", |e| milliseconds(e.floor_ms)),
    ("dispatches a step", |e| match e.dispatches {
        0 => "-".into(),
        dispatches => dispatches.to_string(),
    }),
];

impl BenchReport {
    /// One JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has only plain fields")
    }

    /// The table for people.
    pub fn text(&self) -> String {
        let mut lines = vec![
            format!("gpu-train {}, {}, {}", self.version, self.date, self.digits),
            String::new(),
        ];
        for (what, show) in ROWS {
            let values: String = self
                .engines
                .iter()
                .map(|e| format!("{:>16}", show(e)))
                .collect();
            lines.push(format!("{what:<20}{values}"));
        }
        lines.push(String::new());
        for engine in &self.engines {
            lines.push(format!("{} on {}", engine.engine, engine.device));
            if engine.timestamps.is_some() {
                lines.extend(details(engine));
            }
        }
        if self
            .engines
            .iter()
            .any(|engine| engine.example_us.is_some())
        {
            lines.push("per-example: a step is a pass over all examples".into());
        }
        if let Some(bytes) = self.peak_resident_bytes {
            lines.push(format!("peak resident memory: {}", mebibytes(bytes)));
        }
        lines.join("\n")
    }
}

/// What only a GPU engine has: its buffers, and its kernels' times.
fn details(engine: &EngineReport) -> Vec<String> {
    let mut lines = vec![format!(
        "  device buffers: {}",
        mebibytes(engine.buffer_bytes)
    )];
    if let (Some(variant), Some(seconds)) = (&engine.variant, engine.tuning_s) {
        lines.push(format!("  kernels: {variant} (measured in {seconds:.2} s)"));
    }
    if engine.timestamps == Some(false) {
        lines.push("  time of each kernel: the adapter offers no timestamps".into());
    }
    let total: f64 = engine.kernels.iter().map(|kernel| kernel.ms).sum();
    for KernelReport { kernel, ms } in &engine.kernels {
        let share = 100.0 * ms / total;
        lines.push(format!(
            "  {kernel:<18}{:>16}{share:>7.1}%",
            milliseconds(*ms)
        ));
    }
    lines
}

fn milliseconds(ms: f64) -> String {
    format!("{ms:.4} ms")
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
