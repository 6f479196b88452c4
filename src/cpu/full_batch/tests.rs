//! Internals; `tests/cpu/full_batch.rs` compares the engine with the reference.

use bytemuck::{NoUninit, cast_slice};

use super::stages::Stage;
use super::{FullBatch, Threads};
use crate::cpu::simd::Level;
use crate::data::{Digits, embedded};
use crate::engine::Engine;
use crate::recipe::{Recipe, RecipeName};

/// More than one chunk: 64 examples are a tile.
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
        engine.scratch.truncate(threads.count());
        engine.threads = threads;
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
        let scratch = engine.scratch[0].get_mut().unwrap();
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

#[test]
fn chunks_cover_all_examples_in_order_in_whole_tiles() {
    for examples in [1, 64, 65, 200, 7_291, 50_000, 1_000_000] {
        let chunks = super::chunks(examples);
        let mut next = 0;
        for chunk in &chunks {
            assert_eq!(chunk.start, next);
            assert!(chunk.start % super::TILE == 0 && !chunk.is_empty());
            next = chunk.end;
        }
        assert_eq!(next, examples);
        assert!(chunks.len() <= 1_000_000 / 4_096 + 1);
    }
}
