//! Choosing a recipe's numbers without the test set: random search with successive halving, on digits outside the training set or
//! on its folds.

mod space;

use std::ops::Range as Seeds;

use serde::Serialize;

use super::queue::Queue;
use super::record::RunRecord;
use super::run::{Evaluations, Job};
use super::statistics::Sample;
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
/// Runs of the last round's best with seeds that chose nothing: the mean that made it the best was lucky too.
pub const CONFIRMATIONS: u64 = 20;

/// Examples that candidates are compared on.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// This many parts of the training set, each held out in turn.
    Folds(usize),
    /// This many digits outside the training set, which is trained on as a whole.
    ValidationExamples(usize),
}

/// The size of a search.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Settings {
    /// Candidates drawn.
    pub candidates: usize,
    /// Their validation.
    #[serde(flatten)]
    pub validation: Validation,
    /// Seed of the candidates.
    pub seed: u64,
    /// Runs at the same time, each on one thread. Changes no number.
    pub jobs: usize,
}

/// A recipe and the errors of its runs.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// Place in the order in which candidates were drawn.
    #[serde(skip)]
    pub number: usize,
    /// The recipe.
    pub recipe: Recipe,
    /// Share of the validation examples that each run missed; 1 for a run that diverged.
    pub errors: Vec<f64>,
}

impl Candidate {
    /// Mean over the runs.
    pub fn mean(&self) -> f64 {
        self.errors.iter().sum::<f64>() / self.errors.len() as f64
    }

    /// Standard deviation of a run, with n − 1; `None` for fewer than two runs.
    pub fn sd(&self) -> Option<f64> {
        Sample::of(self.errors.iter().copied())?.sd()
    }
}

/// A training set, and the examples held out to validate on as the test set.
pub type Fold = (Digits, DigitsRecord);

impl Validation {
    /// The sets that the runs train and validate on in turn. Digits outside the training set are given as the test set; for
    /// folds, the test set is not looked at.
    ///
    /// # Errors
    /// [`Error::Usage`] for too few or too many folds.
    pub fn of(self, digits: &Digits) -> Result<Vec<Fold>> {
        match self {
            Self::Folds(count) => folds(&digits.train, count),
            Self::ValidationExamples(_) => Ok(vec![(digits.clone(), DigitsRecord::of(digits))]),
        }
    }
}

/// The training set with each of `count` parts held out in turn: examples `fold`, `fold + count`, …
fn folds(train: &Dataset, count: usize) -> Result<Vec<Fold>> {
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

/// The end of a search, or of what a process can do of it now.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The best of the last round with the errors of [`CONFIRMATIONS`] new runs.
    Confirmed(Candidate),
    /// A round lacks runs that are not this process's.
    Waiting {
        /// The round, from 0; the confirmation is the one after the last.
        round: usize,
        /// Runs that it lacks.
        missing: usize,
        /// Runs that it has in all.
        runs: usize,
    },
}

/// Searches from `base` on these sets; `watch` sees the round (from 0) and its candidates, the best first, after each round.
/// Runs that the queue's folder has are not run again, and only those of the part that it is open for are run: a round ends
/// when all are there, whoever ran them, so that any number of shares finds the same best candidate.
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
) -> Result<Outcome> {
    let mut sampler = Sampler::new(settings.seed);
    let examples = folds[0].0.train.len();
    let mut field: Vec<Candidate> = (0..settings.candidates.max(1))
        .map(|number| Candidate {
            number,
            recipe: space.draw(base, examples, &mut sampler),
            errors: Vec::new(),
        })
        .collect();
    let mut first_seed = FIRST_SEED;
    let mut next = |runs| {
        let seeds = first_seed..first_seed + runs;
        first_seed = seeds.end;
        seeds
    };
    for (round, runs) in ROUNDS.into_iter().enumerate() {
        if round > 0 {
            field.truncate((field.len() / KEPT).max(2));
        }
        if let Some((missing, runs)) = run(&mut field, next(runs), folds, queue, settings.jobs)? {
            return Ok(waiting(round, missing, runs));
        }
        field.sort_by(|a, b| a.mean().total_cmp(&b.mean()));
        watch(round, &field)?;
    }
    field.truncate(1);
    field[0].errors.clear();
    let seeds = next(CONFIRMATIONS);
    if let Some((missing, runs)) = run(&mut field, seeds, folds, queue, settings.jobs)? {
        return Ok(waiting(ROUNDS.len(), missing, runs));
    }
    Ok(Outcome::Confirmed(field.swap_remove(0)))
}

fn waiting(round: usize, missing: usize, runs: usize) -> Outcome {
    Outcome::Waiting {
        round,
        missing,
        runs,
    }
}

/// Adds runs with these seeds to each candidate's. Returns how many runs of how many are not there, if any is missing.
fn run(
    field: &mut [Candidate],
    seeds: Seeds<u64>,
    folds: &[Fold],
    queue: &Queue,
    workers: usize,
) -> Result<Option<(usize, usize)>> {
    let mut jobs = Vec::new();
    for candidate in field.iter() {
        for seed in seeds.clone() {
            let (digits, record) = &folds[(seed % folds.len() as u64) as usize];
            let recipe = Recipe {
                seed,
                ..candidate.recipe.clone()
            };
            recipe.validate_updates(digits.train.len())?;
            let (Length::Steps(length) | Length::Epochs(length)) = recipe.length;
            let row = format!("{length}-candidate-{}", candidate.number);
            let target = Target::Cpu(1).of_batch(recipe.batch);
            jobs.push(Job {
                evaluations: Evaluations::End,
                ..Job::new(row, (digits, record), recipe, target)
            });
        }
    }
    let records = queue.gather(&jobs, workers)?;
    let missing = records.iter().filter(|run| run.is_none()).count();
    if missing > 0 {
        return Ok(Some((missing, jobs.len())));
    }
    // A run that diverged has missed all.
    let error = |run: &RunRecord| run.last().map_or(1.0, |end| end.test.error);
    let errors: Vec<f64> = records.iter().flatten().map(error).collect();
    for (candidate, errors) in field.iter_mut().zip(errors.chunks(seeds.count())) {
        candidate.errors.extend(errors);
    }
    Ok(None)
}
