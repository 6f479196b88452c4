//! The processor's name for itself, for output.

use super::simd::Level;
use crate::error::plural;
use crate::threads::cores;

/// Name of the processor, or its architecture where it has none.
pub fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    if let Some(brand) = raw_cpuid::CpuId::new().get_processor_brand_string() {
        return brand.as_str().trim().to_owned();
    }
    std::env::consts::ARCH.to_owned()
}

/// The processor in words: its name, its cores and the instruction set the engines would use.
pub fn describe() -> String {
    format!(
        "{}, {} cores, {}",
        processor(),
        cores(),
        Level::best().name()
    )
}

/// The device of an engine in words: the processor's name, the engine's processes, their threads and instruction set.
pub(super) fn device(ranks: usize, threads: usize, level: Level) -> String {
    let ranks = match ranks {
        1 => String::new(),
        ranks => format!("{ranks} ranks of "),
    };
    format!(
        "{}, {ranks}{}, {}",
        processor(),
        plural(threads, "thread"),
        level.name()
    )
}
