//! The GPU engine: a training step as a list of WGSL dispatches, recorded many times into one submission.
//!
//! In reading order, each on those before it:
//!
//! - [`layout`]: numbers and orders of values that Rust and WGSL share
//! - [`wgsl`]: the table of kernels, and their text with the constants in front
//! - [`step`]: buffers and dispatches of a step, as data: [`step::plan`]; with a kernel per layer, or fused
//! - [`adapter`]: which GPU
//! - [`device`]: a wgpu device whose failures are errors
//! - [`engine`]: runs the plans; `pace` keeps submissions short
//! - [`tune`]: which shape of the fused kernels suits the adapter
//! - [`probe`]: the most that a device can do; `engine/timing.rs`: the time of each kernel in a step

pub mod adapter;
pub mod device;
pub mod engine;
pub mod layout;
mod pace;
pub mod probe;
pub mod step;
pub mod tune;
pub mod wgsl;

pub use adapter::{AdapterChoice, AdapterDescription, Backend, Kind, adapters, choose, describe};
pub use device::PATIENCE;
pub use engine::{Gpu, KernelTime};
pub use layout::tiling::{Tiling, WeightPath};
pub use step::Sizes;
pub use step::plan::Program;
pub use step::variant::Variant;
