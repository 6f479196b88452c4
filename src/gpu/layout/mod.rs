//! The layout of data on the device: numbers that Rust and WGSL share, and the order of values in buffers and in
//! workgroup memory.
//!
//! - [`sizes`]: workgroup sizes, indices in small buffers, limits
//! - [`quads`]: tensors of the layered kernels
//! - [`packing`]: parameters of the fused kernels
//! - [`tiling`]: shape of the fused kernel, and its offsets in workgroup memory

pub mod packing;
pub mod quads;
pub mod sizes;
pub mod tiling;
