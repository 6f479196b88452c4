//! Checks that a program fits an adapter, and the shape of the fused kernel that suits one.

use super::plan::Program;
use super::variant::Variant;
use crate::error::{Error, Result};
use crate::gpu::adapter::{AdapterDescription, Kind, Limits};
use crate::gpu::layout::tiling::{Tiling, WeightPath};

impl Tiling {
    /// True if a device of these limits can run it.
    pub fn fits(&self, limits: &Limits) -> bool {
        self.workgroup_bytes() <= limits.workgroup_bytes
            && self.lanes <= limits.workgroup_invocations
    }

    /// The same shape, with the images kept in workgroup memory where there is room.
    pub fn keeping_x_if_it_fits(self, limits: &Limits) -> Self {
        let kept = Self {
            keep_x: true,
            ..self
        };
        if kept.fits(limits) {
            kept
        } else {
            Self {
                keep_x: false,
                ..self
            }
        }
    }

    /// The shape to use where nothing was measured: the largest tile for which two workgroups fit a common core.
    pub fn default_for(adapter: &AdapterDescription) -> Self {
        let limits = &adapter.limits;
        // A processor has few cores, and every workgroup's partial sum of the gradient costs an addition.
        let software = adapter.kind == Kind::Software;
        let groups = if software { 16 } else { 264 };
        // Constant caches serve one address at a time, and H3's lanes want several; a processor has no such cache.
        let weights = if software {
            WeightPath::Uniform
        } else {
            WeightPath::Storage
        };
        let of = |tile, lanes| {
            let tiling = Self {
                tile,
                lanes,
                groups,
                weights,
                keep_x: false,
            };
            tiling.keeping_x_if_it_fits(limits)
        };
        let most = if software { of(6, 96) } else { of(8, 128) };
        let choices = [most, of(4, 96)];
        let fitting = choices.into_iter().find(|tiling| tiling.fits(limits));
        fitting.unwrap_or(of(2, 96))
    }
}

/// Checks that each buffer and dispatch is within the adapter's limits.
///
/// # Errors
/// [`Error::Device`] with both numbers if one is not.
pub fn check_fit(program: &Program, adapter: &AdapterDescription, examples: usize) -> Result<()> {
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
            buffer.buffer, buffer.bytes
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
    use crate::gpu::adapter::Backend;
    use crate::gpu::step::Sizes;
    use crate::recipe::{Recipe, RecipeName};

    #[test]
    fn sets_that_do_not_fit_are_refused_with_both_numbers() {
        let adapter = AdapterDescription::for_tests("small", Backend::Vulkan, Kind::Integrated);
        let fit = |adapter: &AdapterDescription, examples| {
            let recipe = Recipe::named(RecipeName::FullBatch);
            let sizes = Sizes::of(examples, 2_007);
            let program = Program::build(&recipe, sizes, Variant::Layered).unwrap();
            check_fit(&program, adapter, examples).map_err(|error| error.to_string())
        };
        assert_eq!(fit(&adapter, 7_291), Ok(()));
        let message = fit(&adapter, 50_000).unwrap_err();
        // H1: 768 floats per example.
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
