//! Search on folds of a training set.

use gpu_train::data::embedded;
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::search::{Candidate, Settings, Space, folds, search};
use gpu_train::recipe::{Length, Recipe, RecipeName};

use super::Counted;

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
        observer: &Counted::new(usize::MAX),
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
