//! The decision, without a device: which shapes to measure next, and the choice from what was measured.

use crate::gpu::adapter::AdapterDescription;
use crate::gpu::engine::median;
use crate::gpu::layout::tiling::{GROUPS, LANES, LANES_PER_EXAMPLE, TILES, Tiling, WeightPath};
use crate::gpu::step::Variant;

/// A shape is taken if it is faster by more than the noise.
const FASTER: f64 = 0.98;
/// Properties of a shape, varied one after the other.
pub(super) const PROPERTIES: u32 = 5;

/// A walk through the shapes.
pub(super) struct Search<'a> {
    adapter: &'a AdapterDescription,
    /// Groups handed out.
    groups: u32,
    issued: Vec<Variant>,
    /// Milliseconds per step, the median of the samples.
    pub(super) measured: Vec<(Variant, f64)>,
    best: Option<Tiling>,
}

impl<'a> Search<'a> {
    pub(super) fn new(adapter: &'a AdapterDescription) -> Self {
        Self {
            adapter,
            groups: 0,
            issued: Vec::new(),
            measured: Vec::new(),
            best: None,
        }
    }

    /// First the layered kernels and a usual shape, then for each property the best shape so far and its neighbours.
    pub(super) fn next_group(&mut self) -> Option<Vec<Variant>> {
        let usual = Tiling::default_for(self.adapter);
        while self.groups <= PROPERTIES {
            let mut shapes = match self.groups.checked_sub(1) {
                None => vec![Variant::Layered, Variant::Fused(usual)],
                Some(property) => {
                    let around = self.best.unwrap_or(usual);
                    let shapes = neighbours(around, property, self.adapter).into_iter();
                    shapes.map(Variant::Fused).collect()
                }
            };
            self.groups += 1;
            shapes.retain(|shape| !self.issued.contains(shape));
            if !shapes.is_empty() {
                self.issued.extend(&shapes);
                let best = self.best.map(Variant::Fused);
                return Some(best.into_iter().chain(shapes).collect());
            }
        }
        None
    }

    /// Adds a group's samples. Its first fused shape is the best so far, if there is one.
    pub(super) fn add(&mut self, samples: &[(Variant, Vec<f64>)]) {
        let mut fastest = f64::INFINITY;
        for (variant, samples) in samples {
            let time = median(samples).unwrap_or(f64::INFINITY);
            tracing::info!(kernels = %variant, milliseconds = time, "measured");
            self.measured.retain(|(other, _)| other != variant);
            self.measured.push((*variant, time));
            if let Variant::Fused(tiling) = variant
                && time < FASTER * fastest
            {
                (self.best, fastest) = (Some(*tiling), time);
            }
        }
    }

    /// The best fused shape, or the layered kernels where they are faster or alone.
    pub(super) fn choice(&self) -> Option<Variant> {
        let best = self.best.map(Variant::Fused);
        let compared = |variant| variant == Variant::Layered || Some(variant) == best;
        let measured = self
            .measured
            .iter()
            .filter(|(variant, _)| compared(*variant));
        let fastest = measured.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(fastest.0)
    }
}

