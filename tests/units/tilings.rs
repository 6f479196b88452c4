//! Text forms of the fused kernel's shape.

use gpu_train::gpu::layout::tiling::TILES;
use gpu_train::gpu::{Tiling, WeightPath};

#[test]
fn a_shape_is_read_as_it_is_written() {
    for tile in TILES {
        for (weights, keep_x) in [(WeightPath::Uniform, true), (WeightPath::Storage, false)] {
            let tiling = Tiling {
                tile,
                lanes: 128,
                groups: 17,
                weights,
                keep_x,
                checks: !keep_x,
            };
            assert_eq!(tiling.to_string().parse(), Ok(tiling));
        }
    }
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
