//! The GPU engine: a training step as a list of WGSL dispatches, recorded many times into one submission.
//!
//! - [`adapter`]: which GPU
//! - [`kernels`], [`compose`]: the table of kernels, and their WGSL with the net's constants in front
//! - [`plan`]: buffers and dispatches of a step, as data
//! - [`variant`], [`tiling`]: which kernels, and the shape of the fused ones
//! - [`fused`], [`packing`]: the same step in two kernels, and the parameters in the order these use
//! - [`tune`]: which shape of the fused kernels suits the adapter
//! - [`engine`]: runs the plans; [`device`] turns failures into errors, `pace` keeps the system responsive, `wait` is
//!   the only file that waits
//! - [`single`]: one dispatch alone, for tests
//! - [`probe`]: what a device can do at most; `engine/timing.rs`: what each kernel of a step takes
//! - [`layout`]: how tensors lie on the device

pub mod adapter;
pub mod compose;
pub mod device;
pub mod engine;
pub mod fused;
pub mod kernels;
pub mod layout;
mod pace;
pub mod packing;
pub mod plan;
pub mod probe;
pub mod single;
pub mod tiling;
pub mod tune;
pub mod variant;
mod wait;

pub use adapter::{AdapterChoice, AdapterDescription, Backend, Kind, adapters, choose, describe};
pub use device::{Device, default_timeout};
pub use engine::{Gpu, KernelTime, Kernels, Opened, Options};
pub use single::Single;
pub use variant::Variant;
pub use wait::{Submission, block_on};
