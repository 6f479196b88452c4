//! `--share` and `--collect` of `reproduce`, `race` and `search`: several processes at work in one folder leave what one
//! process leaves. The runs are tiny.

mod race;
mod search;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gpu_train::experiment::record::Table;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs that take next to no time, one at a time.
const REPRODUCE: [&str; 13] = [
    "reproduce",
    "--out",
    "runs",
    "--rows",
    "stage-0,full-batch",
    "--seeds",
    "3",
    "--examples",
    "64",
    "--passes",
    "2",
    "--jobs",
    "1",
];
fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn command(folder: &Path, arguments: &[&str], more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("gpu-train"));
    command.current_dir(folder).args(arguments).args(more);
    command
}

/// Both streams of a command that must end with this code.
fn said(output: &Output, code: i32) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn ended(folder: &Path, arguments: &[&str], more: &[&str], code: i32) -> String {
    let output = command(folder, arguments, more).output();
    said(&output.expect("the program ran"), code)
}

/// Messages of all shares, which work at the same time.
fn shares(folder: &Path, arguments: &[&str], count: usize) -> Vec<String> {
    let start = |index: usize| {
        let share = format!("{index}/{count}");
        let mut command = command(folder, arguments, &["--share", &share]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    let started: Vec<_> = (0..count).map(start).collect();
    let ends = started.into_iter();
    ends.map(|child| said(&child.wait_with_output().expect("it ends"), 0))
        .collect()
}

fn read(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn write(path: impl AsRef<Path>, value: &Value) {
    fs::write(path, value.to_string()).expect("written");
}

/// The table without what two runs of it need not have in common.
fn timeless(folder: &Path) -> Value {
    let mut table = read(folder.join("runs/table.json"));
    let _: Table = serde_json::from_value(table.clone()).expect("a table");
    table["command"].take();
    table["date"].take();
    for row in table["rows"].as_array_mut().expect("rows") {
        row["mean_seconds"].take();
    }
    table
}

#[test]
fn shares_at_the_same_time_leave_the_table_of_one_process() {
    let (whole, shared) = (folder(), folder());
    ended(whole.path(), &REPRODUCE, &[], 0);
    let shared = shared.path();
    let said = shares(shared, &REPRODUCE, 3);
    for (index, said) in said.iter().enumerate() {
        assert!(said.contains("0 of 2 runs are there, 2 to run"), "{said}");
        assert!(said.contains(&format!("share {index}/3: its 2 runs are there")));
        let collect = format!("gpu-train {} --collect", REPRODUCE.join(" "));
        assert!(said.contains(&collect), "{said}");
    }
    assert!(!shared.join("runs/table.json").exists());
    ended(shared, &REPRODUCE, &["--collect"], 0);
    assert_eq!(timeless(shared), timeless(whole.path()));
    assert!(shared.join("runs/report/report.html").exists());
    // A share that is done runs nothing; a whole command takes all runs of the shares.
    let again = shares(shared, &REPRODUCE, 3).concat();
    assert_eq!(again.matches("2 of 2 runs are there, 0 to run").count(), 3);
    let all = ended(shared, &REPRODUCE, &[], 0);
    assert!(all.contains("6 of 6 runs are there, 0 to run"), "{all}");
}

#[test]
fn a_collection_names_what_is_missing() {
    let folder = folder();
    let runs = folder.path().join("runs");
    let said = ended(folder.path(), &REPRODUCE, &["--collect"], 1);
    assert!(said.contains("found no such folder") && !runs.exists());
    shares(folder.path(), &REPRODUCE, 2);
    fs::remove_file(runs.join("full-batch-1338.json")).expect("removed");
    let mut record = read(runs.join("full-batch-1339.json"));
    record["identity"]["seed"] = json!(7);
    write(runs.join("full-batch-1339.json"), &record);
    let said = ended(folder.path(), &REPRODUCE, &["--collect", "--quiet"], 1);
    assert!(
        said.contains("missing: full-batch 2 of 3 runs (seeds 1338, 1339); "),
        "{said}"
    );
    assert!(said.contains("found a run with the seed 7, expected 1339"));
    assert!(!said.contains("missing: stage-0"), "{said}");
    let seeds = |row: usize| timeless(folder.path())["rows"][row]["seeds"].clone();
    assert_eq!(
        (seeds(0), seeds(1)),
        (json!([1337, 1338, 1339]), json!([1337]))
    );
    // A row without a run is left out.
    let other = ["--collect", "--rows", "stage-0,stage-1"];
    let other = ended(
        folder.path(),
        &[&REPRODUCE[..3], &REPRODUCE[5..]].concat(),
        &other,
        1,
    );
    assert!(other.contains("missing: stage-1 3 of 3 runs"), "{other}");
    assert_eq!(
        timeless(folder.path())["rows"].as_array().map(Vec::len),
        Some(1)
    );
}

/// Runs on a GPU are collected where there is none, but not two devices in a row.
#[test]
fn runs_of_any_device_are_collected_but_not_mixed() {
    let folder = folder();
    shares(folder.path(), &REPRODUCE, 1);
    let collect = |on: &[u64], code| {
        for seed in on {
            let path = folder.path().join(format!("runs/full-batch-{seed}.json"));
            let mut record = read(&path);
            record["identity"]["engine"] = json!("gpu");
            record["identity"]["adapter"] = json!("Some GPU");
            write(path, &record);
        }
        ended(folder.path(), &REPRODUCE, &["--collect"], code)
    };
    let mixed = collect(&[1337, 1339], 1);
    assert!(
        mixed.contains("found runs of full-batch on Some GPU and on cpu"),
        "{mixed}"
    );
    collect(&[1338], 0);
    assert_eq!(timeless(folder.path())["rows"][1]["engine"], "gpu");
}

#[test]
fn who_would_do_the_same_runs_is_refused() {
    let folder = folder();
    let runs = folder.path().join("runs");
    fs::create_dir(&runs).expect("a folder");
    // As a share at work has them.
    let [all, own] = [".lock", ".share-0-of-2.lock"].map(|name| {
        let lock = File::create(runs.join(name)).expect("a lock file");
        lock.lock_shared().expect("locked");
        lock
    });
    let refused = |more: &[&str]| ended(folder.path(), &REPRODUCE, more, 1);
    let same = refused(&["--share", "0/2"]);
    assert!(
        same.contains("found another gpu-train at work on share 0/2"),
        "{same}"
    );
    let whole = refused(&[]);
    assert!(
        whole.contains("found another gpu-train at work in it"),
        "{whole}"
    );
    assert!(whole.contains("--out"), "{whole}");
    // Another share is welcome.
    ended(folder.path(), &REPRODUCE, &["--share", "1/2"], 0);
    drop((all, own));
    // As a whole command at work has it.
    let lock = File::create(runs.join(".lock")).expect("a lock file");
    lock.lock().expect("locked");
    for part in [&["--share", "1/2"][..], &["--collect"], &[]] {
        let said = refused(part);
        assert!(said.contains("at work"), "{said}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = folder();
    for (arguments, parts) in [
        (
            &["--share", "2/2"][..],
            ["--share", "INDEX/COUNT with INDEX below COUNT"],
        ),
        (&["--share", "1"], ["--share", "found \"1\""]),
        (&["--share", "0/2", "--collect"], ["--share", "--collect"]),
        (&["--share", "0/2", "--json"], ["--share", "--json"]),
    ] {
        for command in ["reproduce", "race", "search"] {
            let said = ended(folder.path(), &[command], arguments, 2);
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
    }
}

/// The second run is in progress when the first one is there.
#[cfg(unix)]
#[test]
fn a_run_in_progress_is_saved_by_a_signal_and_resumes_to_the_same_bytes() {
    let arguments =
        "reproduce --out runs --seeds 1 --examples 1000 --passes 40 --jobs 1 --rows stage-0,";
    for (signal, row) in [("TERM", "full-batch-4"), ("USR1", "stage-4")] {
        let (whole, broken) = (folder(), folder());
        let arguments = format!("{arguments}{row}");
        let arguments: Vec<&str> = arguments.split(' ').collect();
        ended(whole.path(), &arguments, &[], 0);
        let runs = broken.path().join("runs");
        let mut share = command(broken.path(), &arguments, &["--share", "0/1"]);
        crate::common::interrupted(signal, &mut share, &runs.join("stage-0-1337.json"), 60);
        let checkpoint = runs.join(format!("{row}-1337.checkpoint"));
        assert!(checkpoint.exists(), "{signal}");
        let resumed = ended(broken.path(), &arguments, &["--share", "0/1"], 0);
        assert!(
            resumed.contains(".checkpoint: resumes from step "),
            "{resumed}"
        );
        assert!(!checkpoint.exists(), "{signal}");
        ended(broken.path(), &arguments, &["--collect"], 0);
        assert_eq!(timeless(broken.path()), timeless(whole.path()));
        let weights = |folder: &Path| {
            let weights = folder.join(format!("runs/{row}-1337.safetensors"));
            fs::read(weights).expect("weights")
        };
        assert!(weights(broken.path()) == weights(whole.path()), "{row}");
    }
}
