//! The version, date, command and machine of a document.

use serde::{Deserialize, Serialize};

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
    /// Version of the document's form, [`super::SCHEMA`].
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
