//! A step of two dispatches, or three with Muon: `forward_backward` from pixel codes to partial sums of the gradient,
//! `update` from those to the new parameters. A set whose codes fit no buffer goes through in shards, one dispatch of
//! `forward_backward` each.

use std::borrow::Cow;

use super::plan::{Buffer, BufferSpec, Dispatch, Plan, Program, Uniform, Usage};
use super::variant::Variant;
use super::{Sizes, empty_plan, shader};
use crate::engine::Split;
use crate::gpu::layout::packing::PACKED_VECTORS;
use crate::gpu::layout::sizes::{CODE_BYTES, LOSSES, SLOTS, UPDATE_VECTORS};
use crate::gpu::layout::tiling::{Tiling, WeightPath};
use crate::gpu::wgsl::constants;
use crate::gpu::wgsl::kernels::{FORWARD_BACKWARD, Kernel, MUON, UPDATE};
use crate::gpu::wgsl::uniform::{Purpose, StepParams};
use crate::net::PARAMETER_COUNT;
use crate::recipe::muon::MATRICES;
use crate::recipe::{Optimizer, Recipe};

/// A part of a set that one dispatch of `forward_backward` goes through: as large as a buffer may be.
#[derive(Debug, Clone, Copy)]
struct Shard {
    index: usize,
    first: u32,
    examples: u32,
    first_row: u32,
    rows: u32,
}

/// Splits a set into shards whose codes fit a buffer of this size.
fn shards(examples: usize, tiling: &Tiling, buffer_bytes: u64) -> Vec<Shard> {
    let most = (buffer_bytes / CODE_BYTES).clamp(1, u32::MAX.into()) as usize;
    let count = examples.div_ceil(most).max(1);
    let size = examples.div_ceil(count).max(1);
    let mut shards = Vec::with_capacity(count);
    let mut first_row = 0;
    for index in 0..count {
        let first = index * size;
        let examples = size.min(examples - first) as u32;
        let rows = examples.div_ceil(tiling.tile).min(tiling.groups);
        shards.push(Shard {
            index,
            first: first as u32,
            examples,
            first_row,
            rows,
        });
        first_row += rows;
    }
    shards
}

