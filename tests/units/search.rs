//! Search on folds of a training set and on digits outside it.

use gpu_train::data::{Digits, embedded};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::search::{
    CONFIRMATIONS, Candidate, FIRST_SEED, Outcome, Settings, Space, Validation, search,
};
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Length, Recipe, RecipeName};

use crate::common::observer::Noted;

/// The first examples of the embedded training set.
fn digits(examples: usize) -> Digits {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(examples);
    digits
}

/// Searches with thirteen candidates; `sizes` gets the number of candidates of each round.
fn searched(
    folder: &Folder,
    observer: &Noted,
    (jobs, seed): (usize, u64),
    sizes: &mut Vec<usize>,
) -> Result<Outcome> {
    let base = Recipe {
        length: Length::Steps(12),
        ..Recipe::named(RecipeName::FullBatchMuon)
    };
    // One rate learns, the other leaves the net where it is.
    let own = [
        "learning-rate=0.02|0.0000001".parse().unwrap(),
        "warmup-share=0.1".parse().unwrap(),
    ];
    let space = Space::of(&base, &own);
    let settings = Settings {
        candidates: 13,
        validation: Validation::Folds(4),
        seed,
        jobs,
    };
    let queue = Queue {
        folder,
        observer,
        date: String::new(),
        cores: 2,
    };
    let folds = settings.validation.of(&digits(200)).unwrap();
    search(&folds, &base, &space, settings, &queue, &mut |_, field| {
        assert!(
            field
                .windows(2)
                .all(|pair| pair[0].mean() <= pair[1].mean())
        );
        sizes.push(field.len());
        Ok(())
    })
}

/// Searches to the end of what this process can do.
fn outcome(folder: &Folder, sizes: &mut Vec<usize>) -> Outcome {
    searched(folder, &Noted::endless(), (1, 3), sizes).unwrap()
}

fn found(jobs: usize, seed: u64) -> (Candidate, Vec<usize>) {
    let mut sizes = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::open(folder.path(), Part::All).unwrap();
    let best = searched(&folder, &Noted::endless(), (jobs, seed), &mut sizes);
    let Outcome::Confirmed(best) = best.unwrap() else {
        panic!("a search of all runs waits for nobody");
    };
    // Its errors are of new seeds, which no candidate had in the rounds, and nobody else has.
    let seeds = FIRST_SEED + 15..FIRST_SEED + 15 + CONFIRMATIONS;
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut new: Vec<String> = names
        .filter(|name| {
            seeds
                .clone()
                .any(|seed| name.ends_with(&format!("-{seed}.json")))
        })
        .collect();
    new.sort();
    let expected = seeds.map(|seed| format!("12-candidate-{}-{seed}.json", best.number));
    assert_eq!(new, expected.collect::<Vec<_>>());
    (best, sizes)
}

#[test]
fn the_best_is_found_with_any_number_of_jobs() {
    let (best, sizes) = found(1, 3);
    assert_eq!(sizes, [13, 3, 2, 2]);
    assert_eq!(best.errors.len(), 20);
    let squares = best
        .errors
        .iter()
        .map(|error| (error - best.mean()).powi(2));
    let sd = (squares.sum::<f64>() / 19.0).sqrt();
    assert!(sd > 0.0 && (best.sd().unwrap() - sd).abs() < 1e-12);
    assert_eq!(best.recipe.learning_rate, 0.02);
    assert!(best.mean() < 0.7, "{}", best.mean());
    let (again, _) = found(2, 3);
    assert_eq!((again.recipe, again.errors), (best.recipe, best.errors));
}

#[test]
fn an_interrupted_run_of_a_search_leaves_a_checkpoint() {
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::open(path.path(), Part::All).unwrap();
    let interrupted = Noted::new(usize::MAX, 1);
    let ended = searched(&folder, &interrupted, (1, 3), &mut Vec::new());
    assert!(matches!(ended, Err(Error::Interrupted(_))));
    let name = format!("12-candidate-0-{FIRST_SEED}.checkpoint");
    assert!(path.path().join(name).exists());
}

#[test]
fn shares_wait_for_each_other_and_find_the_same() {
    let path = tempfile::tempdir().unwrap();
    let shares = ["0/2", "1/2"].map(|share| Part::Share(share.parse().unwrap()));
    // Each ends the round that the other waits in, and does its half of the next one.
    let expected = [(0, 6, 13), (1, 3, 6), (2, 4, 8), (3, 8, 16), (4, 10, 20)];
    for (turn, expected) in expected.into_iter().enumerate() {
        let folder = Folder::open(path.path(), shares[turn % 2]).unwrap();
        let mut sizes = Vec::new();
        match outcome(&folder, &mut sizes) {
            Outcome::Waiting {
                round,
                missing,
                runs,
            } => assert_eq!((round, missing, runs), expected),
            Outcome::Confirmed(_) => panic!("the other share has runs to do"),
        }
        assert_eq!(sizes.len(), turn);
    }
    let folder = Folder::open(path.path(), shares[1]).unwrap();
    let Outcome::Confirmed(best) = outcome(&folder, &mut Vec::new()) else {
        panic!("the last runs were its own");
    };
    let (alone, _) = found(1, 3);
    assert_eq!((best.number, best.errors), (alone.number, alone.errors));
}

#[test]
fn folds_are_two_or_more_and_none_is_empty() {
    let given = digits(7);
    for (count, is_accepted) in [(0, false), (1, false), (2, true), (7, true), (8, false)] {
        match Validation::Folds(count).of(&given) {
            Ok(folds) => assert!(is_accepted && folds.len() == count, "{count}"),
            Err(error) => {
                let expected =
                    format!("--folds: found {count}, expected 2 to 7 (the training examples)");
                assert!(!is_accepted && error.to_string() == expected, "{error}");
            }
        }
    }
}

#[test]
fn folds_share_no_example_and_leave_none_out() {
    let given = digits(103);
    let mut held = 0;
    let folds = Validation::Folds(10).of(&given).unwrap();
    for (fold, (digits, _)) in folds.iter().enumerate() {
        assert_eq!(digits.train.len() + digits.test.len(), 103);
        assert_eq!(digits.test.image_codes(0), given.train.image_codes(fold));
        held += digits.test.len();
    }
    assert_eq!(held, 103);
}

#[test]
fn digits_outside_the_training_set_leave_it_whole() {
    let given = digits(103);
    let sets = Validation::ValidationExamples(given.test.len()).of(&given);
    let [(digits, _)] = &sets.unwrap()[..] else {
        panic!("one set")
    };
    assert_eq!(*digits, given);
}
