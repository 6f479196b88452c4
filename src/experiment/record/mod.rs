//! The records that `gpu-train reproduce` and `gpu-train race` write; pictures and pages are made from them.
//!
//! All of it is JSON that this program writes and reads. A recipe is kept as the JSON it was written as: records
//! outlive its fields.

mod bench;
mod evidence;
mod race;
mod reproduce;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::{Evaluation, number_or_null};
use crate::file;

pub use super::statistics::{Distribution, Spread, Statistics};
pub use bench::{BenchReport, EngineReport, GpuReport, KernelReport};
pub use evidence::{Evidence, Figures, MeasuredAdapter, MeasuredRace, MeasuredStep};
pub use race::{
    Contestant, ContestantKind, PublishedTime, RaceRecord, RaceRule, RaceRun, Standing,
};
pub use reproduce::{
    CurvePoint, FailedRun, Identity, MissedExample, Published, RunRecord, Table, TableRow,
};

/// Version of the form of all records. A record of another one is not used.
pub const SCHEMA: u32 = 1;
/// Bytes of a document that is read, at most; a record takes some 20 kB.
pub const RECORD_LIMIT: u64 = 16 << 20;

/// One JSON document.
pub fn json(record: &impl Serialize) -> String {
    serde_json::to_string_pretty(record).expect("a record has only plain fields")
}

/// Reason to refuse a document.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is no JSON, or has other fields.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A text has a control character; found and expected text.
    #[error("{0}")]
    Text(String),
    /// Its form, which is not [`SCHEMA`].
    #[error("form {0}")]
    Form(Value),
}

/// A document of this program, from its JSON.
///
/// # Errors
/// [`Refused`].
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refused> {
    let value: Value = serde_json::from_slice(json)?;
    file::refuse_control_characters(&value).map_err(Refused::Text)?;
    // The form first: another one need not have the same fields.
    match value.get("schema") {
        Some(found) if *found != SCHEMA => Err(Refused::Form(found.clone())),
        _ => Ok(serde_json::from_value(value)?),
    }
}

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

/// The head of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Version of the document's form, [`SCHEMA`].
    pub schema: u32,
    /// Version of the program.
    pub version: String,
    /// Day, UTC, `YYYY-MM-DD`.
    pub date: String,
    /// The command line.
    pub command: String,
    /// The machine.
    pub machine: Machine,
}

/// Time of each part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// From the start of the process (or, for the baseline, of its engine) to the first update.
    pub setup: f64,
    /// In measuring kernels for a GPU, once for an adapter; not part of the set-up.
    pub tuning: f64,
    /// In updates and in computing the starting point; evaluations are not counted.
    pub train: f64,
    /// The part of `train` that the starting point took; 0 for drawn weights.
    #[serde(default)]
    pub start: f64,
}

/// Loss and misses of the net on one split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// The recipe's loss. JSON has no infinity: `null` there, which is read as not a number.
    #[serde(deserialize_with = "number_or_null")]
    pub loss: f64,
    /// Share of examples missed, 0 to 1.
    pub error: f64,
    /// Examples missed.
    pub misses: u32,
    /// Examples looked at.
    pub examples: u32,
}

impl From<Evaluation> for SplitReport {
    fn from(evaluation: Evaluation) -> Self {
        Self {
            loss: evaluation.loss,
            error: evaluation.error(),
            misses: evaluation.misses,
            examples: evaluation.examples,
        }
    }
}
