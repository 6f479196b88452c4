//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.

pub mod full_batch;
pub mod per_example;
pub mod probe;
mod scaled_tanh;
pub mod simd;

pub use full_batch::FullBatch;
pub use per_example::PerExample;

use simd::Level;

use crate::data::Digits;
use crate::engine::Engine;
use crate::net::Parameters;
use crate::recipe::{Batch, Recipe};

/// The engine of a recipe's batch, at the start of a run from these parameters: the whole set on so many threads, or
/// batch 1 on one.
pub fn engine(
    digits: Digits,
    recipe: Recipe,
    parameters: &Parameters,
    threads: usize,
) -> Box<dyn Engine> {
    match recipe.batch {
        Batch::PerExample => Box::new(PerExample::new(digits, recipe, parameters)),
        Batch::Full => Box::new(FullBatch::with_level_and_threads(
            digits,
            recipe,
            parameters,
            Level::best(),
            threads,
        )),
    }
}

/// The processor, for people: its name, cores and the instruction set the engines would use.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {cores} cores, {}", processor(), Level::best().name())
}

/// The processor's own name for itself, or its architecture where it has none.
pub fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    if let Some(brand) = raw_cpuid::CpuId::new().get_processor_brand_string() {
        return brand.as_str().trim().to_owned();
    }
    std::env::consts::ARCH.to_owned()
}