/// A dispatch of a kernel whose bindings are the buffers of their names, but for those that `other` gives.
fn dispatch(
    kernel: &'static Kernel,
    params: Buffer,
    workgroups: u32,
    other: impl Fn(&'static str) -> Option<Buffer>,
) -> Dispatch {
    let storage = kernel.reads.iter().chain(kernel.writes);
    let storage = storage.map(|&name| other(name).unwrap_or(Buffer::of(name)));
    Dispatch {
        kernel: Cow::Borrowed(kernel.name),
        buffers: std::iter::once(params).chain(storage).collect(),
        workgroups: [workgroups, 1, 1],
    }
}

fn plan(recipe: &Recipe, purpose: Purpose, name: &'static str, shards: &[Shard]) -> Plan {
    let params = |shard| Buffer::of_params(purpose, shard);
    let mut dispatches = Vec::new();
    for shard in shards {
        let buffer = |name| match name {
            "weights" => Some(Buffer::of("parameters")),
            "codes" | "labels" => Some(Buffer::of_set(name, purpose.split(), shard.index)),
            _ => None,
        };
        let params = params(shard.index);
        dispatches.push(dispatch(&FORWARD_BACKWARD, params, shard.rows, buffer));
    }
    let groups = (PACKED_VECTORS as u32 + 1).div_ceil(UPDATE_VECTORS);
    dispatches.push(dispatch(&UPDATE, params(0), groups, |_| None));
    if recipe.optimizer == Optimizer::Muon && purpose == Purpose::Training {
        // `update` has advanced the slot in `progress`; `step_state` still holds this step's.
        let buffer = |name| match name {
            "progress" => Some(Buffer::of("step_state")),
            "first_moment" => Some(Buffer::of("moments")),
            _ => None,
        };
        dispatches.push(dispatch(&MUON, params(0), MATRICES.len() as u32, buffer));
    }
    Plan {
        name: Cow::Borrowed(name),
        dispatches,
    }
}

/// The uniforms of a purpose, one per shard.
fn uniforms_of(purpose: Purpose, shards: &[Shard]) -> impl Iterator<Item = Uniform> {
    let rows = shards.iter().map(|shard| shard.rows).sum();
    let batch = shards.iter().map(|shard| shard.examples).sum();
    shards.iter().map(move |shard| Uniform {
        buffer: Buffer::of_params(purpose, shard.index),
        params: StepParams {
            first: shard.first,
            examples: shard.examples,
            batch,
            first_row: shard.first_row,
            rows,
            ..StepParams::of(purpose, 0)
        },
    })
}

fn buffers(sets: &[(Split, Vec<Shard>)], recipe: &Recipe) -> Vec<BufferSpec> {
    let mut buffers = Vec::new();
    let mut add = |buffer: Buffer, bytes: u64, usage| {
        buffers.push(BufferSpec {
            buffer,
            bytes,
            usage,
        });
    };
    for (split, shards) in sets {
        for shard in shards {
            let examples = u64::from(shard.examples);
            let of_set = |tensor| Buffer::of_set(tensor, *split, shard.index);
            add(of_set("codes"), CODE_BYTES * examples, Usage::Storage);
            add(of_set("labels"), 4 * examples, Usage::Storage);
        }
    }
    let rows = sets.iter().map(|(_, shards)| {
        let rows = shards.iter().map(|shard| u64::from(shard.rows));
        rows.sum::<u64>()
    });
    let rows = rows.max().unwrap_or(1);
    let (vectors, slots) = (PACKED_VECTORS as u64, u64::from(SLOTS));
    let parameters = Buffer::of("parameters");
    add(parameters, 16 * vectors, Usage::StorageAndUniform);
    for (name, bytes) in [
        ("partial", 16 * (vectors + 1) * rows),
        ("moments", 2 * 16 * vectors),
        ("gradient", 16 * vectors),
        ("schedule", 16 * slots),
        ("progress", 4 * (LOSSES as u64 + slots)),
        ("step_state", 8),
    ] {
        add(Buffer::of(name), bytes, Usage::Storage);
    }
    if recipe.optimizer == Optimizer::Muon {
        let bytes = 4 * PARAMETER_COUNT as u64;
        add(Buffer::of("packed_index"), bytes, Usage::Storage);
    }
    buffers
}

/// The fused program of a recipe.
pub(super) fn program(recipe: &Recipe, sizes: Sizes, tiling: Tiling) -> Program {
    let bytes = sizes.image_buffer_bytes;
    let sets = [(Split::Train, sizes.train), (Split::Test, sizes.test)];
    let sets = sets.map(|(split, examples)| (split, shards(examples, &tiling, bytes)));
    let of = |purpose: Purpose| {
        sets[usize::from(purpose.split() == Split::Test)]
            .1
            .as_slice()
    };
    let plan_of = |purpose, name| plan(recipe, purpose, name, of(purpose));
    let uniforms = Purpose::ALL.into_iter();
    let uniforms: Vec<_> = uniforms
        .flat_map(|purpose| uniforms_of(purpose, of(purpose)))
        .collect();
    let mut buffers = buffers(&sets, recipe);
    buffers.extend(uniforms.iter().map(|uniform| uniform.spec(recipe)));
    let own = constants::of_tiling(&tiling);
    let mut shaders = vec![
        shader(&FORWARD_BACKWARD, recipe, &own, tiling.weights),
        shader(
            &UPDATE,
            recipe,
            &constants::of_update(recipe),
            WeightPath::Storage,
        ),
    ];
    if recipe.optimizer == Optimizer::Muon {
        shaders.push(shader(&MUON, recipe, "", WeightPath::Storage));
    }
    Program {
        buffers,
        shaders,
        uniforms,
        variant: Variant::Fused(tiling),
        prepare: empty_plan("prepare"),
        training: plan_of(Purpose::Training, "training"),
        gradient: plan_of(Purpose::Gradient, "gradient"),
        evaluate_train: plan_of(Purpose::EvaluateTrain, "evaluate-train"),
        evaluate_test: plan_of(Purpose::EvaluateTest, "evaluate-test"),
    }
}
