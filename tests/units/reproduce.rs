//! The runs of the table: all of them, those that shares have left, and row by row.

use gpu_train::data::{DigitsRecord, Source};
use gpu_train::engine::EngineKind;
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::record::json;
use gpu_train::experiment::reproduce::{self, Missing, Row, by_row, collect};
use gpu_train::experiment::run::Evaluations;
use gpu_train::experiment::share::Part;
use gpu_train::recipe::{Length, Recipe, RecipeName};
use gpu_train::target::Target;

use super::queue::{jobs, queued, seeds};
use super::saving;

#[test]
fn a_table_runs_seed_by_seed_the_longest_first() {
    let digits = saving::job(RecipeName::FullBatch, Evaluations::End, 1).digits;
    let record = DigitsRecord::of(&digits);
    let rows = ["full-batch", "stage-0"].map(|name| Row::named(name).expect("a row"));
    let recipe = |row: &Row, seed| Recipe {
        length: Length::Epochs(if row.name == "stage-0" { 3 } else { 2 }),
        curvature_sample: 48,
        ..row.recipe(Source::Mnist1989, seed)
    };
    let target = Target::Cpu(2);
    let found = reproduce::jobs(&rows, &[5, 6], (&digits, &record), &target, recipe);
    let found = found.expect("few updates");
    let expected = [
        ("stage-0", 5),
        ("full-batch", 5),
        ("stage-0", 6),
        ("full-batch", 6),
    ];
    for (job, (row, seed)) in found.iter().zip(expected) {
        assert_eq!((&*job.identity.row, job.identity.seed), (row, seed));
        assert_eq!((job.recipe.seed, job.keeps_weights), (seed, seed == 5));
        assert_eq!(job.evaluations, Evaluations::Curve);
        assert_eq!(matches!(job.target, Target::PerExample), row == "stage-0");
    }
    assert_eq!(found.len(), 4);
    // Each row gets its own runs.
    let path = tempfile::tempdir().expect("a folder");
    let (records, _) = queued(path.path(), Part::All, u64::MAX, |queue| {
        queue.run(&found, 1)
    });
    let records = records.expect("runs");
    let found = by_row(&rows, |row| recipe(row, 5), &records);
    for ((row, recipe, runs), wanted) in found.iter().zip(rows) {
        assert_eq!(
            (row.name, &recipe.name),
            (wanted.name, &wanted.recipe(Source::Mnist1989, 5).name)
        );
        assert!(runs.iter().all(|run| run.identity.row == wanted.name));
        assert_eq!(seeds(runs), [5, 6]);
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn a_row_is_collected_from_one_device_and_its_missing_runs_are_named() {
    let path = tempfile::tempdir().expect("a folder");
    let wanted = jobs(&[1, 2, 3]);
    let part = Part::Share("0/2".parse().expect("a share"));
    queued(path.path(), part, u64::MAX, |queue| {
        queue.gather(&wanted, 1)
    })
    .0
    .expect("runs");
    let collected = || {
        let folder = Folder::open(path.path(), Part::Nothing).expect("it is there");
        collect(&wanted, &folder)
    };
    let found = collected().expect("one device");
    assert_eq!(seeds(&found.records), [1, 3]);
    let missing: Vec<String> = found.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["missing: row 1 of 3 runs (seed 2)"]);
    queued(path.path(), Part::All, u64::MAX, |queue| {
        queue.run(&wanted, 1)
    })
    .0
    .expect("runs");
    let found = collected().expect("one device");
    assert!(found.missing.is_empty() && seeds(&found.records) == [1, 2, 3]);
    let mut other = found.records[1].clone();
    other.identity.engine = EngineKind::Reference;
    std::fs::write(path.path().join("row-2.json"), json(&other)).expect("written");
    let error = collected().expect_err("two devices").to_string();
    let expected = "found runs of row on cpu and on reference, expected one engine";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn five_missing_seeds_are_named_at_most() {
    let text = |seeds: u64| {
        let missing = Missing {
            row: "stage-0".into(),
            runs: 9,
            seeds: (1..=seeds).collect(),
            refused: None,
        };
        missing.to_string()
    };
    assert_eq!(text(1), "missing: stage-0 1 of 9 runs (seed 1)");
    assert_eq!(
        text(5),
        "missing: stage-0 5 of 9 runs (seeds 1, 2, 3, 4, 5)"
    );
    assert_eq!(
        text(6),
        "missing: stage-0 6 of 9 runs (seeds 1, 2, 3, 4, 5, …)"
    );
}
