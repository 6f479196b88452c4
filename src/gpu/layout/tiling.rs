//! The shape of the fused kernel: its tile, its workgroup and their number; and the tile's offsets in workgroup memory.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::sizes::{CLASS_QUADS, H3_QUADS, MAP_QUADS, MOST_WORKGROUPS};
use crate::named::{Named, named};
use crate::net::{H1_SIDE, H2_AREA, H2_SIDE, PADDED_SIDE};

named! {
    /// The way weights reach `forward_backward`.
    pub enum WeightPath {
        /// A uniform buffer: the constant cache, fastest where neighbouring lanes read the same weight.
        Uniform = "uniform",
        /// A storage buffer: the ordinary caches, fastest where they do not.
        Storage = "storage",
    }
}

/// The shape of the fused kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiling {
    /// Examples of a tile, an even number.
    pub tile: u32,
    /// Invocations of a workgroup.
    pub lanes: u32,
    /// Workgroups at most; each takes every `groups`-th tile.
    pub groups: u32,
    /// The way weights reach it.
    pub weights: WeightPath,
    /// True if the images stay in workgroup memory, instead of being read a second time for H1's gradient.
    pub keep_x: bool,
    /// True if indices are clamped, loops are bounded and divisors are checked at run time, as WebGPU demands of shaders
    /// that nobody has read. Without these checks compilers unroll loops and read neighbours together.
    pub checks: bool,
}

/// Lanes of H2's forward pass per example: each computes a row of four maps over half of the maps below, of two examples.
pub const LANES_PER_EXAMPLE: u32 = 12;
/// Sizes of tiles to choose from.
pub const TILES: [u32; 5] = [2, 4, 6, 8, 10];
/// Sizes of workgroups to choose from: three warps, four, six, eight.
pub const LANES: [u32; 4] = [96, 128, 192, 256];
/// Workgroups at most to choose from.
pub const GROUPS: [u32; 6] = [16, 32, 64, 128, 264, 528];

impl Tiling {
    /// Sizes, strides and offsets of the tile in workgroup memory by their names in WGSL, in vectors of four floats; the
    /// last is the size of it all.
    ///
    /// Neighbouring lanes handle neighbouring examples. Where they handle different rows, quads or units instead, the odd
    /// vectors at the end of each keep them off the same bank (eight vectors wide on common devices).
    pub fn offsets(&self) -> [(&'static str, u32); 14] {
        let tile = self.tile as usize;
        let h1_row = H1_SIDE * tile + 1;
        let h1_quad = H1_SIDE * h1_row + 5;
        let x_quads = PADDED_SIDE / 4;
        let x_row = x_quads * tile + 1;
        // After H2 every unit's examples are followed by one unused vector.
        let unit_stride = tile + 1;
        let h2 = MAP_QUADS * h1_quad;
        let h3 = h2 + MAP_QUADS * H2_AREA * unit_stride;
        let d_h3 = h3 + H3_QUADS * unit_stride;
        let out = d_h3 + H3_QUADS * unit_stride;
        let d_out = out + CLASS_QUADS * unit_stride;
        let h3_sums = d_out + CLASS_QUADS * unit_stride;
        let end = h3_sums + self.h3_splits() as usize * H3_QUADS * unit_stride;
        let x = if self.keep_x { end } else { h2 };
        let edge = end.max(x + PADDED_SIDE * x_row);
        let offsets = [
            ("H1_ROW", h1_row),
            ("H1_QUAD", h1_quad),
            ("X_QUADS", x_quads),
            ("X_ROW", x_row),
            ("UNIT_STRIDE", unit_stride),
            ("H2_START", h2),
            ("H3_START", h3),
            ("D_H3_START", d_h3),
            ("OUT_START", out),
            ("D_OUT_START", d_out),
            ("H3_SUMS_START", h3_sums),
            ("X_START", x),
            ("EDGE_START", edge),
            ("TILE_VECTORS", edge + H1_SIDE * tile),
        ];
        offsets.map(|(name, offset)| (name, offset as u32))
    }

    /// Bytes of workgroup memory: the tile, dropout's bits, the shifts, and what H2's edges add.
    pub fn workgroup_bytes(&self) -> u32 {
        let [.., (_, vectors)] = self.offsets();
        let kept = (4 * (MAP_QUADS * H2_SIDE) as u32 * self.tile).next_multiple_of(16);
        let shifts = (8 * self.tile).next_multiple_of(16);
        let edges = 16 * 4 * MAP_QUADS as u32;
        16 * vectors + kept + shifts + edges
    }

    /// Number of equal splits in which H3's inputs are summed: as many as there are lanes for.
    pub fn h3_splits(&self) -> u32 {
        let inputs = (MAP_QUADS * H2_AREA) as u32;
        let lanes_per_split = self.tile / 2 * H3_QUADS as u32;
        let most = (self.lanes / lanes_per_split).clamp(1, inputs);
        let mut fewer = (1..=most).rev();
        fewer.find(|n| inputs.is_multiple_of(*n)).unwrap_or(1)
    }

    /// True if H2's forward pass has enough lanes: its tasks exchange sums, so they all run at once.
    pub fn is_possible(&self) -> bool {
        LANES_PER_EXAMPLE * self.tile <= self.lanes
    }
}

impl std::fmt::Display for Tiling {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let weights = self.weights;
        let input = if self.keep_x { "kept" } else { "reread" };
        write!(
            f,
            "tile={},lanes={},groups={},weights={weights},input={input}",
            self.tile, self.lanes, self.groups
        )?;
        if self.checks {
            Ok(())
        } else {
            f.write_str(",checks=off")
        }
    }
}

