//! Choosing a recipe's numbers without the test set: random search with successive halving on folds of the training set.

mod space;

use serde::Serialize;

use super::queue::Queue;
use super::run::Job;
use crate::data::{Dataset, Digits, DigitsRecord};
use crate::error::{Error, Result};
use crate::recipe::{Length, Recipe};
use crate::target::Target;

pub use space::{Choices, Field, Range, Sampler, Space};

/// Runs that each round adds to a candidate's.
pub const ROUNDS: [u64; 4] = [1, 2, 4, 8];
/// One candidate in this many enters the next round.
pub const KEPT: usize = 4;
/// First seed of a search's runs; none is a recipe's own.
pub const FIRST_SEED: u64 = 100_000;

/// The size of a search.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Candidates drawn.
    pub candidates: usize,
    /// Parts of the training set, each held out in turn.
    pub folds: usize,
    /// Seed of the candidates.
    pub seed: u64,
    /// Runs at the same time, each on one thread. Changes no number.
    pub jobs: usize,
}

/// A recipe and the errors of its runs.
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

/// A training set with one of its parts held out, as the test set.
pub type Fold = (Digits, DigitsRecord);

/// The training set with each of `count` parts held out in turn: examples `fold`, `fold + count`, …
///
/// # Errors
/// [`Error::Usage`] for too few or too many parts.
pub fn folds(train: &Dataset, count: usize) -> Result<Vec<Fold>> {
    if count < 2 || count > train.len() {
        return Err(Error::Usage(format!(
            "--folds: found {count}, expected 2 to {} (the training examples)",
            train.len()
        )));
    }
    let held_out = |fold| {
        let (test, kept): (Vec<usize>, Vec<usize>) =
            (0..train.len()).partition(|index| index % count == fold);
        let digits = Digits {
            train: train.subset(&kept),
            test: train.subset(&test),
            source: format!("fold {fold} of {count} of the training set"),
        };
        let record = DigitsRecord::of(&digits);
        (digits, record)
    };
    Ok((0..count).map(held_out).collect())
}

/// Searches from `base` on these folds of a training set; `watch` sees the round (from 0) and its candidates, the best first, after
/// each round. Returns the best of the last round. Runs that the queue's folder has are not run again.
///
/// Round r adds [`ROUNDS`]`[r]` runs to each candidate's, the same seeds to all and each seed with its own fold, so that
/// candidates are compared on equal terms; then one in [`KEPT`] (at least two) enters the next round.
///
/// # Errors
/// If a recipe has too many updates; what the queue returns, and `watch`.
pub fn search(
    folds: &[Fold],
    base: &Recipe,
    space: &Space,
    settings: Settings,
    queue: &Queue,
    watch: &mut dyn FnMut(usize, &[Candidate]) -> Result<()>,
) -> Result<Candidate> {
    let mut sampler = Sampler::new(settings.seed);
    let mut field: Vec<(usize, Candidate)> = (0..settings.candidates.max(1))
        .map(|number| {
            let recipe = space.draw(base, &mut sampler);
            let errors = Vec::new();
            (number, Candidate { recipe, errors })
        })
        .collect();
    let mut first_seed = FIRST_SEED;
    for (round, runs) in ROUNDS.into_iter().enumerate() {
        let seeds = first_seed..first_seed + runs;
        let mut jobs = Vec::new();
        for (number, candidate) in &field {
            for seed in seeds.clone() {
                let (digits, record) = &folds[(seed % folds.len() as u64) as usize];
                let recipe = Recipe {
                    seed,
                    ..candidate.recipe.clone()
                };
                recipe.validate_updates(digits.train.len())?;
                let (Length::Steps(length) | Length::Epochs(length)) = recipe.length;
                let row = format!("{length}-candidate-{number}");
                let target = Target::Cpu(1).of_batch(recipe.batch);
                jobs.push(Job::new(row, (digits, record), recipe, target));
            }
        }
        let records = queue.run(&jobs, settings.jobs)?;
        // A run that diverged has missed all.
        let errors = records
            .iter()
            .map(|run| run.last().map_or(1.0, |end| end.test.error));
        let errors: Vec<f64> = errors.collect();
        for ((_, candidate), errors) in field.iter_mut().zip(errors.chunks(runs as usize)) {
            candidate.errors.extend(errors);
        }
        first_seed += runs;
        field.sort_by(|(_, a), (_, b)| a.mean().total_cmp(&b.mean()));
        let candidates: Vec<Candidate> = field.iter().map(|(_, one)| one.clone()).collect();
        watch(round, &candidates)?;
        if round + 1 < ROUNDS.len() {
            field.truncate((field.len() / KEPT).max(2));
        }
    }
    Ok(field.swap_remove(0).1)
}
