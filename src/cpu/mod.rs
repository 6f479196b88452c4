//! The fast CPU engines.
pub mod simd;
