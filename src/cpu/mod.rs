//! The fast CPU engines.

pub mod full_batch;
pub mod simd;

pub use full_batch::FullBatch;
