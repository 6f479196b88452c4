//! `gpu-train search` from the outside: it writes what it did, repeats itself, never touches the test set, and refuses
//! what it cannot do.

use crate::zip_code::digits;
use assert_cmd::Command;
use predicates::prelude::predicate;
use predicates::str::contains;

fn gpu_train() -> Command {
    Command::cargo_bin("gpu-train").expect("the program")
}

/// A search of seconds: some steps on a small training set.
fn search_small(folder: &std::path::Path, out: &std::path::Path) -> Command {
    let mut command = gpu_train();
    command
        .args([
            "search",
            "--recipe",
            "full-batch-muon",
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
        .arg(out);
    command
}

/// Its rows.
fn small(folder: &std::path::Path, name: &str) -> Vec<serde_json::Value> {
    let out = folder.join(name);
    search_small(folder, &out)
        .assert()
        .success()
        .stdout(contains("chosen: --recipe full-batch-muon --steps 5"));
    let text = std::fs::read_to_string(out).expect("the rows");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row of JSON"))
        .collect()
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
    assert_eq!(rows[0]["plan"]["folds"], 3);
    // At each of two lengths 3, 2, 2 and 2 candidates, then the confirmed one.
    assert_eq!(rows.len(), 1 + 2 * 10);
    assert_eq!(rows[19]["errors"].as_array().unwrap().len(), 15);
    let confirmed = &rows[20]["confirmed"];
    assert_eq!(confirmed["errors"].as_array().unwrap().len(), 20);
    assert!(confirmed["sd"].as_f64().unwrap() > 0.0);
    // Another test set changes nothing.
    digits(folder.path(), 7);
    assert_eq!(small(folder.path(), "b.jsonl"), rows);
}

/// The mean over the runs that chose a candidate does not decide, the confirmed one does.
#[test]
fn it_stops_at_the_first_length_that_is_confirmed_to_be_good_enough() {
    let folder = tempfile::tempdir().unwrap();
    digits(folder.path(), 0);
    let rows = small(folder.path(), "a.jsonl");
    // Of the first length: the best of the last round, and its confirmation.
    let [searched, confirmed] = [&rows[8], &rows[10]["confirmed"]].map(|row| row["mean"].as_f64());
    let (searched, confirmed) = (searched.unwrap(), confirmed.unwrap());
    assert_ne!(searched, confirmed);
    let between = 50.0 * (searched + confirmed);
    let is_enough = confirmed < searched;
    let out = folder.path().join("b.jsonl");
    search_small(folder.path(), &out)
        .args(["--target", &between.to_string()])
        .assert()
        .success();
    let rows = std::fs::read_to_string(out).unwrap().lines().count();
    assert_eq!(rows, if is_enough { 11 } else { 21 });
}

/// Files of the names and shapes of MNIST's training set, all zero, and none of its test set.
fn mnist(folder: &std::path::Path) {
    let sizes = [
        ("images-idx3", &[60_000, 28, 28][..]),
        ("labels-idx1", &[60_000]),
    ];
    for (name, shape) in sizes {
        let axes = shape.iter().flat_map(|axis: &u32| axis.to_be_bytes());
        let header: Vec<u8> = [0, 0, 8, shape.len() as u8]
            .into_iter()
            .chain(axes)
            .collect();
        let path = folder.join(format!("train-{name}-ubyte"));
        std::fs::write(&path, &header).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let elements: u32 = shape.iter().product();
        file.set_len(header.len() as u64 + u64::from(elements))
            .unwrap();
    }
}

#[test]
fn with_mnist_it_validates_on_digits_outside_the_training_set() {
    let folder = tempfile::tempdir().unwrap();
    mnist(folder.path());
    let search = |validation_examples: &str| {
        let mut command = gpu_train();
        command.current_dir(folder.path());
        command.args(["search", "--mnist", ".", "--train-examples", "60"]);
        command.args(["--recipe", "full-batch-muon"]);
        command.args(["--validation-examples", validation_examples]);
        command.args(["--lengths", "2", "--candidates", "2", "--out", "a.jsonl"]);
        command.assert()
    };
    search("30").success().stdout(contains(
        "on 60 training examples of MNIST, the first 60, validated on 30 others",
    ));
    let text = std::fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
    let plan = text.lines().next().unwrap();
    assert!(
        plan.contains(r#""validation_examples":30"#) && !plan.contains("folds"),
        "{plan}"
    );
    let run = folder.path().join("a-runs/2-candidate-0-100000.json");
    let run: serde_json::Value = serde_json::from_slice(&std::fs::read(run).unwrap()).unwrap();
    assert_eq!(run["curve"][0]["test"]["examples"], 30);
    assert_eq!(run["curve"][0]["train"]["examples"], 60);
    // As if it had been interrupted: other validation digits make another search.
    let plan = folder.path().join("a-runs/experiment.json");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(
        &plan,
        text.replace(r#""finished": true"#, r#""finished": false"#),
    )
    .unwrap();
    search("31").code(1).stderr(contains("another digits"));
    search("30").success();
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
            best["recipe"]["name"] == "reproduction"
                && best["recipe"]["length"]["passes"] == 2
                && best["errors"]
                    .as_array()
                    .is_some_and(|errors| errors.len() == 20)
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
        (&["--mnist", ".", "--folds", "3"], "--folds"),
        (&["--validation-examples", "5"], "found without --mnist"),
        (
            &["--mnist", ".", "--validation-examples", "52710"],
            "found 52710, expected 1 to 52709",
        ),
        (
            &["--mnist", ".", "--train-examples", "60000"],
            "found 60000, expected 1 to 59999",
        ),
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
            "--recipe=full-batch-muon",
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
    let said = crate::common::interrupted("INT", &mut search("100000"), &first, 120);
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
