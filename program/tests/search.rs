//! `gpu-train search` from the outside: it writes what it did, repeats itself, never touches the test set, and refuses
//! what it cannot do.

#[cfg(unix)]
mod common;

use assert_cmd::Command;
use predicates::prelude::{PredicateBooleanExt, predicate};
use predicates::str::contains;

fn gpu_train() -> Command {
    Command::cargo_bin("gpu-train").expect("the program")
}

/// A search of seconds: some steps on a small training set.
fn small(folder: &std::path::Path, name: &str) -> Vec<serde_json::Value> {
    let out = folder.join(name);
    gpu_train()
        .args([
            "search",
            "--lengths",
            "3,5",
            "--candidates",
            "3",
            "--folds",
            "3",
            "--jobs",
            "2",
        ])
        .args(["--vary", "learning-rate=0.01..0.02", "--zip-code"])
        .arg(folder)
        .arg("--out")
        .arg(&out)
        .assert()
        .success()
        .stdout(contains("chosen: --recipe full-batch --steps 5"));
    let text = std::fs::read_to_string(out).expect("the rows");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row of JSON"))
        .collect()
}

/// Zip-code files of N made-up training examples; the test set has one label only.
fn digits(folder: &std::path::Path, test_label: u8) {
    let row = |label: u8, at: usize| {
        let pixels = (0..256).map(|pixel| {
            if (pixel + at) % 11 < usize::from(label) + 1 {
                "1"
            } else {
                "-1"
            }
        });
        format!("{label}.0 {}\n", pixels.collect::<Vec<_>>().join(" "))
    };
    let train: String = (0..120).map(|at| row((at % 10) as u8, at)).collect();
    let test: String = (0..10).map(|at| row(test_label, at)).collect();
    std::fs::write(folder.join("zip.train"), train).unwrap();
    std::fs::write(folder.join("zip.test"), test).unwrap();
}

#[test]
fn it_writes_what_it_did_and_repeats_itself() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    let rows = small(folder.path(), "a.jsonl");
    assert_eq!(rows[0]["plan"]["candidates"], 3);
    assert!(
        rows[0]["ranges"]
            .as_array()
            .unwrap()
            .contains(&"learning-rate=0.01..0.02".into())
    );
    // At each of two lengths 3, 2, 2 and 2 candidates.
    assert_eq!(rows.len(), 1 + 2 * 9);
    assert_eq!(rows[18]["errors"].as_array().unwrap().len(), 15);
    // Another test set changes nothing.
    digits(folder.path(), 7);
    assert_eq!(small(folder.path(), "b.jsonl"), rows);
}

#[test]
fn it_stops_at_the_first_length_that_is_good_enough() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    gpu_train()
        .current_dir(folder.path())
        .args([
            "search",
            "--lengths",
            "2,4",
            "--target",
            "99.9",
            "--candidates",
            "2",
            "--folds",
            "2",
            "--zip-code",
        ])
        .arg(folder.path())
        .assert()
        .success()
        .stdout(contains("chosen: --recipe full-batch --steps 2").and(contains("Steps(4)").not()));
}

#[test]
fn it_searches_one_example_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    gpu_train()
        .current_dir(folder.path())
        .args([
            "search",
            "--per-example",
            "--lengths",
            "2",
            "--candidates",
            "2",
            "--folds",
            "2",
        ])
        .args(["--json", "--zip-code"])
        .arg(folder.path())
        .assert()
        .success()
        .stdout(predicate::function(|text: &str| {
            let best: serde_json::Value = serde_json::from_str(text).expect("JSON alone");
            best["recipe"]["name"] == "reproduction" && best["recipe"]["length"]["passes"] == 2
        }));
}

#[test]
fn bad_input_is_one_line_and_exit_code_2() {
    for (arguments, part) in [
        (&["--vary", "learning-rate=2..1"][..], "the lower first"),
        (&["--vary", "speed=1..2"], "expected one of learning-rate"),
        (&["--lengths", "9,3"], "--lengths"),
        (&["--target", "4"], "--lengths"),
        (&["--lengths", "3", "--target", "-1"], "--target"),
        (&["--folds", "1"], "--folds"),
        (&["--candidates", "0"], "--candidates"),
        (&["--per-example", "--optimizer", "muon"], "--optimizer"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = gpu_train();
        command.current_dir(folder.path());
        let assert = command.arg("search").args(arguments).assert();
        assert.code(2).stderr(contains(part));
    }
}

/// Ctrl-C in the midst of a search that would take minutes.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_finished_runs_and_the_same_command_resumes() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    let search = |candidates: &str| {
        let program = assert_cmd::cargo::cargo_bin("gpu-train");
        let mut command = std::process::Command::new(program);
        command.current_dir(folder.path());
        command.args([
            "search",
            "--lengths",
            "2",
            "--folds",
            "2",
            "--zip-code",
            ".",
        ]);
        command.args(["--candidates", candidates]);
        command
    };
    let first = folder
        .path()
        .join("gpu-train-search/2-candidate-0-100000.json");
    let said = common::interrupted(&mut search("100000"), &first, 120);
    assert!(
        said.contains("of 100000 runs have finished") && said.contains("the same command resumes"),
        "{said}"
    );
    // Another search does not write over it.
    let other = search("3").output().expect("the program ran");
    let said = String::from_utf8(other.stderr).expect("UTF-8");
    assert_eq!(other.status.code(), Some(1), "{said}");
    assert!(
        said.contains("another candidates (100000), expected 3"),
        "{said}"
    );
}

#[test]
fn a_search_takes_the_runs_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    let rows = small(folder.path(), "a.jsonl");
    let runs = folder.path().join("a-runs");
    let kept = std::fs::read_dir(&runs).unwrap().count();
    // As after an interruption: a run is missing.
    let one = runs.join("5-candidate-1-100000.json");
    let before = std::fs::metadata(&one).unwrap().modified().unwrap();
    std::fs::remove_file(runs.join("5-candidate-0-100000.json")).unwrap();
    assert_eq!(small(folder.path(), "a.jsonl"), rows);
    assert_eq!(std::fs::read_dir(&runs).unwrap().count(), kept);
    assert_eq!(std::fs::metadata(&one).unwrap().modified().unwrap(), before);
}
