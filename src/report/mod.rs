//! What a run tells people and machines: progress, metrics, TensorBoard's events, the comparison, JSON.

mod bench;
mod comparison;
pub mod memory;
mod metrics;
mod output;
pub mod page;
pub mod pictures;
pub mod plot;
pub mod prediction;
mod progress;
mod race;
mod reproduce;
mod run;
mod runs;
mod sparkline;
mod tensorboard;
pub mod terminal;
mod verdict;

pub use bench::{BenchReport, EngineReport, KernelReport, Machine};
use comparison::grouped;
pub use comparison::{Comparison, ESSAY_CLAIM, ESSAY_SECONDS};
pub use metrics::Metrics;
pub use output::Output;
pub use progress::Progress;
pub use run::{RunReport, Seconds, SplitReport};
pub use runs::RunsProgress;
pub use tensorboard::TensorBoard;
pub use verdict::verdict;
