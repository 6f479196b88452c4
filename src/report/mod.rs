//! What a run tells people and machines: progress, metrics, the comparison, JSON.

mod bench;
mod comparison;
pub mod memory;
mod metrics;
mod output;
pub mod plot;
mod progress;
mod run;

pub use bench::{BenchReport, EngineReport, KernelReport, Machine};
pub use comparison::Comparison;
use comparison::grouped;
pub use metrics::Metrics;
pub use output::Output;
pub use progress::Progress;
pub use run::{RunReport, Seconds, SplitReport};
