//! A finished run as one JSON object.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::Comparison;
use gpu_train::engine::{Engine, EngineKind};
use gpu_train::error::plural;
use gpu_train::experiment::record::{Seconds, SplitReport};
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::train::History;

/// The record of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Version of this program.
    pub version: &'static str,
    /// When the run ended, in seconds since 1970 (UTC).
    pub finished_unix: u64,
    /// Human-readable name of the device.
    pub device: String,
    pub engine: EngineKind,
    pub digits: String,
    pub recipe: Recipe,
    /// Updates done.
    pub steps: u32,
    /// Examples shown.
    pub presentations: u64,
    /// Time of each part.
    pub seconds: Seconds,
    /// Examples trained on per second.
    pub examples_per_second: f64,
    /// The step that an interrupted run was resumed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<u32>,
    /// Training loss before each step; full batch only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses: Option<Vec<f32>>,
    /// At the end, on the training set.
    pub train: SplitReport,
    /// At the end, on the test set.
    pub test: SplitReport,
    /// Batch 1 from the same start, in the same invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<RunReport>>,
    /// The essay's 23 epochs of batch 1, in the same invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproduction: Option<Box<RunReport>>,
    /// All compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The run's course.
    #[serde(skip)]
    pub history: History,
}

impl RunReport {
    /// The report of a finished run.
    pub fn new(
        engine: &dyn Engine,
        recipe: &Recipe,
        digits: &str,
        seconds: Seconds,
        history: History,
    ) -> Self {
        let last = history.last();
        let presentations = recipe.presentations(history.step, last.train.examples as usize);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            finished_unix: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            device: engine.device(),
            engine: engine.kind(),
            digits: digits.to_owned(),
            recipe: recipe.clone(),
            steps: history.step,
            presentations,
            seconds,
            examples_per_second: presentations as f64 / history.seconds,
            resumed_at: None,
            losses: (recipe.batch == Batch::Full).then(|| history.losses.clone()),
            train: last.train.into(),
            test: last.test.into(),
            baseline: None,
            reproduction: None,
            comparison: None,
            history,
        }
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a report has only plain fields")
    }

    /// One human-readable line.
    pub fn summary(&self) -> String {
        format!(
            "{} in {:.3} s: train error {:.2}%, misses {}; test error {:.2}%, misses {}",
            plural(self.steps as usize, "step"),
            self.seconds.train,
            100.0 * self.train.error,
            self.train.misses,
            100.0 * self.test.error,
            self.test.misses,
        )
    }
}
