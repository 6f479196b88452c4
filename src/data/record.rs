//! Digits as records and checkpoints name them.

use serde::{Deserialize, Serialize};

use super::{Digits, fingerprint};
use crate::file::quoted;

/// The digits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigitsRecord {
    /// Human-readable source.
    pub source: String,
    /// SHA-256 of pixel codes, denominators and labels of both sets, in hexadecimal.
    pub sha256: String,
    /// Training examples.
    pub train_examples: u32,
    /// Test examples.
    pub test_examples: u32,
}

impl DigitsRecord {
    /// The record of these digits.
    pub fn of(digits: &Digits) -> Self {
        Self {
            source: digits.source.clone(),
            sha256: fingerprint(digits),
            train_examples: digits.train.len() as u32,
            test_examples: digits.test.len() as u32,
        }
    }
}

/// In words; a file may hold anything in their place.
impl std::fmt::Display for DigitsRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let sha256 = self.sha256.get(..8).unwrap_or(&self.sha256);
        write!(
            f,
            "{}, {} training and {} test examples, SHA-256 {}…",
            quoted(&self.source),
            self.train_examples,
            self.test_examples,
            quoted(sha256)
        )
    }
}
