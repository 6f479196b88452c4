//! The fused step: one kernel from pixel codes to shares of the gradient, one from those to the new parameters.

use std::fmt::Write;
use std::str::FromStr;

use serde::Serialize;

use super::adapter::{AdapterDescription, Kind, Limits};
use super::compose::{CLASS_QUADS, H3_QUADS, MAP_QUADS};
use super::layout::CODE_BYTES;
use super::packing::PACKED_VECTORS;
use super::plan::{
    BufferSpec, Dispatch, Plan, Program, RunSpec, SLOTS, Shader, Usage, Variant, of_split,
};
use crate::engine::Split;
use crate::error::Error;
use crate::gpu::compose;
use crate::net::{H1_SIDE, H2_AREA, PADDED_SIDE};
use crate::recipe::{Optimizer, Recipe};

/// Lanes of a workgroup of `update`.
pub const UPDATE_LANES: u32 = 256;
/// Vectors of parameters that a workgroup of `update` handles.
pub const UPDATE_VECTORS: u32 = 16;
/// Where `progress` holds the sum of the losses, the misses, and the first step's loss.
pub const TOTALS: [u32; 3] = [2, 3, 4];

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

    fn constants(&self) -> String {
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

impl FromStr for Tiling {
    type Err = String;

    /// What `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            "expected tile=8,lanes=128,groups=264,weights=uniform|storage,input=kept|reread";
        let wrong = |what: &str| format!("found {what}; {expected}");
        let mut values = [""; 5];
        let names = ["tile", "lanes", "groups", "weights", "input"];
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let place = names.iter().position(|known| *known == name);
            values[place.ok_or_else(|| wrong(part))?] = value;
        }
        let number = |place: usize, known: &[u32]| {
            let value = values[place].parse().ok();
            value.filter(|value| known.contains(value)).ok_or_else(|| {
                format!(
                    "found {}={:?}, expected one of {known:?}",
                    names[place], values[place]
                )
            })
        };
        let groups = values[2]
            .parse()
            .ok()
            .filter(|count| (1..=65_535).contains(count));
        let tiling = Self {
            tile: number(0, &TILES)?,
            lanes: number(1, &LANES)?,
            groups: groups.ok_or_else(|| wrong(&format!("groups={}", values[2])))?,
            weights: match values[3] {
                "uniform" => WeightPath::Uniform,
                "storage" => WeightPath::Storage,
                other => return Err(wrong(&format!("weights={other}"))),
            },
            keep_x: match values[4] {
                "kept" => true,
                "reread" => false,
                other => return Err(wrong(&format!("input={other}"))),
            },
        };
        if tiling.is_possible() {
            Ok(tiling)
        } else {
            Err(format!(
                "found lanes={}, expected at least {} for tile={}",
                tiling.lanes,
                12 * tiling.tile,
                tiling.tile
            ))
        }
    }
}

impl Tiling {
    /// H2's forward pass needs a lane for every row of every four maps of every example.
    pub fn is_possible(&self) -> bool {
        12 * self.tile <= self.lanes
    }
}

/// A part of a set that one dispatch of `pass` goes through: as large as a buffer may be.
#[derive(Debug, Clone, Copy)]
struct Part {
    index: usize,
    first: u32,
    examples: u32,
    first_row: u32,
    rows: u32,
}

/// Splits a set into parts whose codes fit a buffer of so many bytes.
fn parts(examples: usize, tiling: &Tiling, buffer_bytes: u64) -> Vec<Part> {
    let most = (buffer_bytes / CODE_BYTES).max(1).min(u64::from(u32::MAX)) as usize;
    let count = examples.div_ceil(most).max(1);
    let size = examples.div_ceil(count).max(1);
    let mut parts = Vec::with_capacity(count);
    let mut first_row = 0;
    for index in 0..count {
        let first = index * size;
        let examples = size.min(examples - first) as u32;
        let rows = examples.div_ceil(tiling.tile).min(tiling.groups);
        parts.push(Part {
            index,
            first: first as u32,
            examples,
            first_row,
            rows,
        });
        first_row += rows;
    }
    parts
}

/// The name of a part's own buffer: `codes_train`, `codes_train_1`, …
pub(super) fn of_part(name: &str, part: usize) -> String {
    if part == 0 {
        name.to_owned()
    } else {
        format!("{name}_{part}")
    }
}

struct Way {
    run: &'static str,
    plan: &'static str,
    split: Split,
    random: bool,
    learn: bool,
    advance: bool,
}

const WAYS: [Way; 4] = [
    Way {
        run: "run_training",
        plan: "training",
        split: Split::Train,
        random: true,
        learn: true,
        advance: true,
    },
    Way {
        run: "run_gradient",
        plan: "gradient",
        split: Split::Train,
        random: true,
        learn: true,
        advance: false,
    },
    Way {
        run: "run_train",
        plan: "evaluate-train",
        split: Split::Train,
        random: false,
        learn: false,
        advance: false,
    },
    Way {
        run: "run_test",
        plan: "evaluate-test",
        split: Split::Test,
        random: false,
        learn: false,
        advance: false,
    },
];

