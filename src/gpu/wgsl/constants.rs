//! Names and values that are put before every kernel: the net, the layout, the recipe's functions, the tile.

use std::fmt::{Display, Write};

use crate::draw::Stream;
use crate::gpu::layout::packing::{self, first_vector};
use crate::gpu::layout::sizes::{self, MAP_QUADS};
use crate::gpu::layout::tiling::{Tiling, WeightPath};
use crate::gpu::layout::whitening::first_floats;
use crate::net;
use crate::recipe::{Activation, Loss, Optimizer, Recipe, muon};

/// `(H2_SOURCE_QUADS, H1_SEEN_BY)` as `shaders/shared/connectivity.wgsl` reads them, four bits per entry.
///
/// # Panics
/// If the net's connectivity does not come in whole quads.
fn packed_connectivity() -> (u32, u32) {
    let (mut sources, mut seen_by) = (0, 0);
    let mut seers = [0; MAP_QUADS];
    for (h2_quad, maps) in net::H2_SOURCES.chunks(4).enumerate() {
        let same = maps.iter().all(|seen| *seen == maps[0]);
        assert!(same, "a quad's maps see the same maps");
        for (half, seen) in maps[0].chunks(4).enumerate() {
            let (h1_quad, entry) = (seen[0] / 4, 2 * h2_quad + half);
            let whole = (4 * h1_quad..4 * h1_quad + 4).eq(seen.iter().copied());
            assert!(whole, "sources in whole quads");
            sources |= (h1_quad as u32) << (4 * entry);
            seen_by |= (entry as u32) << (4 * (2 * h1_quad + seers[h1_quad]));
            seers[h1_quad] += 1;
        }
    }
    assert_eq!(seers, [2; MAP_QUADS], "two H2 quads see each H1 quad");
    (sources, seen_by)
}

/// Constants that have the same name in Rust and in WGSL.
macro_rules! constants {
    ($($module:ident: $($name:ident),*;)*) => {
        [$($((stringify!($name).to_owned(), $module::$name as u32)),*),*]
    };
}

/// The integers of every kernel, by their names in WGSL.
fn integers() -> Vec<(String, u32)> {
    let (sources, seen_by) = packed_connectivity();
    let mut all = Vec::from(constants! {
        sizes: LANES, TALLY_LANES, MUON_LANES, ROW_LANES, UPDATE_LANES, UPDATE_VECTORS, EXAMPLES_PER_CHUNK;
    });
    let others = [
        ("H2_SOURCE_QUADS", sources),
        ("H1_SEEN_BY", seen_by),
        ("STREAM_SHIFT", Stream::Shift as u32),
        ("STREAM_DROPOUT", Stream::Dropout as u32),
        ("MUON_ITERATIONS", muon::ITERATIONS as u32),
        ("H2_GROUP_ROWS", net::LAYERS[1].group_rows() as u32),
    ];
    all.extend(others.map(|(name, value)| (name.to_owned(), value)));
    all.extend(constants! {
        sizes: STEP, SLOT, TOTAL_LOSS, TOTAL_MISSED, LOSSES;
        net: SIDE, CLASSES, KERNEL, TAPS, STRIDE, PADDING, PADDED_SIDE, H1_SIDE, H1_AREA, H2_SIDE, H2_AREA,
            H2_FAN_MAPS, H3_UNITS;
        sizes: MAP_QUADS, H3_QUADS, CLASS_QUADS, MUON_QUADS;
    });
    for tensor in &net::PARAMETERS {
        all.push((tensor.name.to_uppercase(), tensor.offset as u32));
    }
    all.extend(constants! { net: PARAMETER_COUNT; });
    for (number, tensor) in net::PARAMETERS.iter().enumerate() {
        let name = format!("PACKED_{}", tensor.name.to_uppercase());
        all.push((name, first_vector(number) as u32));
    }
    all.extend(constants! { packing: PACKED_VECTORS; });
    for (depth, layer) in net::LAYERS.iter().enumerate() {
        let name = layer.name().to_uppercase();
        let [mean, whitening] = first_floats(depth);
        all.push((format!("MEANS_{name}"), mean as u32));
        all.push((format!("WHITENING_{name}"), whitening as u32));
    }
    all
}

/// One declaration per line, `suffix` after each value.
fn declare(values: &[(impl Display, impl Display)], kind: &str, suffix: &str) -> String {
    let mut text = String::new();
    for (name, value) in values {
        let _ = writeln!(text, "const {name}: {kind} = {value}{suffix};");
    }
    text
}

/// The constants of every kernel of a recipe.
pub fn of_recipe(recipe: &Recipe) -> String {
    let [a, b, c] = muon::COEFFICIENTS;
    let (amplitude, gain) = recipe.activation.tanh_scale();
    let floats = [
        ("TANH_AMPLITUDE", amplitude),
        ("TANH_GAIN", gain),
        ("PADDING_VALUE", f64::from(net::PADDING_VALUE)),
        ("MUON_A", a),
        ("MUON_B", b),
        ("MUON_C", c),
        ("MUON_NORM_EPSILON", muon::NORM_EPSILON),
    ];
    let floats = floats.map(|(name, value)| (name, format!("{:?}", value as f32)));
    let flags = [
        ("ACTIVATION_IS_TANH", recipe.activation != Activation::Relu),
        ("LOSS_IS_MSE", recipe.loss == Loss::Mse),
    ];
    declare(&integers(), "u32", "u") + &declare(&floats, "f32", "f") + &declare(&flags, "bool", "")
}

/// Declarations of `forward_backward` for a shape: the tile with its offsets, and the binding of the weights.
pub fn of_tiling(tiling: &Tiling) -> String {
    let values = [
        ("TILE", tiling.tile),
        ("TILE_LANES", tiling.lanes),
        ("H3_SPLITS", tiling.h3_splits()),
    ];
    let weights = match tiling.weights {
        WeightPath::Uniform => "var<uniform> weights: array<vec4<f32>, PACKED_VECTORS>",
        WeightPath::Storage => "var<storage, read> weights: array<vec4<f32>>",
    };
    declare(&values, "u32", "u")
        + &declare(&tiling.offsets(), "u32", "u")
        + &declare(&[("KEEP_X", tiling.keep_x)], "bool", "")
        + &format!("@group(0) @binding(1) {weights};\n")
}

/// Declarations of `update` for a recipe.
pub fn of_update(recipe: &Recipe) -> String {
    let flags = [
        ("OPTIMIZER_IS_SGD", Optimizer::Sgd),
        ("OPTIMIZER_IS_WHITENED_MUON", Optimizer::WhitenedMuon),
    ];
    let flags = flags.map(|(name, optimizer)| (name, recipe.optimizer == optimizer));
    declare(&flags, "bool", "")
}
