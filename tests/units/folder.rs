//! A folder of runs: kept, found again or refused, and tidied.

use std::path::Path;

use gpu_train::engine::EngineKind;
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::record::{self, RunRecord};
use gpu_train::experiment::run::{Evaluations, Job};
use gpu_train::experiment::share::{Part, Share};
use gpu_train::recipe::RecipeName;
use serde_json::json;

use super::saving;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.sort_unstable();
    names
}

/// A job whose weights are kept, and its record in this folder.
fn kept(folder: &Folder) -> (Job, RunRecord) {
    let mut job = saving::job(RecipeName::FullBatch, Evaluations::End, 3);
    job.keeps_weights = true;
    let ran = job.run("2026-01-01", 1, None, &mut |_| Ok(()));
    let (record, weights) = ran.expect("a run");
    std::fs::write(folder.checkpoint(&job), "of the run").expect("written");
    let record = folder.keep(&job, record, weights.as_ref());
    (job, record.expect("it is written"))
}

#[test]
fn a_kept_run_is_found_and_its_checkpoint_removed() {
    let path = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(path.path(), Part::All).expect("it is free");
    assert_eq!(folder.warning(), None);
    let (mut job, record) = kept(&folder);
    assert_eq!(
        names(path.path()),
        [".lock", "row-3.json", "row-3.safetensors"]
    );
    assert_eq!(folder.find(&job), Ok(Some(record.clone())));
    assert!(folder.has(std::slice::from_ref(&job)));
    // Without its weights it is still the run of a job that does not keep them.
    std::fs::remove_file(path.path().join("row-3.safetensors")).expect("removed");
    let why = folder.find(&job).expect_err("it is not whole");
    assert!(why.contains("a run without its weights"), "{why}");
    assert!(!folder.has(std::slice::from_ref(&job)));
    job.keeps_weights = false;
    assert_eq!(folder.find(&job), Ok(Some(record)));
    folder.forget([&job]).expect("removed");
    assert_eq!(folder.find(&job), Ok(None));
    // What cannot be removed is named.
    std::fs::create_dir(path.path().join("row-3.json")).expect("made");
    let error = folder
        .forget([&job])
        .expect_err("it is a folder")
        .to_string();
    assert!(error.contains("found that it cannot be removed"), "{error}");
}

#[test]
fn a_row_names_its_files_by_its_letters_digits_and_dots() {
    let mut job = saving::job(RecipeName::FullBatch, Evaluations::End, 3);
    job.identity.row = "gpu (llvmpipe 15.0): full-batch/ü".into();
    assert_eq!(job.file("json"), "gpu-llvmpipe-15.0-full-batch-3.json");
}

#[test]
fn another_run_is_refused_with_the_difference() {
    type Change = fn(&mut RunRecord);
    let path = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(path.path(), Part::All).expect("it is free");
    let (job, record) = kept(&folder);
    let changes: [(Change, &str); 8] = [
        (
            |run| run.schema = 999,
            "a record of form 999, expected form",
        ),
        (
            |run| run.identity.row = "other".into(),
            "the row other, expected row",
        ),
        (|run| run.identity.seed = 4, "the seed 4, expected 3"),
        (
            |run| run.identity.engine = EngineKind::Gpu,
            "the engine gpu, expected cpu",
        ),
        (
            |run| run.identity.adapter = Some("another".into()),
            "the adapter another, expected none",
        ),
        (
            |run| run.identity.recipe["learning_rate"] = 7.into(),
            "the recipe's learning_rate 7, expected ",
        ),
        (
            |run| run.identity.digits.sha256 = "other".into(),
            "SHA-256 other…, expected MNIST",
        ),
        (|run| run.steps += 1, "a run without its last evaluation"),
    ];
    for (change, expected) in changes {
        let mut other = record.clone();
        change(&mut other);
        folder
            .write("row-3.json", &record::json(&other))
            .expect("written");
        let why = folder.find(&job).expect_err("it is another one");
        assert!(why.contains(expected), "{why}");
    }
    // A run that diverged has neither a last evaluation nor weights.
    let mut failed = record;
    failed.failed = Some("it diverged".into());
    (failed.weights, failed.missed) = (None, None);
    failed.steps += 1;
    folder
        .write("row-3.json", &record::json(&failed))
        .expect("written");
    assert_eq!(folder.find(&job), Ok(Some(failed)));
}

