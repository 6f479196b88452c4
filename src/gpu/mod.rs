//! The GPU engine: a training step as a list of WGSL dispatches, recorded many times into one submission.
//!
//! In reading order:
//!
//! - [`layout`]: numbers, and the order of values in buffers, that Rust and WGSL share
//! - [`wgsl`]: the table of kernels, and the text that a device compiles
//! - [`adapter`]: the GPUs there are, and the choice of one
//! - [`step`]: a step as data, buffers and dispatches ([`step::plan`]), with a kernel per layer or fused
//! - [`device`]: a wgpu device whose failures are errors; `wait` is the only file that waits
//! - [`engine`]: runs the plans; `engine/timing.rs` times each kernel of a step
//! - `tune`: the fastest kernels for an adapter, measured
//! - `open`: an engine on an adapter, from [`Options`]
//! - [`peak`]: the most that a device can do, measured
//!
//! A step needs no device to be looked at:
//!
//! ```
//! use gpu_train::gpu::{Program, Sizes, Variant};
//! use gpu_train::recipe::{Recipe, RecipeName};
//!
//! let recipe = Recipe::named(RecipeName::FullBatchAdamW);
//! let program = Program::build(&recipe, Sizes::of(7_291, 2_007), Variant::Layered)?;
//! let step = &program.training.dispatches;
//! assert_eq!(step.len(), 15);
//! // 7,291 examples, 64 to a workgroup, times 12 rows of H2: four in each of three quads of maps.
//! assert_eq!(step[1].kernel, "h2_forward");
//! assert_eq!(step[1].workgroups, [114, 12, 1]);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

pub mod adapter;
pub mod device;
pub mod engine;
pub mod layout;
mod open;
pub mod peak;
pub mod step;
mod tune;
mod wait;
pub mod wgsl;

pub use adapter::{
    AdapterChoice, AdapterDescription, Backend, Kind, adapters, choose, describe, request,
};
pub use device::{Device, stored_pipelines};
pub use engine::{Gpu, KernelTime, Opened};
pub use layout::tiling::{Tiling, WeightPath};
pub use open::{Kernels, Options, choose_that_answers};
pub use step::plan::Program;
pub use step::{Sizes, Variant};
pub use tune::{stored_choice, with_choice};
pub use wait::{Submission, block_on};
