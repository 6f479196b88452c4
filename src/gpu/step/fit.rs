//! Checks that a program fits an adapter, and the shape of the fused kernel that suits one.

use super::Variant;
use super::plan::Program;
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
        let mut tiling = self;
        tiling.keep_x = true;
        tiling.keep_x = tiling.fits(limits);
        tiling
    }

    /// The shape to use where nothing was measured: the largest tile for which two workgroups fit a common core.
    pub fn default_for(adapter: &AdapterDescription) -> Self {
        let limits = &adapter.limits;
        // Sums over fewer tiles round less; a processor has few cores, and every workgroup costs an addition. Constant caches
        // serve one address at a time, and H3's lanes want several; a processor has no such cache.
        let (groups, weights, most) = match adapter.kind {
            Kind::Software => (64, WeightPath::Uniform, (6, 96)),
            _ => (264, WeightPath::Storage, (8, 128)),
        };
        let of = |(tile, lanes)| {
            let tiling = Self {
                tile,
                lanes,
                groups,
                weights,
                keep_x: false,
                checks: true,
            };
            tiling.keeping_x_if_it_fits(limits)
        };
        let mut choices = [most, (4, 96)].map(of).into_iter();
        let fitting = choices.find(|tiling| tiling.fits(limits));
        fitting.unwrap_or(of((2, 96)))
    }
}

/// Checks that each buffer and dispatch is within the adapter's limits.
///
/// # Errors
/// [`Error::Device`] with both numbers if one is not.
pub fn check_fit(program: &Program, adapter: &AdapterDescription, examples: usize) -> Result<()> {
    let limits = &adapter.limits;
    let refused = |text| Err(Error::Device(format!("{adapter}: {text}")));
    let too_many = |what| {
        refused(format!(
            "{examples} examples need {what}; train on fewer examples"
        ))
    };
    if let Variant::Fused(tiling) = program.variant
        && !tiling.fits(limits)
    {
        return refused(format!(
            "{tiling} needs {} bytes of workgroup memory and {} invocations, the adapter offers {} and {}",
            tiling.workgroup_bytes(),
            tiling.lanes,
            limits.workgroup_bytes,
            limits.workgroup_invocations
        ));
    }
    let offered = limits.storage_buffer_bytes.min(limits.buffer_bytes);
    let largest = program.buffers.iter().max_by_key(|buffer| buffer.bytes);
    if let Some(buffer) = largest.filter(|buffer| buffer.bytes > offered) {
        return too_many(format!(
            "a buffer \"{}\" of {} bytes, the adapter offers {offered}",
            buffer.buffer, buffer.bytes
        ));
    }
    let dispatches = program.plans().map(|plan| &plan.dispatches);
    let workgroups = dispatches.into_iter().flatten();
    let workgroups = workgroups.flat_map(|dispatch| dispatch.workgroups);
    if let Some(most) = workgroups.max().filter(|most| *most > limits.workgroups) {
        return too_many(format!(
            "{most} workgroups in one dimension, the adapter offers {}",
            limits.workgroups
        ));
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
            let recipe = Recipe::named(RecipeName::FullBatchMuon);
            let sizes = Sizes::of(examples, 2_007);
            let program = Program::build(&recipe, sizes, Variant::Layered).unwrap();
            check_fit(&program, adapter, examples).map_err(|error| error.to_string())
        };
        assert_eq!(fit(&adapter, 7_291), Ok(()));
        let message = fit(&adapter, 50_000).unwrap_err();
        // H1: 768 floats per example.
        let named = message.contains("153600000") && message.contains("134217728");
        assert!(named, "{message}");
        let mut vast = adapter;
        vast.limits.storage_buffer_bytes = u64::MAX;
        vast.limits.buffer_bytes = u64::MAX;
        assert_eq!(fit(&vast, 50_000), Ok(()));
        let message = fit(&vast, 64 * 65_536).unwrap_err();
        assert!(message.contains("need 65536 workgroups"), "{message}");
    }

    #[test]
    fn what_an_adapter_offers_may_be_used_to_the_last() {
        let mut adapter = AdapterDescription::for_tests("card", Backend::Vulkan, Kind::Discrete);
        adapter.limits.workgroup_bytes = 49_152;
        let usual = Tiling::default_for(&adapter);
        let recipe = Recipe::named(RecipeName::FullBatchMuon);
        let program = Program::build(&recipe, Sizes::of(7_291, 2_007), Variant::Fused(usual));
        let program = program.unwrap();
        let dispatches = program.plans().map(|plan| &plan.dispatches);
        let workgroups = dispatches
            .into_iter()
            .flatten()
            .flat_map(|one| one.workgroups);
        let largest = program
            .buffers
            .iter()
            .map(|buffer| buffer.bytes)
            .max()
            .unwrap();
        adapter.limits = Limits {
            workgroup_bytes: usual.workgroup_bytes(),
            workgroup_invocations: usual.lanes,
            storage_buffer_bytes: largest,
            workgroups: workgroups.max().unwrap(),
            ..adapter.limits
        };
        let fit = |adapter: &AdapterDescription| {
            check_fit(&program, adapter, 7_291).map_err(|error| error.to_string())
        };
        assert_eq!(fit(&adapter), Ok(()));
        type Change = fn(&mut Limits);
        let changes: [(Change, &str); 5] = [
            (
                |limits| limits.workgroup_bytes -= 1,
                "bytes of workgroup memory",
            ),
            (
                |limits| limits.workgroup_invocations -= 1,
                "128 invocations, the adapter offers",
            ),
            (|limits| limits.storage_buffer_bytes -= 1, "a buffer"),
            (|limits| limits.buffer_bytes = 1, "the adapter offers 1;"),
            (
                |limits| limits.workgroups -= 1,
                "workgroups in one dimension",
            ),
        ];
        for (change, expected) in changes {
            let mut poorer = adapter.clone();
            change(&mut poorer.limits);
            let message = fit(&poorer).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn the_usual_shape_is_the_largest_that_fits() {
        for (kind, bytes, expected) in [
            (
                Kind::Discrete,
                49_152,
                "tile=8,lanes=128,groups=264,weights=storage,input=reread",
            ),
            (
                Kind::Discrete,
                65_536,
                "tile=8,lanes=128,groups=264,weights=storage,input=kept",
            ),
            (
                Kind::Integrated,
                32_768,
                "tile=4,lanes=96,groups=264,weights=storage,input=kept",
            ),
            (
                Kind::Discrete,
                16_384,
                "tile=2,lanes=96,groups=264,weights=storage,input=reread",
            ),
            (
                Kind::Software,
                32_768,
                "tile=6,lanes=96,groups=64,weights=uniform,input=reread",
            ),
        ] {
            let mut adapter = AdapterDescription::for_tests("card", Backend::Vulkan, kind);
            adapter.limits.workgroup_bytes = bytes;
            assert_eq!(Tiling::default_for(&adapter).to_string(), expected);
        }
    }
}
