//! Parts that the records of every run have in common.

use serde::{Deserialize, Serialize};

use crate::engine::{Evaluation, number_or_null};

/// Time of each part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// From the start of the process (or, for the baseline, of its engine) to the first update.
    pub setup: f64,
    /// In measuring kernels for a GPU, once for an adapter; not part of the set-up.
    pub tuning: f64,
    /// In updates; evaluations are not counted.
    pub train: f64,
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
