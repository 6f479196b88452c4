//! The layout of data on the device: numbers that Rust and WGSL share, and the order of values in buffers and in
//! workgroup memory.

pub mod packing;
pub mod quads;
pub mod sizes;
pub mod tiling;
pub mod whitening;
