//! A queue of runs: what is found, what runs at the same time, and what an interruption leaves.

use std::path::Path;

use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::record::RunRecord;
use gpu_train::experiment::run::{Evaluations, Job};
use gpu_train::experiment::share::Part;
use gpu_train::recipe::RecipeName;
use gpu_train::target::Target;

use super::saving;
use crate::common::observer::{Begun, Noted};

/// Calls `run` with a queue of four cores on this part of the folder; returns how its queues began, too.
pub fn queued<T>(
    folder: &Path,
    part: Part,
    most: u64,
    run: impl Fn(&Queue) -> T,
) -> (T, Vec<Begun>) {
    let folder = Folder::open(folder, part).expect("it is free");
    let observer = Noted::new(usize::MAX, most);
    let queue = Queue {
        folder: &folder,
        observer: &observer,
        date: "2026-01-01".into(),
        cores: 4,
    };
    let ran = run(&queue);
    (ran, observer.begun())
}

pub fn jobs(seeds: &[u64]) -> Vec<Job> {
    let job = |&seed| saving::job(RecipeName::FullBatch, Evaluations::End, seed);
    let mut jobs: Vec<Job> = seeds.iter().map(job).collect();
    for job in &mut jobs {
        job.target = Target::Cpu(8);
    }
    jobs
}

pub fn seeds<'a>(records: impl IntoIterator<Item = &'a RunRecord>) -> Vec<u64> {
    let seeds = records.into_iter().map(|record| record.identity.seed);
    seeds.collect()
}

#[test]
fn runs_that_are_there_are_found_and_the_others_share_the_cores() {
    let path = tempfile::tempdir().expect("a folder");
    let wanted = jobs(&[1, 2, 3]);
    let work = wanted[0].work();
    let (first, begun) = queued(path.path(), Part::All, u64::MAX, |queue| {
        queue.run(&wanted[..1], 1)
    });
    let first = first.expect("a run");
    assert_eq!(begun, [(0, 1, work)]);
    assert_eq!(first[0].concurrent_runs, 1);
    assert!(first[0].device.contains("4 threads"), "{}", first[0].device);
    let (all, begun) = queued(path.path(), Part::All, u64::MAX, |queue| {
        queue.run(&wanted, 2)
    });
    let all = all.expect("runs");
    assert_eq!(begun, [(1, 2, 2 * work)]);
    assert_eq!((seeds(&all), &all[0]), (vec![1, 2, 3], &first[0]));
    for record in &all[1..] {
        assert_eq!(record.concurrent_runs, 2);
        assert!(record.device.contains("2 threads"), "{}", record.device);
    }
}

#[test]
fn a_share_gathers_what_is_there_and_runs_its_part() {
    let path = tempfile::tempdir().expect("a folder");
    let wanted = jobs(&[1, 2, 3]);
    let gathered = |part| {
        let (found, begun) = queued(path.path(), part, u64::MAX, |queue| {
            queue.gather(&wanted, 1)
        });
        let found = found.expect("no error");
        assert_eq!(found.len(), 3);
        (seeds(found.iter().flatten()), begun.len())
    };
    let share = |share: &str| Part::Share(share.parse().expect("a share"));
    assert_eq!(gathered(Part::Nothing), (vec![], 0));
    assert_eq!(gathered(share("1/2")), (vec![2], 1));
    assert_eq!(gathered(Part::Nothing), (vec![2], 0));
    assert_eq!(gathered(share("0/2")), (vec![1, 2, 3], 1));
    assert_eq!(gathered(Part::All), (vec![1, 2, 3], 1));
}

#[test]
fn an_interrupted_run_leaves_a_checkpoint_unless_it_is_timed() {
    for (evaluations, expected) in [
        (Evaluations::End, true),
        (Evaluations::Curve, true),
        (Evaluations::AgainstTheClock, false),
    ] {
        let path = tempfile::tempdir().expect("a folder");
        let mut wanted = jobs(&[1]);
        wanted[0].evaluations = evaluations;
        let most = wanted[0].work() / 2;
        let (ran, _) = queued(path.path(), Part::All, most, |queue| queue.run(&wanted, 1));
        let error = ran.expect_err("interrupted").to_string();
        assert!(error.contains("0 of 1 runs have finished"), "{error}");
        assert_eq!(path.path().join("row-1.checkpoint").exists(), expected);
    }
}
