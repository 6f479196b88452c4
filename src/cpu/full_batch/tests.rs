//! Internals; `tests/cpu/full_batch.rs` compares the engine with the reference.

use bytemuck::{NoUninit, cast_slice};

use super::FullBatch;
use super::blocks::Blocks;
use super::stages::Stage;
use crate::cpu::simd::Level;
use crate::data::{Digits, embedded};
use crate::engine::Engine;
use crate::recipe::{Recipe, RecipeName};
use crate::threads::Threads;

/// More than one block: 64 examples are a tile.
fn digits() -> Digits {
    let digits = embedded::digits();
    Digits {
        train: digits.train.truncated(64 * 5 + 9),
        ..digits
    }
}

#[test]
fn the_present_thread_computes_what_a_pool_does() {
    let recipe = Recipe::named(RecipeName::FullBatchModern);
    let start = recipe.initial_parameters();
    let states = [Threads::start(2), Threads::refused(2)].map(|threads| {
        let mut engine = FullBatch::new(digits(), recipe.clone(), &start).unwrap();
        engine.blocks = Blocks::new(recipe.clone(), Level::best(), threads);
        let losses = engine.train(3).unwrap();
        (losses, engine.state().unwrap())
    });
    assert_eq!(states[0], states[1]);
}

/// Each stage writes what it is named after.
#[test]
fn every_stage_runs_alone() {
    for level in Level::available() {
        let recipe = Recipe::named(RecipeName::FullBatchMuon);
        let start = recipe.initial_parameters();
        let mut engine =
            FullBatch::with_level_and_threads(digits(), recipe, &start, level, 1).unwrap();
        for &stage in Stage::ALL {
            engine.run_first_tile(&[stage]);
        }
        let scratch = engine.blocks.scratch();
        for t in &scratch.vectors {
            assert!(written(&t.h1) && written(&t.h2));
            assert!(written(&t.out) && written(&t.d_out) && written(&t.d_h3));
        }
        let sums = &scratch.sums;
        assert!(written(&sums.h1w) && written(&sums.h2w) && written(&sums.outw));
    }
}

fn written(values: &[impl NoUninit]) -> bool {
    let values: &[f32] = cast_slice(values);
    values.iter().any(|&value| value != 0.0) && values.iter().all(|value| value.is_finite())
}
