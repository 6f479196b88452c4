use super::*;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::data::embedded;
use crate::experiment::folder::Folder;
use crate::experiment::queue::Observer;
use crate::experiment::record::{Machine, SCHEMA};
use crate::recipe::{Length, RecipeName};

fn contestant(kind: ContestantKind, runs: &[(u32, f64, u32)]) -> Contestant {
    let run = |&(round, train, test_misses): &(u32, f64, u32)| RaceRun {
        round,
        seed: u64::from(round),
        setup: 0.5,
        train,
        test_misses,
        train_misses: 0,
    };
    Contestant {
        name: format!("{kind:?}"),
        kind,
        recipe_name: "full-batch".into(),
        recipe: serde_json::Value::Null,
        device: "a device".into(),
        cores: None,
        kernels: None,
        steps: 140,
        presentations: 1,
        tuning: 4.0,
        runs: runs.iter().map(run).collect(),
        failed: Vec::new(),
        standing: None,
    }
}

fn over_essay(seconds: f64, misses: f64) -> Option<f64> {
    Verdict::of(seconds, misses, Source::Mnist1989, &[]).over_essay()
}

/// Ratios within the rounds are 2, 4 and 3: their median is 3, while that of the medians would be 2.
#[test]
fn ratios_are_taken_within_a_round() {
    let mut all = [
        contestant(
            ContestantKind::PerExample,
            &[(0, 2.0, 80), (1, 8.0, 82), (2, 1.5, 84)],
        ),
        contestant(
            ContestantKind::Gpu,
            &[(0, 1.0, 70), (1, 2.0, 83), (2, 0.5, 92)],
        ),
    ];
    stand(&mut all, 82, 0.1, over_essay);
    let [baseline, gpu] = all.map(|one| one.standing.expect("runs"));
    assert_eq!((baseline.train.median, gpu.train.median), (2.0, 1.0));
    assert_eq!((gpu.train.min, gpu.train.max), (0.5, 2.0));
    assert_eq!(gpu.over_per_example, Some(3.0));
    assert_eq!(baseline.over_per_example, Some(1.0));
    assert_eq!(gpu.over_essay, Some(90.0));
    assert!((gpu.cold_total - 5.6).abs() < 1e-12);
    // Means of 82 and 81⅔.
    assert!(baseline.qualifies && gpu.qualifies);
}

#[test]
fn who_misses_more_or_fails_does_not_qualify() {
    let qualifies = |misses: &[u32], failures: usize| {
        let runs: Vec<_> = misses.iter().zip(0..).map(|(&m, r)| (r, 1.0, m)).collect();
        let mut one = contestant(ContestantKind::Cpu, &runs);
        let failure = FailedRun {
            seed: 9,
            message: "diverged".into(),
        };
        one.failed = vec![failure; failures];
        let mut all = [one];
        stand(&mut all, 82, 0.0, over_essay);
        all[0].standing.as_ref().map(|standing| standing.qualifies)
    };
    assert_eq!(qualifies(&[82, 82], 0), Some(true));
    assert_eq!(qualifies(&[82, 83], 0), Some(false));
    assert_eq!(qualifies(&[70], 1), Some(false));
    assert_eq!(qualifies(&[], 1), None);
}

/// Counts runs, and interrupts after some.
struct Counted {
    ran: AtomicUsize,
    most: usize,
}

impl Observer for Counted {
    fn begin(&self, _: &Path, _: usize, _: usize, _: u64) -> Result<()> {
        Ok(())
    }

    fn advance(&self, _: u64) -> Result<()> {
        match self.ran.load(Ordering::Relaxed) >= self.most {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        }
    }

    fn finish(&self, _: &RunRecord) -> Result<()> {
        self.ran.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn note(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A race of three contestants, interrupted after this many runs; returns how many ran, too.
fn raced(folder: &Folder, seeds: u64, reading: f64, most: usize) -> (Result<RaceRecord>, usize) {
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(16);
    digits.test = digits.test.truncated(16);
    let recipe = |name| Recipe {
        length: Length::Steps(2),
        ..Recipe::named(name)
    };
    let recipes = [recipe(RecipeName::FullBatch)];
    let entrants = entrants(
        &recipe(RecipeName::Reproduction),
        &recipes,
        Vec::new(),
        (2, 16),
    );
    let machine = Machine {
        processor: "one".into(),
        cores: 2,
        os: "linux".into(),
    };
    let race = Race {
        stamp: Stamp {
            schema: SCHEMA,
            version: "0".into(),
            date: String::new(),
            command: String::new(),
            machine,
        },
        digits: &digits,
        source: Source::Mnist1989,
        restrictions: vec!["tiny".into()],
        reading,
        rule: rule(82, 16, (1..=seeds).collect()),
        entrants: entrants.expect("entrants"),
    };
    let observer = Counted {
        ran: AtomicUsize::new(0),
        most,
    };
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
    let folder = Folder::open(path.path()).expect("a folder");
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
    folder.finish().expect("noted");
    assert_eq!(raced(&folder, 3, 5.0, 99).1, 9);
}
