//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.

mod activation;
pub mod full_batch;
pub mod peak;
pub mod per_example;
mod processor;
pub mod simd;

pub use full_batch::FullBatch;
pub use per_example::PerExample;
pub use processor::{cores, describe, processor};
