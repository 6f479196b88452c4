//! The record of `gpu-train race`.

use serde::{Deserialize, Serialize};

use super::{FailedRun, Spread, Stamp, Statistics};
use crate::data::DigitsRecord;

/// The rule of the race, fixed before the first run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RaceRule {
    /// A contestant qualifies if its mean test misses are at most these: the whole 95% interval over the seeds.
    pub target_misses: u32,
    /// Test examples.
    pub test_examples: u32,
    /// Seeds, one per round: every contestant runs each.
    pub seeds: Vec<u64>,
    /// The rule in sentences, as it is printed before the race.
    pub text: Vec<String>,
}

/// Kind of a contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContestantKind {
    /// Batch 1 on one core: the baseline.
    PerExample,
    /// The full batch on all cores.
    Cpu,
    /// The full batch on a real GPU.
    Gpu,
    /// The full batch on a software adapter.
    Software,
}

/// One run of a contestant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RaceRun {
    /// Round, from 0.
    pub round: u32,
    /// Seed of initial weights, shifts and dropout.
    pub seed: u64,
    /// Seconds until the engine was ready for its first update, tuning not counted.
    pub setup: f64,
    /// Seconds of computing the starting point, and from the first training submission until the final weights were read
    /// back.
    pub train: f64,
    /// The part of `train` that the starting point took; 0 for drawn weights.
    #[serde(default)]
    pub start: f64,
    /// Test examples missed at the end.
    pub test_misses: u32,
    /// Training examples missed at the end.
    pub train_misses: u32,
}

/// Result of a contestant at the end of the race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Seconds of training.
    pub train: Spread,
    /// Median seconds of these that the starting point took; 0 for drawn weights.
    #[serde(default)]
    pub start: f64,
    /// Seconds of set-up, tuning not counted.
    pub setup: Spread,
    /// Seconds from nothing to trained weights in the first round: reading the digits, tuning, set-up and training.
    pub cold_total: f64,
    /// Of the test misses.
    pub misses: Statistics,
    /// True if the mean's whole 95% interval is at most the target (of one seed: its misses), and no run failed.
    pub qualifies: bool,
    /// True if the interval straddles the target, and no run failed: more seeds would tell.
    #[serde(default)]
    pub undecided: bool,
    /// Speed relative to the per-example baseline: the median over the rounds of the ratio within a round.
    pub over_per_example: Option<f64>,
    /// The essay's 90 s over the median seconds; `None` where that is no answer to its claim, as it is for other digits,
    /// for a restricted race, and above 82 misses.
    pub over_essay: Option<f64>,
}

/// Who raced, and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    /// Unique within the race, such as `cpu full-batch`.
    pub name: String,
    /// Its kind.
    pub kind: ContestantKind,
    /// Name of the recipe.
    pub recipe_name: String,
    /// The recipe, with the first seed.
    pub recipe: serde_json::Value,
    /// Human-readable name of the device.
    pub device: String,
    /// Cores that compute; none on an adapter.
    pub cores: Option<u32>,
    /// The kernels, as `--kernels` takes them; only on an adapter.
    pub kernels: Option<String>,
    /// Updates of a run.
    pub steps: u32,
    /// Examples shown in a run.
    pub presentations: u64,
    /// Seconds spent on measuring kernels before the first round; 0 where there is nothing to measure.
    pub tuning: f64,
    /// Its runs, round by round.
    pub runs: Vec<RaceRun>,
    /// The runs that failed.
    pub failed: Vec<FailedRun>,
    /// Its result; none if every run failed.
    pub standing: Option<Standing>,
}

/// A time that was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedTime {
    /// Program and machine.
    pub name: String,
    /// Seconds of 23 epochs of batch 1.
    pub seconds: f64,
    /// True if the figure is rounded ("about").
    pub about: bool,
}

/// A whole race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RaceRecord {
    /// Its head.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The digits.
    pub digits: DigitsRecord,
    /// Seconds from the start of the process until the digits lay in memory.
    pub reading: f64,
    /// The rule.
    pub rule: RaceRule,
    /// Differences from the published rule (`--epochs`, …), in words; empty in one that may be quoted.
    pub restrictions: Vec<String>,
    /// Who raced, the baseline first.
    pub contestants: Vec<Contestant>,
    /// Published times, for comparison.
    pub published: Vec<PublishedTime>,
    /// Verdict on the claim, in sentences.
    pub verdict: Vec<String>,
}
