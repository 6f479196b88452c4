//! A run of `gpu-train reproduce`, and the table of all.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Seconds, SplitReport, Stamp, Statistics};
use crate::data::DigitsRecord;
use crate::engine::EngineKind;

/// Identity of a run: a record whose identity equals the wanted one is not run again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the table's row, such as `stage-0`.
    pub row: String,
    /// The digits.
    pub digits: DigitsRecord,
    /// The whole recipe, with its seed.
    pub recipe: Value,
    /// Seed of initial weights, shifts and dropout.
    pub seed: u64,
    /// The kind of engine.
    pub engine: EngineKind,
    /// The adapter, for the engine `gpu`.
    pub adapter: Option<String>,
}

impl Identity {
    /// The name of the run's file with this ending, `ROW-SEED.ENDING`: `json` is the record, `safetensors` the trained
    /// weights, `checkpoint` the run in progress.
    pub fn file(&self, ending: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let words = self.row.split(|c| !plain(c));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        format!("{}-{}.{ending}", words.join("-"), self.seed)
    }
}

/// A point of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Updates done.
    pub step: u32,
    /// Epochs over the training set done.
    pub passes: f64,
    /// Seconds spent training so far, evaluations not counted.
    pub seconds: f64,
    /// On the training set, without shift and dropout.
    pub train: SplitReport,
    /// On the test set.
    pub test: SplitReport,
}

/// A test example that the trained net misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedExample {
    /// Its index in the test set, from 0.
    pub index: u32,
    /// Its label.
    pub label: u8,
    /// Class that the net assigns to it.
    pub guess: u8,
}

/// One run, stored in the output folder as `ROW-SEED.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this form, [`super::SCHEMA`].
    pub schema: u32,
    /// Identity of the run.
    pub identity: Identity,
    /// Version of the program that ran it.
    pub version: String,
    /// Day it ended, UTC, `YYYY-MM-DD`.
    pub date: String,
    /// Human-readable name of the device.
    pub device: String,
    /// The kernels, as `--kernels` takes them; only on an adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<String>,
    /// Runs that shared the machine at most, this one counted: above 1, the seconds are not to be compared.
    pub concurrent_runs: u32,
    /// Time of each part.
    pub seconds: Seconds,
    /// Updates of the whole run.
    pub steps: u32,
    /// Examples shown in all.
    pub presentations: u64,
    /// Evaluations at steps fixed beforehand, the last one at the end; of a run that failed those before.
    pub curve: Vec<CurvePoint>,
    /// Why the run failed, if it did: its loss was not finite.
    pub failed: Option<String>,
    /// File of the trained weights in the same folder; the first seed of a row only.
    pub weights: Option<String>,
    /// The test examples missed, in order; the first seed of a row only.
    pub missed: Option<Vec<MissedExample>>,
}

impl RunRecord {
    /// The evaluation after the last update, of a run that did not fail.
    pub fn last(&self) -> Option<&CurvePoint> {
        match self.failed {
            None => self.curve.last(),
            Some(_) => None,
        }
    }
}

/// Published figure for a row: one run by its author.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Test examples missed, of `examples`: what the percentage comes to. (The essay's script truncates a float when it
    /// prints the count.)
    pub misses: u32,
    /// The count as printed.
    pub printed_misses: u32,
    /// Test error in percent, as printed.
    pub percent: f64,
    /// Test examples.
    pub examples: u32,
    /// Who published it: `essay, 2022` or `paper, 1989`.
    pub source: String,
}

/// A run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    /// Its seed.
    pub seed: u64,
    /// Why.
    pub message: String,
}

/// A row of the table: a recipe over several seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// Its name, such as `stage-0` or `full-batch-0`.
    pub row: String,
    /// Title, in a few words.
    pub title: String,
    /// Name of the recipe.
    pub recipe_name: String,
    /// The recipe of its first seed.
    pub recipe: serde_json::Value,
    /// True if an update sees all examples.
    pub full_batch: bool,
    /// Name of the engine; empty if no run ended.
    pub engine: String,
    /// Human-readable name of the device; none if no run ended.
    pub device: Option<String>,
    /// Updates of a run.
    pub steps: u32,
    /// Epochs over the training set of a run.
    pub passes: f64,
    /// Published figure, if there is one to compare with.
    pub published: Option<Published>,
    /// Seeds of the runs that ended, in order.
    pub seeds: Vec<u64>,
    /// Their test misses at the end, in the same order.
    pub test_misses: Vec<u32>,
    /// Their training misses at the end, in the same order.
    pub train_misses: Vec<u32>,
    /// Of the test misses; none if no run ended.
    pub statistics: Option<Statistics>,
    /// True if the published misses are inside the 95% prediction interval of one more run; none where there is no such
    /// interval (fewer than two runs) or nothing published.
    pub published_inside: Option<bool>,
    /// Mean seconds of training, evaluations not counted.
    pub mean_seconds: Option<f64>,
    /// The most runs that shared the machine while one of these ran: above 1, the seconds are not to be compared.
    pub concurrent_runs: u32,
    /// The runs that failed.
    pub failed: Vec<FailedRun>,
}

impl TableRow {
    /// Number of its runs that are there, failed ones included.
    pub fn runs(&self) -> usize {
        self.seeds.len() + self.failed.len()
    }
}

/// All rows, stored in the output folder as `table.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its head.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The digits.
    pub digits: DigitsRecord,
    /// Seeds of each row.
    pub seeds: Vec<u64>,
    /// Differences between these runs and the published ones (`--epochs`, `--train-examples`, …), in words; empty in a table
    /// that may be compared with them.
    pub restrictions: Vec<String>,
    /// The rows.
    pub rows: Vec<TableRow>,
    /// Notes on reading it.
    pub notes: Vec<String>,
}
