//! The fast CPU engines: the whole set at once on all cores, and the batch-1 baseline on one.

pub mod full_batch;
pub mod per_example;
pub mod probe;
mod scaled_tanh;
pub mod simd;

pub use full_batch::FullBatch;
pub use per_example::PerExample;

use simd::Level;

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
