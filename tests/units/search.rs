//! Search on folds of a training set and on digits outside it.

use gpu_train::data::{Digits, embedded};
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

fn found(jobs: usize, seed: u64) -> (Candidate, Vec<usize>) {
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
        candidates: 9,
        validation: Validation::Folds(4),
        seed,
        jobs,
    };
    let mut sizes = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::open(folder.path(), Part::All).unwrap();
    let queue = Queue {
        folder: &folder,
        observer: &Noted::endless(),
        date: String::new(),
        cores: 2,
    };
    let folds = settings.validation.of(&digits(200)).unwrap();
    let best = search(&folds, &base, &space, settings, &queue, &mut |_, field| {
        assert!(
            field
                .windows(2)
                .all(|pair| pair[0].mean() <= pair[1].mean())
        );
        sizes.push(field.len());
        Ok(())
    });
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
    assert_eq!(sizes, [9, 2, 2, 2]);
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
