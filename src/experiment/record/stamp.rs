//! The machine that a record was made on.

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
