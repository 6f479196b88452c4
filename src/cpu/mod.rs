//! The fast CPU engines.
pub mod per_example;
pub mod simd;