/// Shapes that differ from this one, which comes first, in one property: the checks, which decide what a compiler makes of
/// all others; the tile with its lanes, the lanes, the path of the weights, the number of workgroups.
pub(super) fn neighbours(
    around: Tiling,
    property: u32,
    adapter: &AdapterDescription,
) -> Vec<Tiling> {
    let mut found = vec![around];
    let of_tile = |tile| {
        let enough = |lanes: &u32| *lanes >= LANES_PER_EXAMPLE * tile;
        let lanes = LANES.into_iter().find(enough).unwrap_or(around.lanes);
        Tiling {
            tile,
            lanes,
            ..around
        }
    };
    match property {
        0 => found.push(Tiling {
            checks: !around.checks,
            ..around
        }),
        1 => found.extend(TILES.into_iter().rev().map(of_tile)),
        2 => found.extend(LANES.map(|lanes| Tiling { lanes, ..around })),
        3 => found.extend(
            [WeightPath::Uniform, WeightPath::Storage].map(|weights| Tiling { weights, ..around }),
        ),
        _ => found.extend(GROUPS.map(|groups| Tiling { groups, ..around })),
    }
    let limits = &adapter.limits;
    found
        .into_iter()
        .map(|tiling| tiling.keeping_x_if_it_fits(limits))
        .filter(|tiling| tiling.is_possible() && tiling.fits(limits))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapter::{Backend, Kind};

    fn adapter(workgroup_bytes: u32) -> AdapterDescription {
        let mut card = AdapterDescription::for_tests("card", Backend::Vulkan, Kind::Discrete);
        card.limits.workgroup_bytes = workgroup_bytes;
        card
    }

    #[test]
    fn all_neighbours_can_run() {
        for bytes in [16_384, 32_768, 49_152] {
            let adapter = adapter(bytes);
            let usual = Tiling::default_for(&adapter);
            assert!(usual.fits(&adapter.limits) && usual.is_possible());
            for property in 0..PROPERTIES {
                let found = neighbours(usual, property, &adapter);
                let several = found.len() > 1 && found[0] == usual;
                assert!(several, "{property}: {found:?}");
                let runs = |tiling: &Tiling| tiling.fits(&adapter.limits) && tiling.is_possible();
                assert!(found.iter().all(runs));
            }
        }
    }

    /// Walks through all groups with these times, and returns the choice and the number of shapes measured.
    fn walk(
        adapter: &AdapterDescription,
        time: impl Fn(Variant) -> Option<f64>,
    ) -> (Option<Variant>, usize) {
        let mut search = Search::new(adapter);
        while let Some(group) = search.next_group() {
            let samples = |variant| Some((variant, vec![9e9, time(variant)?, 0.0]));
            let samples: Vec<_> = group.into_iter().filter_map(samples).collect();
            search.add(&samples);
        }
        (search.choice(), search.measured.len())
    }

    #[test]
    fn the_fastest_shape_is_found_by_one_property_after_the_other() {
        let adapter = adapter(49_152);
        let wanted = Tiling {
            tile: 6,
            lanes: 192,
            groups: 64,
            weights: WeightPath::Storage,
            checks: false,
            ..Tiling::default_for(&adapter)
        }
        .keeping_x_if_it_fits(&adapter.limits);
        let off = |found: u32, wanted: u32| f64::from(found.abs_diff(wanted)) / f64::from(wanted);
        let time = |variant| match variant {
            Variant::Layered => Some(9.0),
            Variant::Fused(shape) => Some(
                1.0 + off(shape.tile, wanted.tile)
                    + off(shape.lanes, wanted.lanes)
                    + off(shape.groups, wanted.groups)
                    + 0.5 * f64::from(u8::from(shape.weights != wanted.weights))
                    + 0.5 * f64::from(u8::from(shape.checks != wanted.checks)),
            ),
        };
        let (choice, measured) = walk(&adapter, time);
        assert_eq!(choice, Some(Variant::Fused(wanted)));
        assert!((11..=19).contains(&measured), "{measured}");
    }

    #[test]
    fn layered_kernels_are_taken_where_they_are_faster_or_alone() {
        let adapter = adapter(32_768);
        let layered = |variant| (variant == Variant::Layered).then_some(2.0);
        assert_eq!(walk(&adapter, layered).0, Some(Variant::Layered));
        let faster = |variant| match variant {
            Variant::Layered => Some(2.0),
            Variant::Fused(_) => Some(3.0),
        };
        assert_eq!(walk(&adapter, faster).0, Some(Variant::Layered));
        assert_eq!(walk(&adapter, |_| None), (None, 0));
    }

    #[test]
    fn noise_changes_nothing_and_a_shape_that_fails_is_passed_over() {
        let adapter = adapter(32_768);
        let usual = Variant::Fused(Tiling::default_for(&adapter));
        let about_equal = |variant| match variant {
            Variant::Layered => Some(2.0),
            _ => Some(if variant == usual { 1.0 } else { 0.99 }),
        };
        assert_eq!(walk(&adapter, about_equal).0, Some(usual));
        let without_usual = |variant| about_equal(variant).filter(|_| variant != usual);
        let (choice, _) = walk(&adapter, without_usual);
        assert!(choice.is_some_and(|found| found != usual && found != Variant::Layered));
    }
}
