//! Logs of a run: metrics.jsonl and TensorBoard's event files.

mod metrics;
mod tensorboard;

pub use metrics::Metrics;
pub use tensorboard::TensorBoard;