/// Text form of a shape.
pub const FORM: &str =
    "tile=8,lanes=128,groups=264,weights=uniform|storage,input=kept|reread[,checks=off]";
/// The names of a shape's properties.
const PROPERTIES: [&str; 6] = ["tile", "lanes", "groups", "weights", "input", "checks"];

/// The values of a shape's properties. The last may be left out.
fn values(text: &str) -> Result<[&str; 6], String> {
    let mut found = [None; 6];
    for part in text.split(',') {
        let (name, value) = part.split_once('=').unwrap_or_default();
        match PROPERTIES.iter().position(|known| *known == name) {
            Some(place) if found[place].is_none() => found[place] = Some(value),
            _ => return Err(format!("found {part:?}, expected {FORM}")),
        }
    }
    found[5].get_or_insert("on");
    match found.iter().position(Option::is_none) {
        None => Ok(found.map(Option::unwrap_or_default)),
        Some(place) => Err(format!("found no {}=, expected {FORM}", PROPERTIES[place])),
    }
}

fn one_of(name: &str, text: &str, known: &[u32]) -> Result<u32, String> {
    let value = text.parse().ok().filter(|value| known.contains(value));
    value.ok_or_else(|| format!("found {name}={text}, expected one of {known:?}"))
}

impl FromStr for Tiling {
    type Err = String;

    /// Parses the output of `Display`.
    fn from_str(text: &str) -> Result<Self, String> {
        let [tile, lanes, groups, weights, input, checks] = values(text)?;
        let most = MOST_WORKGROUPS;
        let count = groups.parse().ok().filter(|n| (1..=most).contains(n));
        let weight_path = || format!("found weights={weights}, expected uniform or storage");
        let tiling = Self {
            tile: one_of("tile", tile, &TILES)?,
            lanes: one_of("lanes", lanes, &LANES)?,
            groups: count.ok_or_else(|| format!("found groups={groups}, expected 1 to {most}"))?,
            weights: WeightPath::of_name(weights).ok_or_else(weight_path)?,
            keep_x: match input {
                "kept" => true,
                "reread" => false,
                _ => return Err(format!("found input={input}, expected kept or reread")),
            },
            checks: match checks {
                "on" => true,
                "off" => false,
                _ => return Err(format!("found checks={checks}, expected on or off")),
            },
        };
        if !tiling.is_possible() {
            let least = LANES_PER_EXAMPLE * tiling.tile;
            return Err(format!(
                "found lanes={lanes}, expected {least} or more for tile={tile}"
            ));
        }
        Ok(tiling)
    }
}

// Unrolled in the shader for the net's sizes.
const _: () = assert!(PADDED_SIDE == 20 && H1_SIDE == 8 && MAP_QUADS == 3);
