//! Flags that several subcommands share.

use gpu_train::error::Error;

pub mod adapters;
pub mod checkpoint;
pub mod device;
pub mod digits;
pub mod kernels;
pub mod messages;
pub mod named;
pub mod recipe;
pub mod restrictions;
pub mod shares;

/// The error for flags that do not fit together.
pub fn usage(text: impl Into<String>) -> Error {
    Error::Usage(text.into())
}