fn plan_of(way: &Way, parts: &[Part], runs: &mut Vec<RunSpec>) -> Plan {
    let rows = parts.iter().map(|part| part.rows).sum();
    let batch = parts.iter().map(|part| part.examples).sum();
    let mut dispatches = Vec::new();
    for part in parts {
        let run = of_part(way.run, part.index);
        let split = |name| of_part(&of_split(name, way.split), part.index);
        let bindings = [
            run.clone(),
            "parameters".into(),
            split("codes"),
            split("labels"),
            "progress".into(),
            "partial".into(),
            "now".into(),
        ];
        dispatches.push(Dispatch {
            kernel: "pass",
            bindings: bindings.into(),
            workgroups: [part.rows, 1, 1],
        });
        runs.push(RunSpec {
            name: run,
            split: way.split,
            first: part.first,
            examples: part.examples,
            batch,
            first_row: part.first_row,
            rows,
            random: way.random,
            learn: way.learn,
            advance: way.advance,
        });
    }
    let names = [
        "partial",
        "now",
        "schedule",
        "parameters",
        "moments",
        "gradient",
        "progress",
    ];
    let bindings = std::iter::once(way.run).chain(names).map(str::to_owned);
    dispatches.push(Dispatch {
        kernel: "update",
        bindings: bindings.collect(),
        workgroups: [(PACKED_VECTORS as u32 + 1).div_ceil(UPDATE_VECTORS), 1, 1],
    });
    Plan {
        name: way.plan,
        dispatches,
    }
}

fn buffers(sets: &[(Split, Vec<Part>)], runs: &[RunSpec], recipe: &Recipe) -> Vec<BufferSpec> {
    let mut buffers = Vec::new();
    let mut add = |name: String, bytes: u64, usage| {
        buffers.push(BufferSpec { name, bytes, usage });
    };
    for (split, parts) in sets {
        for part in parts {
            let examples = u64::from(part.examples);
            let name = |name| of_part(&of_split(name, *split), part.index);
            add(name("codes"), CODE_BYTES * examples, Usage::Storage);
            add(name("labels"), 4 * examples, Usage::Storage);
        }
    }
    let rows = sets
        .iter()
        .map(|(_, parts)| parts.iter().map(|part| u64::from(part.rows)).sum::<u64>());
    let vectors = PACKED_VECTORS as u64;
    let slots = u64::from(SLOTS);
    add(
        "partial".into(),
        16 * (vectors + 1) * rows.max().unwrap_or(1),
        Usage::Storage,
    );
    add("parameters".into(), 16 * vectors, Usage::StorageAndUniform);
    add("moments".into(), 2 * 16 * vectors, Usage::Storage);
    add("gradient".into(), 16 * vectors, Usage::Storage);
    add("schedule".into(), 16 * slots, Usage::Storage);
    add(
        "progress".into(),
        4 * (u64::from(TOTALS[2]) + slots),
        Usage::Storage,
    );
    add("now".into(), 8, Usage::Storage);
    let bytes = 4 * compose::Run::of(&runs[0], 1).words(recipe).len() as u64;
    for run in runs {
        add(run.name.clone(), bytes, Usage::Uniform);
    }
    buffers
}

/// The fused program of a recipe on sets of so many examples, with no buffer for images larger than `buffer_bytes`.
pub(super) fn program(
    recipe: &Recipe,
    train: usize,
    test: usize,
    tiling: Tiling,
    buffer_bytes: u64,
) -> Program {
    let sets = [(Split::Train, train), (Split::Test, test)]
        .map(|(split, examples)| (split, parts(examples, &tiling, buffer_bytes)));
    let mut runs = Vec::new();
    let [training, gradient, evaluate_train, evaluate_test] = WAYS.map(|way| {
        let (_, parts) = &sets[usize::from(way.split == Split::Test)];
        plan_of(&way, parts, &mut runs)
    });
    let shader = |kernel, own: &str, uniforms| Shader {
        kernel,
        wgsl: compose::compose_with(recipe, own, super::kernels::kernel(kernel)),
        uniforms,
    };
    let sgd = format!(
        "const OPTIMIZER_IS_SGD: bool = {};\n",
        recipe.optimizer == Optimizer::Sgd
    );
    let uniforms = if tiling.weights == WeightPath::Uniform {
        2
    } else {
        1
    };
    Program {
        buffers: buffers(&sets, &runs, recipe),
        shaders: vec![
            shader("pass", &tiling.constants(), uniforms),
            shader("update", &sgd, 1),
        ],
        runs,
        variant: Variant::Fused(tiling),
        prepare: Plan {
            name: "prepare",
            dispatches: Vec::new(),
        },
        training,
        gradient,
        evaluate_train,
        evaluate_test,
    }
}

// Unrolled in the shader for the net's sizes.
const _: () = assert!(PADDED_SIDE == 20 && H1_SIDE == 8 && MAP_QUADS == 3);

/// Refuses what is neither `layered` nor `fused:` and a tiling.
pub(super) fn parse_variant(text: &str) -> Result<Variant, Error> {
    let refused = |why: String| Error::Usage(format!("--kernels: {why}"));
    match text.strip_prefix("fused:") {
        _ if text == "layered" => Ok(Variant::Layered),
        Some(tiling) => tiling.parse().map(Variant::Fused).map_err(refused),
        None => Err(refused(format!(
            "found {text:?}, expected layered or fused:tile=…"
        ))),
    }
}
