//! The shape of the fused kernel: its tile, its workgroup and their number; and the tile's offsets in workgroup memory.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::sizes::{CLASS_QUADS, H3_QUADS, MAP_QUADS, MOST_WORKGROUPS};
use crate::net::{H1_SIDE, H2_AREA, H2_SIDE, PADDED_SIDE};

/// The way weights reach `forward_backward`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightPath {
    /// A uniform buffer: the constant cache, fastest where neighbouring lanes read the same weight.
    Uniform,
    /// A storage buffer: the ordinary caches, fastest where they do not.
    Storage,
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
    pub fn offsets(&self) -> [(&'static str, u32); 13] {
        let tile = self.tile;
        let sizes = [
            MAP_QUADS,
            H3_QUADS,
            CLASS_QUADS,
            H1_SIDE,
            H2_AREA,
            PADDED_SIDE,
        ];
        let [
            map_quads,
            h3_quads,
            class_quads,
            h1_side,
            h2_area,
            padded_side,
        ] = sizes.map(|size| size as u32);
        let h1_row = h1_side * tile + 1;
        let h1_quad = h1_side * h1_row + 5;
        let x_quads = padded_side / 4;
        let x_row = x_quads * tile + 1;
        // After H2 every unit's examples are followed by one unused vector.
        let unit_stride = tile + 1;
        let h2 = map_quads * h1_quad;
        let h3 = h2 + map_quads * h2_area * unit_stride;
        let d_h3 = h3 + h3_quads * unit_stride;
        let out = d_h3 + h3_quads * unit_stride;
        let d_out = out + class_quads * unit_stride;
        let h3_sums = d_out + class_quads * unit_stride;
        let end = h3_sums + self.h3_splits() * h3_quads * unit_stride;
        let x = if self.keep_x { end } else { h2 };
        [
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
            ("TILE_VECTORS", end.max(x + padded_side * x_row)),
        ]
    }

    /// Bytes of workgroup memory: the tile, dropout's bits and the shifts.
    pub fn workgroup_bytes(&self) -> u32 {
        let [.., (_, vectors)] = self.offsets();
        let kept = (4 * (MAP_QUADS * H2_SIDE) as u32 * self.tile).next_multiple_of(16);
        let shifts = (8 * self.tile).next_multiple_of(16);
        16 * vectors + kept + shifts
    }

    /// Number of equal splits in which H3's inputs are summed: as many as there are lanes for.
    pub fn h3_splits(&self) -> u32 {
        let inputs = (MAP_QUADS * H2_AREA) as u32;
        let lanes_per_split = self.tile / 2 * H3_QUADS as u32;
        let most = (self.lanes / lanes_per_split).clamp(1, inputs);
        (1..=most)
            .rev()
            .find(|splits| inputs.is_multiple_of(*splits))
            .unwrap_or(1)
    }

    /// True if H2's forward pass has enough lanes: its tasks exchange sums, so they all run at once.
    pub fn is_possible(&self) -> bool {
        LANES_PER_EXAMPLE * self.tile <= self.lanes
    }
}

impl std::fmt::Display for Tiling {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let weights = match self.weights {
            WeightPath::Uniform => "uniform",
            WeightPath::Storage => "storage",
        };
        let input = if self.keep_x { "kept" } else { "reread" };
        write!(
            f,
            "tile={},lanes={},groups={},weights={weights},input={input}",
            self.tile, self.lanes, self.groups
        )
    }
}

/// Text form of a shape.
pub const FORM: &str = "tile=8,lanes=128,groups=264,weights=uniform|storage,input=kept|reread";
/// The names of a shape's properties, in this order.
const PROPERTIES: [&str; 5] = ["tile", "lanes", "groups", "weights", "input"];

/// The values of a shape's properties.
fn values(text: &str) -> Result<[&str; 5], String> {
    let mut found = [None; 5];
    for part in text.split(',') {
        let place = part.split_once('=').and_then(|(name, value)| {
            let place = PROPERTIES.iter().position(|known| *known == name)?;
            Some((place, value))
        });
        match place {
            Some((place, value)) if found[place].is_none() => found[place] = Some(value),
            _ => return Err(format!("found {part:?}, expected {FORM}")),
        }
    }
    let mut values = [""; 5];
    for ((value, found), name) in values.iter_mut().zip(found).zip(PROPERTIES) {
        *value = found.ok_or_else(|| format!("found no {name}=, expected {FORM}"))?;
    }
    Ok(values)
}

fn one_of(name: &str, text: &str, known: &[u32]) -> Result<u32, String> {
    let value = text.parse().ok().filter(|value| known.contains(value));
    value.ok_or_else(|| format!("found {name}={text}, expected one of {known:?}"))
}

impl FromStr for Tiling {
    type Err = String;

    /// Parses the output of `Display`.
    fn from_str(text: &str) -> Result<Self, String> {
        let [tile, lanes, groups, weights, input] = values(text)?;
        let most = MOST_WORKGROUPS;
        let groups_found = groups
            .parse()
            .ok()
            .filter(|count| (1..=most).contains(count));
        let tiling = Self {
            tile: one_of("tile", tile, &TILES)?,
            lanes: one_of("lanes", lanes, &LANES)?,
            groups: groups_found
                .ok_or_else(|| format!("found groups={groups}, expected 1 to {most}"))?,
            weights: match weights {
                "uniform" => WeightPath::Uniform,
                "storage" => WeightPath::Storage,
                _ => {
                    return Err(format!(
                        "found weights={weights}, expected uniform or storage"
                    ));
                }
            },
            keep_x: match input {
                "kept" => true,
                "reread" => false,
                _ => return Err(format!("found input={input}, expected kept or reread")),
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

#[cfg(test)]
mod tests {
    use super::*;

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
                };
                assert_eq!(tiling.to_string().parse(), Ok(tiling));
            }
        }
    }

    #[test]
    fn refusals_say_what_was_found() {
        let good = "tile=8,lanes=128,groups=264,weights=uniform,input=kept";
        assert!(good.parse::<Tiling>().is_ok());
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
            ("tile=8", "tile=8,tile=4", "found \"tile=4\""),
            ("tile=8", "tiles=8", "found \"tiles=8\""),
        ] {
            let refused = good.replace(from, to).parse::<Tiling>().unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
