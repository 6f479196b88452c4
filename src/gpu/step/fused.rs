//! A step of two dispatches, three with Muon, five with whitened Muon: `forward_backward` from pixel codes to partial sums of the gradient,
//! `update` from those to the new parameters. A set whose codes fit no buffer, or that would keep a slow device busy for seconds, goes
//! through in shards, one dispatch of `forward_backward` each.

use std::borrow::Cow;

use super::plan::{Buffer, BufferSpec, Plan, Program, Uniform, Usage};
use super::{Sizes, Variant, buffers_of_matrices, dispatch, of_matrices, shader};
use crate::engine::Split;
use crate::gpu::layout::packing::PACKED_VECTORS;
use crate::gpu::layout::sizes::{CODE_BYTES, LOSSES, SLOTS, UPDATE_VECTORS};
use crate::gpu::layout::tiling::{Tiling, WeightPath};
use crate::gpu::wgsl::constants;
use crate::gpu::wgsl::kernels::{FORWARD_BACKWARD, UPDATE};
use crate::gpu::wgsl::uniform::{Purpose, StepParams};
use crate::named::Named;
use crate::recipe::Recipe;

/// Examples of a dispatch at most. A GPU of 0.2 TFLOP/s takes a quarter of a second for them; where one takes two seconds,
/// Windows and some Linux drivers reset the device.
const MOST_IN_A_DISPATCH: u64 = 1 << 17;

/// A part of a set that one dispatch of `forward_backward` goes through.
#[derive(Debug, Clone, Copy)]
struct Shard {
    index: usize,
    first: u32,
    examples: u32,
    first_row: u32,
    rows: u32,
}

