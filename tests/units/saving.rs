//! A run in progress that is saved and resumes.

use std::cell::RefCell;
use std::path::Path;

use gpu_train::data::{Digits, DigitsRecord, embedded};
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::{RunRecord, Seconds};
use gpu_train::experiment::run::{Evaluations, Job, Saving};
use gpu_train::net::Parameters;
use gpu_train::recipe::{Length, Recipe, RecipeName};
use gpu_train::target::Target;

const EXAMPLES: usize = 48;

pub fn job(name: RecipeName, evaluations: Evaluations, seed: u64) -> Job {
    let mut digits: Digits = embedded::digits();
    digits.train = digits.train.truncated(EXAMPLES);
    digits.test = digits.test.truncated(32);
    let recipe = Recipe {
        length: Length::Epochs(6),
        seed,
        curvature_sample: EXAMPLES as u32,
        ..Recipe::named(name)
    };
    let record = DigitsRecord::of(&digits);
    let target = Target::Cpu(1).of_batch(recipe.batch);
    Job {
        evaluations,
        ..Job::new("row", (&digits, &record), recipe, target)
    }
}

/// Runs a job that is saved in this file, and interrupts it after this many examples; returns what was said, too.
fn run(job: &Job, file: &Path, most: u64) -> (Result<(RunRecord, Option<Parameters>)>, String) {
    let said = RefCell::new(String::new());
    let note = |line: &str| {
        said.borrow_mut().push_str(line);
        Ok(())
    };
    let saving = Saving {
        file: file.to_owned(),
        note: &note,
    };
    let mut shown = 0;
    let ran = job.run("2026-01-01", 1, Some(saving), &mut |examples| {
        shown += examples;
        match shown >= most {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        }
    });
    (ran, said.into_inner())
}

/// The record without its times.
fn timeless(mut record: RunRecord) -> RunRecord {
    record.seconds = Seconds {
        setup: 0.0,
        tuning: 0.0,
        train: 0.0,
        start: 0.0,
    };
    record
        .curve
        .iter_mut()
        .for_each(|point| point.seconds = 0.0);
    record
}

#[test]
fn an_interrupted_run_resumes_to_the_same_record_and_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.checkpoint");
    let all = 6 * EXAMPLES as u64;
    for (name, evaluations) in [
        (RecipeName::Dropout, Evaluations::Curve),
        (RecipeName::FullBatchModern, Evaluations::End),
        (RecipeName::FullBatch, Evaluations::Curve),
    ] {
        let job = job(name, evaluations, 3);
        let (unbroken, _) = run(&job, &file, u64::MAX);
        let (record, weights) = unbroken.expect("a run");
        assert!(!file.exists(), "saved only when it is interrupted");
        // At the first update, in its midst, and after the last one.
        for most in [1, all / 2, all] {
            let (interrupted, _) = run(&job, &file, most);
            assert!(matches!(interrupted, Err(Error::Interrupted(_))));
            let (resumed, said) = run(&job, &file, u64::MAX);
            assert!(
                said.contains("run.checkpoint: resumes from step "),
                "{said}"
            );
            let (again, same) = resumed.expect("a run");
            assert!(again.seconds.train >= again.seconds.start);
            assert_eq!(timeless(again), timeless(record.clone()));
            assert!(weights.is_some() && same == weights);
            std::fs::remove_file(&file).expect("it is whoever keeps the record that removes it");
        }
    }
}

#[test]
fn another_checkpoint_is_ignored_with_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.checkpoint");
    let job = |seed| job(RecipeName::Reproduction, Evaluations::End, seed);
    let (unbroken, _) = run(&job(1), &file, u64::MAX);
    let expected = timeless(unbroken.expect("a run").0);
    for damage in [false, true] {
        let (interrupted, _) = run(&job(2), &file, 60);
        interrupted.expect_err("interrupted");
        if damage {
            std::fs::write(&file, "no checkpoint").expect("written");
        }
        let (ran, said) = run(&job(1), &file, u64::MAX);
        assert!(said.contains("starting") && said.contains("anew"), "{said}");
        assert_eq!(timeless(ran.expect("a run").0), expected);
    }
}
