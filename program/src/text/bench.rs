//! `gpu-train bench` as a human-readable table.

use super::grouped;
use gpu_train::experiment::bench::Measured;
use gpu_train::experiment::record::{BenchReport, EngineReport, GpuReport, KernelReport};

/// Cell of a row for an engine.
type Show = fn(&EngineReport) -> String;

/// The table's rows.
const ROWS: [(&str, Show); 17] = [
    ("engine", |e| e.engine.to_string()),
    ("examples", |e| grouped(e.examples as u64)),
    ("set-up", |e| format!("{:.3} s", e.set_up_s)),
    ("step, median", |e| milliseconds(e.step_ms.median)),
    ("step, p10", |e| milliseconds(e.step_ms.p10)),
    ("step, p90", |e| milliseconds(e.step_ms.p90)),
    ("example, median", |e| {
        e.example_us
            .map_or("-".into(), |us| format!("{:.3} µs", us.median))
    }),
    ("examples/s", |e| grouped(e.examples_per_s as u64)),
    ("GFLOP/s, nominal", |e| format!("{:.1}", e.gflops)),
    ("  needed", |e| format!("{:.1}", e.needed_gflops)),
    ("peak GFLOP/s", |e| format!("{:.1}", e.peak_gflops)),
    ("  of one core", |e| {
        e.core_peak_gflops
            .map_or("-".into(), |peak| format!("{peak:.1}"))
    }),
    ("share of the peak", |e| {
        format!("{:.1}%", 100.0 * e.share_of_peak)
    }),
    ("  nominal", |e| {
        format!("{:.1}%", 100.0 * e.nominal_share_of_peak)
    }),
    ("copying, GB/s", |e| format!("{:.1}", e.copy_gbytes_per_s)),
    ("floor per step", |e| milliseconds(e.floor_ms)),
    ("dispatches per step", |e| match e.gpu.dispatches {
        0 => "-".into(),
        dispatches => dispatches.to_string(),
    }),
];

/// One line about an engine, printed as soon as it has been measured.
pub fn line(measured: &Measured) -> String {
    let ms = measured.seconds.times(1e3);
    format!(
        "{} on {}: {:.4} ms per step (p10 {:.4}, p90 {:.4}, {} samples)",
        measured.engine, measured.device, ms.median, ms.p10, ms.p90, ms.samples
    )
}

/// A human-readable table.
pub fn text(report: &BenchReport) -> String {
    let mut lines = vec![
        format!(
            "gpu-train {}, {}, {}",
            report.stamp.version, report.stamp.date, report.digits
        ),
        String::new(),
    ];
    for (what, show) in ROWS {
        let values: String = report
            .engines
            .iter()
            .map(|e| format!("{:>16}", show(e)))
            .collect();
        lines.push(format!("{what:<20}{values}"));
    }
    lines.push(String::new());
    for engine in &report.engines {
        lines.push(format!("{} on {}", engine.engine, engine.device));
        if engine.gpu.timestamps.is_some() {
            lines.extend(details(&engine.gpu));
        }
    }
    if report
        .engines
        .iter()
        .any(|engine| engine.example_us.is_some())
    {
        lines.push("per-example: a step is an epoch (all examples once)".into());
    }
    lines.push(
        "share of the peak: of the arithmetic that is needed; nominal counts products with the padding, which is constant"
            .into(),
    );
    if let Some(bytes) = report.peak_resident_bytes {
        lines.push(format!("peak resident memory: {}", mebibytes(bytes)));
    }
    lines.join("\n")
}

/// Properties of GPU engines only: buffers, and times of the kernels.
fn details(gpu: &GpuReport) -> Vec<String> {
    let mut lines = vec![format!("  device buffers: {}", mebibytes(gpu.buffer_bytes))];
    if let (Some(variant), Some(seconds)) = (&gpu.variant, gpu.tuning_s) {
        lines.push(format!("  kernels: {variant} (measured in {seconds:.2} s)"));
    }
    if gpu.timestamps == Some(false) {
        lines.push("  time of each kernel: the adapter offers no timestamps that count".into());
    }
    let total: f64 = gpu.kernels.iter().map(|kernel| kernel.ms).sum();
    for KernelReport {
        kernel,
        ms,
        share_of_peak,
    } in &gpu.kernels
    {
        let share = 100.0 * ms / total;
        let of_peak = share_of_peak.map_or(String::new(), |of| {
            format!("; {:.1}% of the peak", 100.0 * of)
        });
        lines.push(format!(
            "  {kernel:<18}{:>16}{share:>7.1}%{of_peak}",
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
