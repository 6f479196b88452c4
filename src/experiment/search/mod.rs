//! Choosing a recipe's numbers without the test set: random search with successive halving on folds of the training set.

mod space;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::data::{Dataset, Digits};
use crate::engine::Split;
use crate::error::{Error, Result};
use crate::recipe::Recipe;
use crate::target::{self, Target};

pub use space::{Draw, Field, Range, Space, Values};

/// Runs that each round adds to a candidate's.
pub const ROUNDS: [u64; 4] = [1, 2, 4, 8];
/// One candidate in so many goes into the next round.
pub const KEPT: usize = 4;
/// Seeds of a search's runs begin here; none is a recipe's own.
pub const FIRST_SEED: u64 = 100_000;

/// How a search goes about it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Plan {
    /// Candidates drawn.
    pub candidates: usize,
    /// Parts of the training set, each held out in turn.
    pub folds: usize,
    /// Seed of the candidates.
    pub seed: u64,
    /// Runs at the same time, each on one thread. Changes no number.
    pub jobs: usize,
}

/// A recipe and how it has done.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// The recipe.
    pub recipe: Recipe,
    /// Share of the held-out examples that each run missed; 1 for a run that diverged.
    pub errors: Vec<f64>,
}

impl Candidate {
    /// Mean over the runs.
    pub fn mean(&self) -> f64 {
        self.errors.iter().sum::<f64>() / self.errors.len() as f64
    }
}

/// The training set with one of `folds` parts held out, as the test set: examples `fold`, `fold + folds`, …
fn held_out(train: &Dataset, fold: usize, folds: usize) -> Digits {
    let (test, kept): (Vec<usize>, Vec<usize>) =
        (0..train.len()).partition(|index| index % folds == fold);
    Digits {
        train: train.subset(&kept),
        test: train.subset(&test),
        source: format!("fold {fold} of {folds} of the training set"),
    }
}

/// Share of the held-out examples missed after one run.
fn error_of(digits: &Digits, recipe: &Recipe, seed: u64) -> Result<f64> {
    let recipe = Recipe {
        seed,
        ..recipe.clone()
    };
    let updates = recipe.validate_updates(digits.train.len())?;
    let start = recipe.initial_parameters();
    let target = Target::Cpu(1).of_batch(recipe.batch);
    let mut engine = target::open(&target, digits, &recipe, &start)?.engine;
    let losses = engine.train(updates)?;
    if losses.iter().any(|loss| !loss.is_finite()) {
        return Ok(1.0);
    }
    Ok(engine.evaluate(Split::Test)?.error())
}

/// Searches from `base` on a training set; `watch` sees the round (from 0) and its candidates, the best first, after
/// each round. Returns the best of the last round.
///
/// Round r adds [`ROUNDS`]`[r]` runs to each candidate's, the same seeds to all and each seed with a fold of its own, so
/// that candidates are compared on equal terms; then one in [`KEPT`] (at least two) goes on.
///
/// # Errors
/// What the runs return, and `watch`.
pub fn search(
    train: &Dataset,
    base: &Recipe,
    space: &Space,
    plan: Plan,
    watch: &mut dyn FnMut(usize, &[Candidate]) -> Result<()>,
) -> Result<Candidate> {
    if plan.folds < 2 || plan.folds > train.len() {
        return Err(Error::Usage(format!(
            "--folds: found {}, expected 2 to {} (the training examples)",
            plan.folds,
            train.len()
        )));
    }
    let folds: Vec<Digits> = (0..plan.folds)
        .map(|fold| held_out(train, fold, plan.folds))
        .collect();
    let mut draw = Draw::new(plan.seed);
    let mut field: Vec<Candidate> = (0..plan.candidates.max(1))
        .map(|_| Candidate {
            recipe: space.draw(base, &mut draw),
            errors: Vec::new(),
        })
        .collect();
    let mut first_seed = FIRST_SEED;
    for (round, runs) in ROUNDS.into_iter().enumerate() {
        let seeds = first_seed..first_seed + runs;
        let jobs: Vec<(usize, u64)> = (0..field.len())
            .flat_map(|index| seeds.clone().map(move |seed| (index, seed)))
            .collect();
        let errors = in_parallel(plan.jobs, jobs.len(), |job| {
            let (index, seed) = jobs[job];
            let fold = &folds[(seed % plan.folds as u64) as usize];
            error_of(fold, &field[index].recipe, seed)
        })?;
        for ((index, _), error) in jobs.into_iter().zip(errors) {
            field[index].errors.push(error);
        }
        first_seed += runs;
        field.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
        watch(round, &field)?;
        if round + 1 < ROUNDS.len() {
            field.truncate((field.len() / KEPT).max(2));
        }
    }
    Ok(field.swap_remove(0))
}

/// The results of so many jobs in their order, up to `threads` of them at the same time.
fn in_parallel(
    threads: usize,
    count: usize,
    job: impl Fn(usize) -> Result<f64> + Sync,
) -> Result<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(
        (0..count)
            .map(|_| None)
            .collect::<Vec<Option<Result<f64>>>>(),
    );
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = job(index);
            let mut results = results
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            results[index] = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(work);
        }
    });
    let results = results
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    results
        .into_iter()
        .map(|result| result.expect("every job ran"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::recipe::{Length, Name};

    fn found(jobs: usize, seed: u64) -> (Candidate, Vec<usize>) {
        let train = embedded::digits().train.truncated(200);
        let base = Recipe {
            length: Length::Steps(12),
            ..Recipe::named(Name::FullBatch)
        };
        // One rate learns, the other leaves the net where it is.
        let own = [
            "learning-rate=0.02|0.0000001".parse().unwrap(),
            "warmup-share=0.1".parse().unwrap(),
        ];
        let space = Space::of(&base, &own);
        let plan = Plan {
            candidates: 9,
            folds: 4,
            seed,
            jobs,
        };
        let mut sizes = Vec::new();
        let best = search(&train, &base, &space, plan, &mut |_, field| {
            assert!(
                field
                    .windows(2)
                    .all(|pair| pair[0].mean() <= pair[1].mean())
            );
            sizes.push(field.len());
            Ok(())
        });
        (best.unwrap(), sizes)
    }

    #[test]
    fn the_best_is_found_whatever_the_jobs() {
        let (best, sizes) = found(1, 3);
        assert_eq!(sizes, [9, 2, 2, 2]);
        assert_eq!(best.errors.len(), 15);
        assert_eq!(best.recipe.learning_rate, 0.02);
        assert!(best.mean() < 0.7, "{}", best.mean());
        let (again, _) = found(2, 3);
        assert_eq!((again.recipe, again.errors), (best.recipe, best.errors));
    }

    #[test]
    fn folds_share_no_example_and_leave_none_out() {
        let train = embedded::digits().train.truncated(103);
        let mut held = 0;
        for fold in 0..10 {
            let digits = held_out(&train, fold, 10);
            assert_eq!(digits.train.len() + digits.test.len(), 103);
            assert_eq!(digits.test.image_codes(0), train.image_codes(fold));
            held += digits.test.len();
        }
        assert_eq!(held, 103);
    }
}
