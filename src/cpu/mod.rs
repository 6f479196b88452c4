//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.

mod activation;
pub mod full_batch;
pub mod peak;
pub mod per_example;
mod processor;
pub mod simd;
mod threads;

pub use full_batch::FullBatch;
pub use per_example::PerExample;
pub use processor::{describe, processor};

use simd::Level;

use crate::data::Digits;
use crate::engine::Engine;
use crate::error::Result;
use crate::net::Parameters;
use crate::recipe::{Batch, Recipe};

/// The engine of a recipe's batch at the start of a run from these parameters: the whole set on up to this number of
/// threads, or batch 1 on one.
///
/// # Errors
/// [`Error::Usage`](crate::error::Error::Usage) if the recipe's optimizer does not go with its batch.
pub fn engine(
    digits: Digits,
    recipe: Recipe,
    parameters: &Parameters,
    threads: usize,
) -> Result<Box<dyn Engine>> {
    let level = Level::best();
    Ok(match recipe.batch {
        Batch::PerExample => Box::new(PerExample::new(digits, recipe, parameters)?),
        Batch::Full => Box::new(FullBatch::with_level_and_threads(
            digits, recipe, parameters, level, threads,
        )?),
    })
}
