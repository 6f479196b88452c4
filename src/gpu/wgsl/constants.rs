//! Names and values that are put before every kernel: the net, the layout, the recipe's functions, the tile.

use std::fmt::{Display, Write};

use crate::draw::Stream;
use crate::gpu::layout::packing::{PACKED_VECTORS, first_vector};
use crate::gpu::layout::sizes::{
    CLASS_QUADS, EXAMPLES_PER_CHUNK, H3_QUADS, LANES, LOSSES, MAP_QUADS, MUON_LANES, SLOT, STEP,
    TALLY_LANES, TOTAL_LOSS, TOTAL_MISSED, UPDATE_LANES, UPDATE_VECTORS,
};
use crate::gpu::layout::tiling::{Tiling, WeightPath};
use crate::net;
use crate::recipe::{Activation, Loss, Optimizer, Recipe, muon};

/// H1's quad of each half of an H2 quad's sources.
///
/// # Panics
/// If the net's connectivity does not come in whole quads.
fn source_quads() -> [[usize; 2]; MAP_QUADS] {
    let mut quads = [[0; 2]; MAP_QUADS];
    for (map, sources) in net::H2_SOURCES.iter().enumerate() {
        for (channel, &source) in sources.iter().enumerate() {
            let quad = source / 4;
            assert_eq!(source, 4 * quad + channel % 4, "sources in whole quads");
            let first = net::H2_SOURCES[map / 4 * 4][channel];
            assert_eq!(source, first, "a quad's maps see the same maps");
            quads[map / 4][channel / 4] = quad;
        }
    }
    quads
}

/// `(H2_SOURCE_QUADS, H1_SEEN_BY)` as `shaders/shared/connectivity.wgsl` reads them, four bits per entry.
fn packed_connectivity() -> (u32, u32) {
    let (mut sources, mut seen_by) = (0, 0);
    let mut seers = [0; MAP_QUADS];
    for (h2_quad, halves) in source_quads().iter().enumerate() {
        for (half, &h1_quad) in halves.iter().enumerate() {
            let entry = 2 * h2_quad + half;
            sources |= (h1_quad as u32) << (4 * entry);
            seen_by |= (entry as u32) << (4 * (2 * h1_quad + seers[h1_quad]));
            seers[h1_quad] += 1;
        }
    }
    assert_eq!(seers, [2; MAP_QUADS], "two H2 quads see each H1 quad");
    (sources, seen_by)
}

/// The integers of every kernel, by their names in WGSL.
pub fn integers() -> Vec<(&'static str, u32)> {
    let (sources, seen_by) = packed_connectivity();
    let mut constants = vec![
        ("LANES", LANES),
        ("TALLY_LANES", TALLY_LANES),
        ("MUON_LANES", MUON_LANES),
        ("UPDATE_LANES", UPDATE_LANES),
        ("UPDATE_VECTORS", UPDATE_VECTORS),
        ("EXAMPLES_PER_CHUNK", EXAMPLES_PER_CHUNK),
        ("H2_SOURCE_QUADS", sources),
        ("H1_SEEN_BY", seen_by),
        ("STREAM_SHIFT", Stream::Shift as u32),
        ("STREAM_DROPOUT", Stream::Dropout as u32),
    ];
    let sizes = [
        ("MUON_SIDE", muon::MOST_SIDE),
        ("MUON_ITERATIONS", muon::ITERATIONS),
        ("STEP", STEP),
        ("SLOT", SLOT),
        ("TOTAL_LOSS", TOTAL_LOSS),
        ("TOTAL_MISSED", TOTAL_MISSED),
        ("LOSSES", LOSSES),
        ("SIDE", net::SIDE),
        ("CLASSES", net::CLASSES),
        ("KERNEL", net::KERNEL),
        ("TAPS", net::TAPS),
        ("STRIDE", net::STRIDE),
        ("PADDING", net::PADDING),
        ("PADDED_SIDE", net::PADDED_SIDE),
        ("H1_SIDE", net::H1_SIDE),
        ("H1_AREA", net::H1_AREA),
        ("H2_SIDE", net::H2_SIDE),
        ("H2_AREA", net::H2_AREA),
        ("H2_FAN_MAPS", net::H2_FAN_MAPS),
        ("H3_UNITS", net::H3_UNITS),
        ("MAP_QUADS", MAP_QUADS),
        ("H3_QUADS", H3_QUADS),
        ("CLASS_QUADS", CLASS_QUADS),
        ("H1W", net::H1W.offset),
        ("H1B", net::H1B.offset),
        ("H2W", net::H2W.offset),
        ("H2B", net::H2B.offset),
        ("H3W", net::H3W.offset),
        ("H3B", net::H3B.offset),
        ("OUTW", net::OUTW.offset),
        ("OUTB", net::OUTB.offset),
        ("PARAMETER_COUNT", net::PARAMETER_COUNT),
        ("PACKED_H1W", first_vector(0)),
        ("PACKED_H1B", first_vector(1)),
        ("PACKED_H2W", first_vector(2)),
        ("PACKED_H2B", first_vector(3)),
        ("PACKED_H3W", first_vector(4)),
        ("PACKED_H3B", first_vector(5)),
        ("PACKED_OUTW", first_vector(6)),
        ("PACKED_OUTB", first_vector(7)),
        ("PACKED_VECTORS", PACKED_VECTORS),
    ];
    constants.extend(sizes.map(|(name, value)| (name, value as u32)));
    constants
}

/// One declaration per line, `suffix` after each value.
fn declare<T: Display>(values: &[(&str, T)], kind: &str, suffix: &str) -> String {
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
    let is_sgd = recipe.optimizer == Optimizer::Sgd;
    declare(&[("OPTIMIZER_IS_SGD", is_sgd)], "bool", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_given_once_and_offsets_are_the_nets() {
        let constants = integers();
        for tensor in &net::PARAMETERS {
            let name = tensor.name.to_uppercase();
            let mut found = constants.iter().filter(|(known, _)| *known == name);
            assert_eq!(found.next().unwrap().1 as usize, tensor.offset);
            assert!(found.next().is_none(), "{name} twice");
        }
    }
}
