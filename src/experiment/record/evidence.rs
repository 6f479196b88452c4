//! The index that `scripts/gpu-evidence` writes: what is drawn of it. docs/your-gpu.md has the whole form.

use serde::{Deserialize, Serialize};

use super::{Distribution, KernelReport, Stamp};

/// The adapter that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredAdapter {
    /// Name that the driver reports.
    pub name: String,
    /// Graphics interface.
    pub backend: String,
    /// Kind of device, `software` for a processor.
    pub kind: String,
    /// Driver and its version.
    pub driver: String,
}

/// A full-batch step of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredStep {
    /// Name of the recipe.
    pub recipe: String,
    /// The kernels, as `--kernels` takes them.
    pub variant: String,
    /// Training examples.
    pub examples: usize,
    /// Milliseconds per step.
    pub step_ms: Distribution,
    /// Least time of a step at the measured peaks, in ms.
    pub floor_ms: f64,
    /// Needed arithmetic over the measured peak.
    pub share_of_peak: f64,
    /// Its kernels; none if the adapter offers no timestamps.
    pub kernels: Vec<KernelReport>,
}

/// The race's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredRace {
    /// Its record, in the same folder.
    pub file: String,
}

/// The figures, of the stages that gave any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// A step of each recipe; the first is the one that adapters are compared by.
    #[serde(default)]
    pub recipes: Vec<MeasuredStep>,
    /// The race.
    pub race: Option<MeasuredRace>,
}

/// The index of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its head.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// True if it was shortened, which makes it no evidence.
    pub short: bool,
    /// The adapter; none if none was found.
    pub adapter: Option<MeasuredAdapter>,
    /// The figures.
    pub figures: Figures,
}
