//! The WGSL of a kernel: generated constants and the uniform struct, the parts it builds on, then its own file.
//!
//! - [`kernels`]: the table of kernels with their files and bindings
//! - [`constants`]: names and values of the net and the layout
//! - [`uniform`]: the parameters of one dispatch, as bytes and as a WGSL struct
//! - [`compose`]: the whole text

pub mod compose;
pub mod constants;
pub mod kernels;
pub mod uniform;
