//! `gpu-train devices`: the adapters, their features and limits, and the default choice.

use clap::Args;
use serde_json::json;

use crate::terminal::Output;
use gpu_train::cpu;
use gpu_train::error::Result;
use gpu_train::gpu::{self, AdapterDescription};

/// List the adapters, their features and limits, and the one that --device auto uses.
#[derive(Debug, Args)]
#[group(id = "devices-flags")]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train devices                        adapters, limits, and the choice of --device auto
  gpu-train devices --json                 the same for scripts
  WGPU_BACKEND=vulkan gpu-train devices    one graphics API only";

/// Prints the list.
pub fn run(arguments: &Arguments) -> Result<()> {
    let adapters: Vec<_> = gpu::adapters().iter().flat_map(gpu::describe).collect();
    let chosen = gpu::choose_that_answers()
        .and_then(|adapter| gpu::describe(&adapter))
        .ok();
    let output = Output::Standard;
    if arguments.json {
        let chosen = chosen.map_or_else(|| "cpu".to_owned(), |description| description.name);
        return output.line(
            &json!({ "adapters": adapters, "cpu": cpu::describe(), "chosen": chosen }).to_string(),
        );
    }
    output.line(&format!("cpu engine: {}", cpu::describe()))?;
    if adapters.is_empty() {
        output.line("no graphics adapters")?;
    }
    for adapter in &adapters {
        output.line(&details(adapter))?;
    }
    output.line(&match chosen {
        Some(description) => format!("--device auto uses {}", description.name),
        None => "--device auto uses the cpu engine: no real GPU was found that answers".into(),
    })
}

/// Describes an adapter in three lines.
fn details(adapter: &AdapterDescription) -> String {
    const MIB: u64 = 1 << 20;
    let limits = &adapter.limits;
    let features = [
        (adapter.subgroups, "subgroups"),
        (adapter.f16, "16-bit floats"),
        (adapter.timestamps, "timestamps"),
    ];
    let mut offers: Vec<&str> = features
        .iter()
        .filter(|(offered, _)| *offered)
        .map(|(_, what)| *what)
        .collect();
    if offers.is_empty() {
        offers.push("none");
    }
    format!(
        "{adapter}\n  driver: {}; optional features: {}\n  limits: {} MiB per storage buffer, {} storage buffers \
         per kernel, {} KiB of workgroup memory, {} invocations per workgroup",
        adapter.driver,
        offers.join(", "),
        limits.storage_buffer_bytes / MIB,
        limits.storage_buffers,
        limits.workgroup_bytes / 1024,
        limits.workgroup_invocations,
    )
}
