//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.

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
