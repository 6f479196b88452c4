//! A race that is interrupted and resumed.

use gpu_train::data::{Source, embedded};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::race::{Race, entrants, rule};
use gpu_train::experiment::record::RaceRecord;
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Length, Recipe, RecipeName};

use super::{Counted, stamp};

/// A race of three contestants, interrupted after this many runs; returns how many ran, too.
fn raced(folder: &Folder, seeds: u64, reading: f64, most: usize) -> (Result<RaceRecord>, usize) {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(16);
    digits.test = digits.test.truncated(16);
    let recipe = |name| Recipe {
        length: Length::Steps(2),
        ..Recipe::named(name)
    };
    let recipes = [recipe(RecipeName::FullBatchMuon)];
    let entrants = entrants(
        &recipe(RecipeName::Reproduction),
        &recipes,
        Vec::new(),
        (2, 16),
    );
    let race = Race {
        stamp: stamp(),
        digits: &digits,
        source: Source::Mnist1989,
        restrictions: vec!["tiny".into()],
        reading,
        rule: rule(82, 16, (1..=seeds).collect()),
        entrants: entrants.expect("entrants"),
    };
    let observer = Counted::new(most);
    let queue = Queue {
        folder,
        observer: &observer,
        date: String::new(),
        cores: 2,
    };
    let record = race.run(&queue);
    (record, observer.ran.into_inner())
}

#[test]
fn an_interrupted_race_resumes_with_the_interrupted_round() {
    let path = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(path.path(), Part::All).expect("a folder");
    // In the first round: there is nothing to resume.
    let (interrupted, ran) = raced(&folder, 3, 1.0, 2);
    assert!(matches!(interrupted, Err(Error::Interrupted(_))));
    assert_eq!(ran, 2);
    // Begins anew, with its own reading, and is interrupted in the second of three rounds of three.
    let (interrupted, ran) = raced(&folder, 3, 2.0, 5);
    let Err(Error::Interrupted(text)) = interrupted else {
        panic!("{interrupted:?}");
    };
    assert!(text.contains("5 of 9 runs"), "{text}");
    assert_eq!(ran, 5);
    // Another race does not write over it.
    let (refused, ran) = raced(&folder, 4, 9.0, 99);
    let refused = refused.expect_err("another race").to_string();
    assert!(refused.contains("another seeds") && ran == 0, "{refused}");
    // The first round is kept, the second raced as a whole.
    let (record, ran) = raced(&folder, 3, 3.0, 99);
    let record = record.expect("a race");
    assert_eq!((ran, record.reading), (6, 2.0));
    for one in &record.contestants {
        let rounds: Vec<_> = one.runs.iter().map(|run| (run.round, run.seed)).collect();
        assert_eq!(rounds, [(0, 1), (1, 2), (2, 3)]);
        let standing = one.standing.as_ref().expect("a standing");
        assert_eq!(standing.over_essay, None, "restricted");
    }
    // Its results were not stored yet; once they are, the same command races anew.
    assert_eq!(raced(&folder, 3, 4.0, 99).1, 0);
    folder.plan().finish().expect("noted");
    assert_eq!(raced(&folder, 3, 5.0, 99).1, 9);
}
