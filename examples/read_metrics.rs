//! Reads a file of `gpu-train --metrics` and prints its best evaluation.
//!
//! `cargo run --release --example read_metrics -- METRICS.jsonl`

use std::io::BufRead;

use gpu_train::experiment::record::SplitReport;
use gpu_train::recipe::Recipe;
use serde::Deserialize;

/// The first row: device and recipe. It also names the program, the engine and the digits.
#[derive(Deserialize)]
struct Head {
    device: String,
    recipe: Recipe,
}

/// Every other row: an evaluation.
#[derive(Deserialize)]
struct Row {
    step: u32,
    seconds: f64,
    train: SplitReport,
    test: SplitReport,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or("usage: read_metrics METRICS.jsonl")?;
    let mut lines = std::io::BufReader::new(std::fs::File::open(path)?).lines();
    let head: Head = serde_json::from_str(&lines.next().ok_or("an empty file")??)?;
    println!("{} on {}", head.recipe.name, head.device);
    let mut rows = Vec::new();
    for line in lines {
        let row: Row = serde_json::from_str(&line?)?;
        println!(
            "step {:>6}  {:>8.2} s  loss {:.4e}  test misses {}",
            row.step, row.seconds, row.train.loss, row.test.misses
        );
        rows.push(row);
    }
    let best = rows
        .iter()
        .min_by_key(|row| row.test.misses)
        .ok_or("no evaluation")?;
    let share = 100.0 * best.test.error;
    println!(
        "best: {share:.2}% of the test digits missed at step {}",
        best.step
    );
    Ok(())
}
