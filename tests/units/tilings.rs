//! The fused kernel's shape: its text form, and its tile in workgroup memory.

use std::collections::HashMap;

use gpu_train::gpu::layout::tiling::{LANES, TILES};
use gpu_train::gpu::{Tiling, Variant, WeightPath};

#[test]
fn a_shape_is_read_as_it_is_written() {
    for tile in TILES {
        for (weights, keep_x) in [(WeightPath::Uniform, true), (WeightPath::Storage, false)] {
            let tiling = Tiling {
                weights,
                checks: !keep_x,
                ..shape(tile, 128, keep_x)
            };
            assert_eq!(tiling.to_string().parse(), Ok(tiling));
            let variant = Variant::Fused(tiling);
            assert_eq!(variant.to_string().parse(), Ok(variant));
            assert_eq!(variant.has_checks(), !keep_x);
        }
    }
    assert_eq!("layered".parse(), Ok(Variant::Layered));
    assert!(Variant::Layered.has_checks());
}

#[test]
fn refusals_say_what_was_found() {
    let good = "tile=8,lanes=128,groups=264,weights=uniform,input=kept";
    assert!(good.parse::<Tiling>().unwrap().checks);
    let unchecked: Tiling = format!("{good},checks=off").parse().unwrap();
    assert!(!unchecked.checks);
    for (from, to, expected) in [
        (
            "tile=8",
            "tile=3",
            "found tile=3, expected one of [2, 4, 6, 8, 10]",
        ),
        ("lanes=128", "lanes=64", "found lanes=64"),
        (
            "tile=8,lanes=128",
            "tile=10,lanes=96",
            "expected 120 or more for tile=10",
        ),
        (
            "groups=264",
            "groups=0",
            "found groups=0, expected 1 to 65535",
        ),
        (
            "weights=uniform",
            "weights=fast",
            "expected uniform or storage",
        ),
        (
            "input=kept",
            "input=",
            "found input=, expected kept or reread",
        ),
        (",input=kept", "", "found no input="),
        (
            "kept",
            "kept,checks=1",
            "found checks=1, expected on or off",
        ),
        ("tile=8", "tile=8,tile=4", "found \"tile=4\""),
        ("tile=8", "tiles=8", "found \"tiles=8\""),
    ] {
        let refused = good.replace(from, to).parse::<Tiling>().unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}

fn shape(tile: u32, lanes: u32, keep_x: bool) -> Tiling {
    Tiling {
        tile,
        lanes,
        groups: 17,
        weights: WeightPath::Storage,
        keep_x,
        checks: true,
    }
}

#[test]
fn the_parts_of_a_tile_follow_each_other() {
    let lanes = LANES
        .into_iter()
        .flat_map(|lanes| [(lanes, true), (lanes, false)]);
    let shapes = TILES.into_iter().flat_map(|tile| {
        lanes
            .clone()
            .map(move |(lanes, keep_x)| shape(tile, lanes, keep_x))
    });
    for tiling in shapes.filter(Tiling::is_possible) {
        let tile = tiling.tile;
        let offsets = HashMap::from(tiling.offsets());
        let units = |part, quads| offsets[part] + quads * (tile + 1);
        let end = units("H3_SUMS_START", 8 * tiling.h3_splits());
        let x = if tiling.keep_x {
            end
        } else {
            offsets["H2_START"]
        };
        let edge = end.max(x + 20 * offsets["X_ROW"]);
        for (name, expected) in [
            ("H1_ROW", 8 * tile + 1),
            ("H1_QUAD", 8 * offsets["H1_ROW"] + 5),
            ("X_QUADS", 5),
            ("X_ROW", 5 * tile + 1),
            ("UNIT_STRIDE", tile + 1),
            ("H2_START", 3 * offsets["H1_QUAD"]),
            ("H3_START", units("H2_START", 3 * 16)),
            ("D_H3_START", units("H3_START", 8)),
            ("OUT_START", units("D_H3_START", 8)),
            ("D_OUT_START", units("OUT_START", 3)),
            ("H3_SUMS_START", units("D_OUT_START", 3)),
            ("X_START", x),
            ("EDGE_START", edge),
            ("TILE_VECTORS", edge + 8 * tile),
        ] {
            assert_eq!(offsets[name], expected, "{name} of {tiling}");
        }
    }
}

#[test]
fn a_tile_takes_the_memory_that_compilers_found() {
    // NVIDIA's for the default shape, DXC for the one that fits DX12's 32 KiB: results/compilers.json.
    assert_eq!(shape(8, 128, false).workgroup_bytes(), 41_552);
    assert_eq!(shape(4, 96, true).workgroup_bytes(), 30_000);
}

#[test]
fn h3s_inputs_are_split_equally_among_the_lanes() {
    for (tile, lanes, splits) in [
        (2, 96, 12),
        (2, 256, 24),
        (4, 96, 6),
        (6, 192, 8),
        (8, 128, 4),
        (10, 128, 3),
        (10, 192, 4),
    ] {
        assert_eq!(
            shape(tile, lanes, true).h3_splits(),
            splits,
            "{tile} {lanes}"
        );
    }
}

#[test]
fn a_shape_has_lanes_for_all_of_h2() {
    for (tile, lanes, is_possible) in [(8, 96, true), (10, 96, false), (10, 128, true)] {
        assert_eq!(shape(tile, lanes, true).is_possible(), is_possible);
    }
}