/// Splits a set into shards that suit a dispatch, and whose codes fit a buffer of this size.
fn shards(examples: usize, tiling: &Tiling, buffer_bytes: u64) -> Vec<Shard> {
    let most = (buffer_bytes / CODE_BYTES).clamp(1, MOST_IN_A_DISPATCH) as usize;
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

fn plan(recipe: &Recipe, purpose: Purpose, shards: &[Shard]) -> Plan {
    let params = |shard| Buffer::of_params(purpose, shard);
    let mut dispatches = Vec::new();
    for shard in shards {
        let buffer = |name| match name {
            "weights" => Buffer::of("parameters"),
            "codes" | "labels" => Buffer::of_set(name, purpose.split(), shard.index),
            _ => Buffer::of(name),
        };
        let (params, groups) = (params(shard.index), [shard.rows, 1]);
        dispatches.push(dispatch(&FORWARD_BACKWARD, params, groups, buffer));
    }
    let groups = [(PACKED_VECTORS as u32 + 1).div_ceil(UPDATE_VECTORS), 1];
    dispatches.push(dispatch(&UPDATE, params(0), groups, Buffer::of));
    if purpose == Purpose::Training {
        // `update` has advanced the slot in `progress`; `step_state` still holds this step's.
        let buffer = |name| match name {
            "progress" => Buffer::of("step_state"),
            "first_moment" => Buffer::of("moments"),
            _ => Buffer::of(name),
        };
        let runs = of_matrices(recipe.optimizer).into_iter();
        dispatches.extend(runs.map(|(kernel, groups)| dispatch(kernel, params(0), groups, buffer)));
    }
    Plan {
        name: Cow::Borrowed(purpose.name()),
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
    let storage = BufferSpec::storage;
    let mut buffers = Vec::new();
    for (split, shards) in sets {
        for shard in shards {
            let examples = u64::from(shard.examples);
            let of_set = |tensor| Buffer::of_set(tensor, *split, shard.index);
            buffers.push(storage(of_set("codes"), CODE_BYTES * examples));
            buffers.push(storage(of_set("labels"), 4 * examples));
        }
    }
    let rows = sets.iter().map(|(_, shards)| {
        let rows = shards.iter().map(|shard| u64::from(shard.rows));
        rows.sum::<u64>()
    });
    let rows = rows.max().unwrap_or(1);
    let (vectors, slots) = (PACKED_VECTORS as u64, u64::from(SLOTS));
    buffers.push(BufferSpec {
        usage: Usage::StorageAndUniform,
        ..storage(Buffer::of("parameters"), 16 * vectors)
    });
    for (name, bytes) in [
        ("partial", 16 * (vectors + 1) * rows),
        ("moments", 2 * 16 * vectors),
        ("gradient", 16 * vectors),
        ("schedule", 16 * slots),
        ("progress", 4 * (LOSSES as u64 + slots)),
        ("step_state", 8),
    ] {
        buffers.push(storage(Buffer::of(name), bytes));
    }
    buffers.extend(buffers_of_matrices(recipe.optimizer));
    buffers
}

/// The fused program of a recipe, without the uniform buffers, which `Program::build` adds.
pub(super) fn program(recipe: &Recipe, sizes: Sizes, tiling: Tiling) -> Program {
    let bytes = sizes.image_buffer_bytes;
    let sets = [(Split::Train, sizes.train), (Split::Test, sizes.test)];
    let sets = sets.map(|(split, examples)| (split, shards(examples, &tiling, bytes)));
    let of = |purpose: Purpose| match purpose.split() {
        Split::Train => sets[0].1.as_slice(),
        Split::Test => sets[1].1.as_slice(),
    };
    let plan_of = |purpose| plan(recipe, purpose, of(purpose));
    let purposes = Purpose::TABLE.iter().map(|entry| entry.value);
    let uniforms = purposes.flat_map(|purpose| uniforms_of(purpose, of(purpose)));
    let (shape, update) = (constants::of_tiling(&tiling), constants::of_update(recipe));
    let mut shaders = vec![
        shader(&FORWARD_BACKWARD, recipe, &shape, tiling.weights),
        shader(&UPDATE, recipe, &update, WeightPath::Storage),
    ];
    let of_matrices = of_matrices(recipe.optimizer).into_iter();
    shaders.extend(of_matrices.map(|(kernel, _)| shader(kernel, recipe, "", WeightPath::Storage)));
    Program {
        buffers: buffers(&sets, recipe),
        shaders,
        uniforms: uniforms.collect(),
        variant: Variant::Fused(tiling),
        prepare: Plan {
            name: Cow::Borrowed("prepare"),
            dispatches: Vec::new(),
        },
        training: plan_of(Purpose::Training),
        gradient: plan_of(Purpose::Gradient),
        evaluate_train: plan_of(Purpose::EvaluateTrain),
        evaluate_test: plan_of(Purpose::EvaluateTest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_a_set_and_suit_a_dispatch() {
        let tiling = "tile=8,lanes=128,groups=264,weights=storage,input=reread";
        let tiling: Tiling = tiling.parse().unwrap();
        let found = |examples, buffer_bytes| -> Vec<[u32; 4]> {
            let shards = shards(examples, &tiling, buffer_bytes)
                .into_iter()
                .enumerate();
            let of = |(index, shard): (usize, Shard)| {
                assert_eq!(shard.index, index);
                [shard.first, shard.examples, shard.first_row, shard.rows]
            };
            shards.map(of).collect()
        };
        assert_eq!(found(0, u64::MAX), [[0, 0, 0, 0]]);
        assert_eq!(found(17, u64::MAX), [[0, 17, 0, 3]]);
        assert_eq!(found(1 << 17, u64::MAX), [[0, 1 << 17, 0, 264]]);
        let many = [
            [0, 100_000, 0, 264],
            [100_000, 100_000, 264, 264],
            [200_000, 100_000, 528, 264],
        ];
        assert_eq!(found(300_000, u64::MAX), many);
        // Buffers for nine images, and for less than one.
        let few = [[0, 9, 0, 2], [9, 9, 2, 2], [18, 7, 4, 1]];
        assert_eq!(found(25, 9 * CODE_BYTES + 1), few);
        assert_eq!(found(2, 1), [[0, 1, 0, 1], [1, 1, 1, 1]]);
    }
}