#[test]
fn a_share_tidies_its_runs_alone() {
    let path = tempfile::tempdir().expect("a folder");
    let leftovers = [
        ".row-3.json.gpu-train-abc",
        ".row-4.checkpoint.gpu-train-abc",
    ];
    for name in leftovers {
        std::fs::write(path.path().join(name), "").expect("written");
    }
    let part = Part::Share("0/2".parse().expect("a share"));
    let folder = Folder::open(path.path(), part).expect("it is free");
    assert_eq!(folder.part(), part);
    folder.tidy(&saving::job(RecipeName::FullBatch, Evaluations::End, 3));
    let found = names(path.path());
    assert!(!found.contains(&leftovers[0].into()), "{found:?}");
    assert!(found.contains(&leftovers[1].into()), "{found:?}");
    drop(folder);
    Folder::open(path.path(), Part::All).expect("it is free");
    let found = names(path.path());
    assert!(!found.contains(&leftovers[1].into()), "{found:?}");
}

#[test]
fn a_folder_is_made_except_to_collect_from() {
    let path = tempfile::tempdir().expect("a folder");
    let missing = path.path().join("runs");
    let error = Folder::open(&missing, Part::Nothing).expect_err("there is none");
    assert!(
        error.to_string().contains("found no such folder"),
        "{error}"
    );
    assert!(!missing.exists());
    Folder::open(&missing, Part::All).expect("it is made");
    Folder::open(&missing, Part::Nothing).expect("it is there");
}

#[test]
fn an_experiment_is_begun_once_and_not_written_over_until_it_has_ended() {
    let path = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(path.path(), Part::All).expect("it is free");
    let plan = folder.plan();
    let [one, other] = [1, 2].map(|seeds| json!({ "seeds": seeds }));
    assert!(plan.find(&one).expect("none").is_none());
    assert!(folder.plans().expect("none").is_empty());
    plan.begin(one.clone(), json!("measured")).expect("written");
    plan.begin_or_resume(one.clone()).expect("it is there");
    let found = plan
        .find(&one)
        .expect("it is this one")
        .expect("it is there");
    assert_eq!(
        (&found.plan, &found.start, found.finished),
        (&one, &json!("measured"), false)
    );
    for refused in [
        plan.find(&other).map(|_| ()),
        plan.begin_or_resume(other.clone()),
    ] {
        let error = refused.expect_err("another one").to_string();
        let expected =
            "found an unfinished experiment with another seeds (1), expected 2: remove the folder";
        assert!(error.contains(expected), "{error}");
    }
    plan.finish().expect("written");
    let found = plan
        .find(&one)
        .expect("it is this one")
        .expect("it is there");
    assert_eq!((&found.start, found.finished), (&json!("measured"), true));
    assert!(plan.find(&other).expect("it has ended").is_none());
    plan.begin_or_resume(other.clone()).expect("written");
    let (name, found) = folder.plans().expect("one").swap_remove(0);
    assert_eq!(
        (&*name, found.plan, found.finished),
        ("experiment.json", other, false)
    );
}

#[test]
fn experiments_of_shares_are_in_the_order_of_the_shares() {
    let path = tempfile::tempdir().expect("a folder");
    let folder = Folder::open(path.path(), Part::Nothing).expect("it is there");
    for name in ["experiment.txt", "row-of-3.json"] {
        folder.write(name, "").expect("written");
    }
    for share in ["10/12", "0/12", "2/12"] {
        let share: Share = share.parse().expect("a share");
        let plan = folder.plan_of(share).expect("shares of 12");
        plan.begin(json!(share.index()), json!(null))
            .expect("written");
    }
    let plans = folder.plans().expect("three");
    let names: Vec<&str> = plans.iter().map(|(name, _)| &**name).collect();
    let expected = [0, 2, 10].map(|index| format!("experiment-{index}-of-12.json"));
    assert_eq!(names, expected);
    assert_eq!(plans[2].1.plan, json!(10));
    let refused = folder.plan_of("0/2".parse().expect("a share"));
    let error = refused.err().expect("other shares").to_string();
    assert!(
        error.contains("found experiment-0-of-12.json, expected shares of 2"),
        "{error}"
    );
}
