//! A race that is interrupted and resumed.

use std::path::Path;

use gpu_train::data::{Digits, Source, embedded};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::race::{Race, entrants, rule};
use gpu_train::experiment::record::{RaceRecord, RunRecord, json, parse};
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Length, Recipe, RecipeName};

use super::stamp;
use crate::common::observer::Noted;

fn digits() -> Digits {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(16);
    digits.test = digits.test.truncated(16);
    digits
}

/// A race of three contestants.
fn race(digits: &Digits, seeds: u64, reading: f64) -> Race<'_> {
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
    Race {
        stamp: stamp(),
        digits,
        source: Source::Mnist1989,
        restrictions: vec!["tiny".into()],
        reading,
        rule: rule(82, 16, (1..=seeds).collect()),
        entrants: entrants.expect("entrants"),
    }
}

fn queue<'a>(folder: &'a Folder, observer: &'a Noted) -> Queue<'a> {
    Queue {
        folder,
        observer,
        date: String::new(),
        cores: 2,
    }
}

/// A race that is interrupted after this many runs; returns how many ran, too.
fn raced(folder: &Folder, seeds: u64, reading: f64, most: usize) -> (Result<RaceRecord>, usize) {
    let observer = Noted::new(most, u64::MAX);
    let record = race(&digits(), seeds, reading).run(&queue(folder, &observer));
    (record, observer.ended().len())
}

/// Each contestant has its own runs of the folder.
fn assert_own_runs(record: &RaceRecord, folder: &Path) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let files = entries.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok());
    let runs: Vec<RunRecord> = files.filter_map(|file| parse(&file).ok()).collect();
    for one in &record.contestants {
        for raced in &one.runs {
            let own =
                |run: &&RunRecord| run.identity.row == one.name && run.identity.seed == raced.seed;
            let run = runs.iter().find(own).expect("its record");
            assert_eq!(run.seconds.train, raced.train);
        }
    }
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
    assert_own_runs(&record, path.path());
    // Its results were not stored yet; once they are, the same command races anew.
    assert_eq!(raced(&folder, 3, 4.0, 99).1, 0);
    folder.plan().finish().expect("noted");
    assert_eq!(raced(&folder, 3, 5.0, 99).1, 9);
}

#[test]
fn shares_of_a_race_run_their_rounds_and_are_collected() {
    let path = tempfile::tempdir().expect("a folder");
    let digits = digits();
    let share = |share: &str| {
        let part = Part::Share(share.parse().expect("a share"));
        let folder = Folder::open(path.path(), part).expect("it is free");
        let observer = Noted::endless();
        let rounds = race(&digits, 3, 1.0).run_share(&queue(&folder, &observer));
        (rounds, observer.ended().len())
    };
    let collected = || {
        let folder = Folder::open(path.path(), Part::Nothing).expect("it is there");
        race(&digits, 3, 9.0).collect(&folder)
    };
    let nothing = collected().expect_err("no share has begun").to_string();
    assert!(
        nothing.contains("found no race that has begun"),
        "{nothing}"
    );
    let (rounds, ran) = share("1/2");
    assert_eq!((rounds.expect("a share"), ran), (1, 3));
    let part = collected().expect("a race");
    assert_eq!(part.missing, [(0, 1), (2, 3)]);
    let restrictions = part.record.expect("a round").restrictions;
    assert_eq!(restrictions, ["tiny", "2 of 3 rounds are missing"]);
    let (refused, _) = share("0/3");
    let refused = refused.expect_err("other shares").to_string();
    let expected = "found experiment-1-of-2.json, expected shares of 3";
    assert!(refused.contains(expected), "{refused}");
    let (rounds, ran) = share("0/2");
    assert_eq!((rounds.expect("a share"), ran), (2, 6));
    let whole = collected().expect("a race");
    let record = whole.record.expect("rounds");
    assert!(whole.missing.is_empty() && record.restrictions == ["tiny"]);
    assert_eq!((record.reading, record.contestants.len()), (1.0, 3));
    assert_own_runs(&record, path.path());
    // A run on another processor.
    let file = path.path().join("batch-1-reproduction-1.json");
    let mut run: RunRecord = parse(&std::fs::read(&file).expect("a record")).expect("a record");
    run.device = "another".into();
    std::fs::write(&file, json(&run)).expect("written");
    let mixed = collected().expect("a race").record.expect("rounds");
    let restriction = mixed.restrictions.last().expect("two");
    assert!(
        restriction.starts_with("rounds on different devices: "),
        "{restriction}"
    );
    assert!(restriction.contains("another"), "{restriction}");
}

#[test]
fn a_share_resumes_on_another_machine_and_a_whole_race_does_not() {
    let digits = digits();
    for (part, resumes) in [("all", false), ("0/1", true)] {
        let path = tempfile::tempdir().expect("a folder");
        let part = part.parse().map_or(Part::All, Part::Share);
        let folder = Folder::open(path.path(), part).expect("it is free");
        let run = |cores, most| {
            let observer = Noted::new(most, u64::MAX);
            let mut race = race(&digits, 2, 1.0);
            race.stamp.machine.cores = cores;
            race.run_share(&queue(&folder, &observer))
        };
        run(2, 4).expect_err("interrupted in the second round");
        let resumed = run(3, 99);
        match resumed {
            Ok(rounds) => assert!(resumes && rounds == 2),
            Err(error) => assert!(!resumes && error.to_string().contains("machine"), "{error}"),
        }
    }
}

#[test]
fn a_share_without_a_round_does_nothing() {
    let path = tempfile::tempdir().expect("a folder");
    let part = Part::Share("3/4".parse().expect("a share"));
    let folder = Folder::open(path.path(), part).expect("it is free");
    let observer = Noted::new(0, u64::MAX);
    let rounds = race(&digits(), 3, 1.0).run_share(&queue(&folder, &observer));
    assert_eq!(rounds.expect("nothing to do"), 0);
}
