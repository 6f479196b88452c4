//! The shape of the fused kernel: what a tile, a workgroup and their number are, and whether a device can run it.

use std::fmt::Write;
use std::str::FromStr;

use serde::Serialize;

use super::adapter::{AdapterDescription, Kind, Limits};
use super::compose::{CLASS_QUADS, H3_QUADS, MAP_QUADS};
use super::plan::MOST_WORKGROUPS;
use crate::net::{H1_SIDE, H2_AREA, PADDED_SIDE};

/// The way weights reach `pass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightPath {
    /// A uniform buffer: the constant cache, fastest where neighbouring lanes read the same weight.
    Uniform,
    /// A storage buffer: the ordinary caches, fastest where they do not.
    Storage,
}

/// The shape of the fused kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tiling {
    /// Examples of a tile, an even number.
    pub tile: u32,
    /// Invocations of a workgroup.
    pub lanes: u32,
    /// Workgroups at most; each takes every so many tiles.
    pub groups: u32,
    /// The way weights reach it.
    pub weights: WeightPath,
    /// Whether the images stay in workgroup memory, or are read a second time for H1's gradient.
    pub keep_x: bool,
}

/// Lanes that H2's forward pass takes for an example: a row of four maps over half of the maps below, of two examples.
pub(super) const LANES_AN_EXAMPLE: u32 = 12;
/// Sizes of tiles to choose from.
pub const TILES: [u32; 5] = [2, 4, 6, 8, 10];
/// Sizes of workgroups to choose from: three warps, four, six, eight.
pub const LANES: [u32; 4] = [96, 128, 192, 256];
/// Workgroups at most to choose from.
pub const GROUPS: [u32; 6] = [16, 32, 64, 128, 264, 528];

impl Tiling {
    /// Bytes of workgroup memory that it takes, as `shaders/shared/tile.wgsl` lays it out.
    pub fn workgroup_bytes(&self) -> u32 {
        let tile = self.tile as usize;
        let h1 = MAP_QUADS * (H1_SIDE * (H1_SIDE * tile + 1) + 5);
        let x = PADDED_SIDE * (PADDED_SIDE / 4 * tile + 1);
        let quads = MAP_QUADS * H2_AREA
            + 2 * H3_QUADS
            + 2 * CLASS_QUADS
            + self.h3_splits() as usize * H3_QUADS;
        let rest = quads * (tile + 1);
        let vectors = h1 + if self.keep_x { rest + x } else { rest.max(x) };
        let kept = (MAP_QUADS * 4 * tile * 4).next_multiple_of(16);
        let shifts = (8 * tile).next_multiple_of(16);
        (16 * vectors + kept + shifts) as u32
    }

    /// Parts in which H3's inputs are summed: as many as there are lanes for, of equal size.
    pub fn h3_splits(&self) -> u32 {
        let inputs = (MAP_QUADS * H2_AREA) as u32;
        let lanes_a_part = self.tile / 2 * H3_QUADS as u32;
        let most = (self.lanes / lanes_a_part).clamp(1, inputs);
        (1..=most)
            .rev()
            .find(|parts| inputs.is_multiple_of(*parts))
            .unwrap_or(1)
    }

    /// Whether a device of these limits can run it.
    pub fn fits(&self, limits: &Limits) -> bool {
        self.workgroup_bytes() <= limits.workgroup_bytes
            && self.lanes <= limits.workgroup_invocations
    }

    /// The same, with the images kept where there is room.
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

    /// What to take where nothing was measured: the largest tile for which two workgroups fit a common core.
    pub fn default_for(adapter: &AdapterDescription) -> Self {
        let limits = &adapter.limits;
        // A processor has few cores, and every workgroup's share of the gradient is to be added up.
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

    /// What it is in WGSL, the binding of the weights included.
    pub(super) fn constants(&self) -> String {
        let mut text = String::new();
        let values = [
            ("TILE", self.tile),
            ("PASS_LANES", self.lanes),
            ("H3_SPLITS", self.h3_splits()),
        ];
        for (name, value) in values {
            let _ = writeln!(text, "const {name}: u32 = {value}u;");
        }
        let _ = writeln!(text, "const KEEP_X: bool = {};", self.keep_x);
        let binding = match self.weights {
            WeightPath::Uniform => "var<uniform> weights: array<vec4<f32>, PACKED_VECTORS>",
            WeightPath::Storage => "var<storage, read> weights: array<vec4<f32>>",
        };
        let _ = writeln!(text, "@group(0) @binding(1) {binding};");
        text
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

/// What a shape is written as.
pub(super) const FORM: &str =
    "tile=8,lanes=128,groups=264,weights=uniform|storage,input=kept|reread";
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

    /// What `Display` writes.
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
            let least = LANES_AN_EXAMPLE * tiling.tile;
            return Err(format!(
                "found lanes={lanes}, expected {least} or more for tile={tile}"
            ));
        }
        Ok(tiling)
    }
}

impl Tiling {
    /// Whether there are lanes enough for H2's forward pass, whose tasks exchange sums and so all run at once.
    pub fn is_possible(&self) -> bool {
        LANES_AN_EXAMPLE * self.tile <= self.lanes
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
