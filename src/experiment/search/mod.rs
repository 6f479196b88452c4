//! Choosing a recipe's numbers without the test set: random search with successive halving on folds of the training set.

mod space;

use serde::Serialize;

use super::queue::Queue;
use super::record::RunRecord;
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
        let job = |number: usize, candidate: &Candidate, seed: u64| {
            let (digits, record) = &folds[(seed % folds.len() as u64) as usize];
            let recipe = Recipe {
                seed,
                ..candidate.recipe.clone()
            };
            recipe.validate_updates(digits.train.len())?;
            let (Length::Steps(length) | Length::Passes(length)) = recipe.length;
            let row = format!("{length}-candidate-{number}");
            let target = Target::Cpu(1).of_batch(recipe.batch);
            Ok(Job::new(row, (digits, record), recipe, target))
        };
        let jobs = field.iter().flat_map(|(number, candidate)| {
            seeds.clone().map(move |seed| job(*number, candidate, seed))
        });
        let jobs: Vec<Job> = jobs.collect::<Result<_>>()?;
        let records = queue.run(&jobs, settings.jobs)?;
        let records = records.chunks(runs as usize);
        for ((_, candidate), records) in field.iter_mut().zip(records) {
            candidate.errors.extend(records.iter().map(error_of));
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

/// Share of the held-out examples missed; 1 for a run that diverged.
fn error_of(run: &RunRecord) -> f64 {
    run.last().map_or(1.0, |end| end.test.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::experiment::folder::Folder;
    use crate::experiment::queue::Unseen;
    use crate::recipe::{Length, RecipeName};

    fn found(jobs: usize, seed: u64) -> (Candidate, Vec<usize>) {
        let train = embedded::digits().train.truncated(200);
        let base = Recipe {
            length: Length::Steps(12),
            ..Recipe::named(RecipeName::FullBatch)
        };
        // One rate learns, the other leaves the net where it is.
        let own = [
            "learning-rate=0.02|0.0000001".parse().unwrap(),
            "warmup-share=0.1".parse().unwrap(),
        ];
        let space = Space::of(&base, &own);
        let settings = Settings {
            candidates: 9,
            folds: 4,
            seed,
            jobs,
        };
        let mut sizes = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        let queue = Queue {
            folder: &folder,
            observer: &Unseen,
            date: String::new(),
            cores: 2,
        };
        let folds = folds(&train, settings.folds).unwrap();
        let best = search(&folds, &base, &space, settings, &queue, &mut |_, field| {
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
    fn the_best_is_found_with_any_number_of_jobs() {
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
        for (fold, (digits, _)) in folds(&train, 10).unwrap().iter().enumerate() {
            assert_eq!(digits.train.len() + digits.test.len(), 103);
            assert_eq!(digits.test.image_codes(0), train.image_codes(fold));
            held += digits.test.len();
        }
        assert_eq!(held, 103);
    }
}
