//! `gpu-train devices`: the adapters, what each offers, and which would be chosen.

use clap::Args;
use serde_json::json;

use crate::cpu;
use crate::error::Result;
use crate::gpu::{self, AdapterChoice};
use crate::report::Output;

/// List the adapters, what each offers, and which would be chosen.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the list.
pub fn run(arguments: &Arguments) -> Result<()> {
    let adapters: Vec<_> = gpu::adapters().iter().map(gpu::describe).collect();
    let chosen = gpu::select(&AdapterChoice::default()).map(|adapter| gpu::describe(&adapter));
    let output = Output::Standard;
    if arguments.json {
        let chosen = chosen.map_or_else(|_| "cpu".to_owned(), |description| description.name);
        return output.line(&json!({ "adapters": adapters, "cpu": cpu::describe(), "chosen": chosen }).to_string());
    }
    output.line(&format!("cpu engine: {}", cpu::describe()))?;
    if adapters.is_empty() {
        output.line("no graphics adapters")?;
    }
    for adapter in &adapters {
        output.line(&adapter.to_string())?;
    }
    output.line(&match chosen {
        Ok(description) => format!("--device auto takes {}", description.name),
        Err(_) => "--device auto takes the cpu engine: no real GPU is here".into(),
    })
}
