//! The terminal: output, progress, Ctrl-C, and the context of the invocation.

pub mod columns;
pub mod context;
pub mod interrupt;
pub mod memory;
mod output;
mod progress;
mod runs;
mod sparkline;

pub use output::Output;
pub use progress::Progress;
pub use runs::RunsProgress;
