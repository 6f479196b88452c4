//! The race's record, as `gpu-train race` writes it, and its verdict.

use gpu_train::data::{DigitsRecord, Source};
use gpu_train::experiment::race::{judged, published, rule};
use gpu_train::experiment::record::{Contestant, Machine, RaceRecord, SCHEMA, Stamp, json};
use gpu_train::experiment::verdict::TARGET;
use serde::Deserialize;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Result;
use crate::net::Digits;

/// The facts of a race that the page knows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raced {
    contestants: Vec<Contestant>,
    restrictions: Vec<String>,
    seed: u64,
    /// Day, UTC, `YYYY-MM-DD`.
    date: String,
    /// Address of the page, in place of a command line.
    command: String,
    /// Browser and operating system, in place of the processor's name, which no browser tells.
    processor: String,
    cores: usize,
    os: String,
    /// Seconds of downloading and compiling the program.
    reading: f64,
}

/// JSON of the race's record with standings and verdict, from the JSON of what the page knows of it.
///
/// # Errors
/// If that is not what is expected.
#[wasm_bindgen]
pub fn race(digits: &Digits, raced: &str) -> Result<String> {
    let raced: Raced = serde_json::from_str(raced)
        .map_err(|error| JsError::new(&format!("found {error}, expected a race of this page")))?;
    let Digits(digits) = digits;
    let record = RaceRecord {
        stamp: Stamp {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            date: raced.date,
            command: raced.command,
            machine: Machine {
                processor: raced.processor,
                cores: raced.cores,
                os: raced.os,
            },
        },
        digits: DigitsRecord::of(digits),
        reading: raced.reading,
        rule: rule(TARGET, digits.test.len(), vec![raced.seed]),
        restrictions: raced.restrictions,
        contestants: raced.contestants,
        published: published(),
        verdict: Vec::new(),
    };
    Ok(json(&judged(record, Source::Mnist1989)))
}
