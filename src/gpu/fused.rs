//! The fused step: one kernel from pixel codes to shares of the gradient, one from those to the new parameters.

use super::layout::CODE_BYTES;
use super::packing::PACKED_VECTORS;
use super::plan::{
    BufferSpec, Dispatch, Plan, Program, RunSpec, SLOTS, Shader, Usage, Variant, of_split,
};
pub use super::tiling::{GROUPS, LANES, TILES, Tiling, WeightPath};
use crate::engine::Split;
use crate::gpu::compose;
use crate::net::PARAMETER_COUNT;
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};

/// Lanes of a workgroup of `update`.
pub const UPDATE_LANES: u32 = 256;
/// Vectors of parameters that a workgroup of `update` handles.
pub const UPDATE_VECTORS: u32 = 16;
/// Where `progress` holds the sum of the losses, the misses, and the first step's loss.
pub const TOTALS: [u32; 3] = [2, 3, 4];

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

/// Each uniform's name, which says what the run is for ([`RunSpec::named`]), and its plan's.
const WAYS: [(&str, &str); 4] = [
    ("run_training", "training"),
    ("run_gradient", "gradient"),
    ("run_train", "evaluate-train"),
    ("run_test", "evaluate-test"),
];

fn plan_of(
    kind: &RunSpec,
    plan: &'static str,
    optimizer: Optimizer,
    parts: &[Part],
    runs: &mut Vec<RunSpec>,
) -> Plan {
    let rows = parts.iter().map(|part| part.rows).sum();
    let batch = parts.iter().map(|part| part.examples).sum();
    let mut dispatches = Vec::new();
    for part in parts {
        let run = of_part(&kind.name, part.index);
        let split = |name| of_part(&of_split(name, kind.split), part.index);
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
            first: part.first,
            examples: part.examples,
            batch,
            first_row: part.first_row,
            rows,
            ..kind.clone()
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
    let bindings = std::iter::once(kind.name.as_str())
        .chain(names)
        .map(str::to_owned);
    dispatches.push(Dispatch {
        kernel: "update",
        bindings: bindings.collect(),
        workgroups: [(PACKED_VECTORS as u32 + 1).div_ceil(UPDATE_VECTORS), 1, 1],
    });
    if optimizer == Optimizer::Muon && kind.advance {
        // `update` has advanced the slot in `progress`; `now` still holds this step's.
        let names = [
            &kind.name,
            "gradient",
            "schedule",
            "now",
            "places",
            "parameters",
            "moments",
        ];
        dispatches.push(Dispatch {
            kernel: "muon",
            bindings: names.map(str::to_owned).into(),
            workgroups: [MATRICES.len() as u32, 1, 1],
        });
    }
    Plan {
        name: plan,
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
    if recipe.optimizer == Optimizer::Muon {
        add("places".into(), 4 * PARAMETER_COUNT as u64, Usage::Storage);
    }
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
    let [training, gradient, evaluate_train, evaluate_test] = WAYS.map(|(run, plan)| {
        let kind = RunSpec::named(run, train, test);
        let (_, parts) = &sets[usize::from(kind.split == Split::Test)];
        plan_of(&kind, plan, recipe.optimizer, parts, &mut runs)
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
    let mut shaders = vec![
        shader("pass", &tiling.constants(), uniforms),
        shader("update", &sgd, 1),
    ];
    if recipe.optimizer == Optimizer::Muon {
        shaders.push(shader("muon", "", 1));
    }
    Program {
        buffers: buffers(&sets, &runs, recipe),
        shaders,
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
