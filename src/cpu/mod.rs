//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.
//!
//! ```
//! use gpu_train::cpu::{FullBatch, PerExample};
//! use gpu_train::data::embedded;
//! use gpu_train::engine::Engine;
//! use gpu_train::recipe::{Recipe, RecipeName};
//!
//! let mut digits = embedded::digits();
//! digits.train = digits.train.truncated(100);
//! let recipe = Recipe::named(RecipeName::Reproduction);
//! let start = recipe.initial_parameters();
//! // A loss for each of 100 updates, of one example each.
//! let losses = PerExample::new(digits.clone(), recipe, &start)?.train(100)?;
//! assert_eq!(losses.len(), 100);
//!
//! // A loss for each of two updates, of all 100 examples.
//! let recipe = Recipe::named(RecipeName::FullBatchAdamW);
//! let losses = FullBatch::new(digits, recipe, &start)?.train(2)?;
//! assert!(losses[1] < losses[0]);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

/// Writes the body once for each literal: an array of vectors stays in registers only where its indices are
/// constants, and the compiler leaves some nested loops rolled.
macro_rules! unrolled {
    ($index:ident in [$($value:literal)*] $body:block) => {
        $({
            let $index: usize = $value;
            $body
        })*
    };
}

mod activation;
pub mod full_batch;
pub mod peak;
pub mod per_example;
mod processor;
pub mod ranks;
pub mod simd;
mod taps;

pub use crate::threads::cores;
pub use full_batch::FullBatch;
pub use per_example::PerExample;
pub use processor::{describe, processor};
pub use ranks::Ranks;
