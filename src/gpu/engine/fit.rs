//! Whether a program fits an adapter.

use crate::error::{Error, Result};
use crate::gpu::adapter::AdapterDescription;
use crate::gpu::plan::{Program, Variant};

/// Checks that each buffer and dispatch is within the adapter's limits.
pub(super) fn check_fit(
    program: &Program,
    adapter: &AdapterDescription,
    examples: usize,
) -> Result<()> {
    let limits = &adapter.limits;
    if let Variant::Fused(tiling) = program.variant
        && !tiling.fits(limits)
    {
        return Err(Error::Device(format!(
            "{adapter}: {tiling} needs {} bytes of workgroup memory and {} invocations, the adapter offers {} and {}",
            tiling.workgroup_bytes(),
            tiling.lanes,
            limits.workgroup_bytes,
            limits.workgroup_invocations
        )));
    }
    let offered = limits.storage_buffer_bytes.min(limits.buffer_bytes);
    let largest = program.buffers.iter().max_by_key(|buffer| buffer.bytes);
    if let Some(buffer) = largest.filter(|buffer| buffer.bytes > offered) {
        return Err(Error::Device(format!(
            "{adapter}: {examples} examples need a buffer \"{}\" of {} bytes, the adapter offers {offered}; train on fewer examples",
            buffer.name, buffer.bytes
        )));
    }
    let dispatches = program
        .plans()
        .into_iter()
        .flat_map(|plan| &plan.dispatches);
    let most = dispatches
        .flat_map(|dispatch| dispatch.workgroups)
        .max()
        .unwrap_or(0);
    if most > limits.workgroups {
        return Err(Error::Device(format!(
            "{adapter}: {examples} examples need {most} workgroups in one dimension, the adapter offers {}; train on fewer examples",
            limits.workgroups
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapter::{Backend, Kind};
    use crate::recipe::{Name, Recipe};

    #[test]
    fn sets_that_do_not_fit_are_refused_with_both_numbers() {
        let adapter = AdapterDescription::for_tests("small", Backend::Vulkan, Kind::Integrated);
        let fit = |adapter: &AdapterDescription, examples| {
            let program = Program::new(&Recipe::named(Name::FullBatch), examples, 2_007);
            check_fit(&program, adapter, examples).map_err(|error| error.to_string())
        };
        assert_eq!(fit(&adapter, 7_291), Ok(()));
        let message = fit(&adapter, 50_000).unwrap_err();
        // H1: 768 floats an example.
        assert!(
            message.contains("153600000") && message.contains("134217728"),
            "{message}"
        );
        let mut vast = adapter;
        vast.limits.storage_buffer_bytes = u64::MAX;
        vast.limits.buffer_bytes = u64::MAX;
        assert_eq!(fit(&vast, 50_000), Ok(()));
        let message = fit(&vast, 64 * 65_536).unwrap_err();
        assert!(message.contains("need 65536 workgroups"), "{message}");
    }
}
