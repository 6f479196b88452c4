//! `gpu-train reproduce` as a user meets it: what it runs, what it does not run again, and the table it leaves. The runs
//! are tiny; that full ones give the published misses is for the table itself to show.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use gpu_train::experiment::record::{RunRecord, SCHEMA, Statistics, Table};
use gpu_train::weights;
use gpu_train_program::text::reproduce::{csv, markdown, text};
use serde_json::json;

/// Runs of a row that take next to no time.
const TINY: [&str; 4] = ["--examples", "64", "--passes", "2"];

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("gpu-train").expect("the binary");
    command.arg("reproduce").arg("--out").arg(folder);
    command.args(arguments).output().expect("the program ran")
}

/// The table of a run that must succeed, and what it said on standard error.
fn table(folder: &Path, arguments: &[&str]) -> (Table, String) {
    let output = run(folder, &[arguments, &["--json"]].concat());
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{said}");
    let table = serde_json::from_slice(&output.stdout).expect("one JSON document");
    (table, said)
}

fn record(folder: &Path, name: &str) -> RunRecord {
    let bytes = fs::read(folder.join(name)).expect("a record");
    serde_json::from_slice(&bytes).expect("a record")
}

fn refused(folder: &Path, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = run(folder, arguments);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn runs_are_kept_and_only_missing_ones_are_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let arguments = [&TINY[..], &["--rows", "stage-0,full-batch", "--seeds", "2"]].concat();
    let (first, said) = table(folder, &arguments);
    assert!(said.contains("0 of 4 runs are there, 4 to run"), "{said}");
    for run in ["stage-0", "full-batch"] {
        for seed in [1337, 1338] {
            assert!(
                said.contains(&format!("{run} seed {seed}: train loss ")),
                "{said}"
            );
        }
    }
    let names: Vec<_> = first.rows.iter().map(|row| row.row.as_str()).collect();
    assert_eq!(names, ["stage-0", "full-batch"]);
    for row in &first.rows {
        assert_eq!(row.seeds, [1337, 1338]);
        assert_eq!(row.statistics.as_ref().map(|found| found.n), Some(2));
        // Restricted: compared with nothing.
        assert_eq!((&row.published, row.published_inside), (&None, None));
    }
    assert_eq!(first.restrictions.len(), 2);

    let (second, said) = table(folder, &arguments);
    assert!(said.contains("4 of 4 runs are there, 0 to run"), "{said}");
    assert_eq!(second.rows, first.rows);

    fs::remove_file(folder.join("full-batch-1338.json")).expect("removed");
    let (third, said) = table(folder, &arguments);
    assert!(said.contains("3 of 4 runs are there, 1 to run"), "{said}");
    assert!(said.contains("full-batch seed 1338: train loss "), "{said}");
    // The same but for the time.
    assert_eq!(third.rows[1].test_misses, first.rows[1].test_misses);
    assert_eq!(third.rows[0], first.rows[0]);

    // A third seed is one run a row more, and the table is on the disk in all its forms.
    let (fourth, said) = table(
        folder,
        &[&TINY[..], &["--rows", "stage-0", "--seeds", "3"]].concat(),
    );
    assert!(said.contains("2 of 3 runs are there, 1 to run"), "{said}");
    let on_disk: Table =
        serde_json::from_slice(&fs::read(folder.join("table.json")).expect("a table"))
            .expect("a table");
    assert_eq!(on_disk, fourth);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a table");
    assert!(read("table.md").contains("| stage-0") && read("table.md").contains("RESTRICTED"));
    assert_eq!(read("table.csv").lines().count(), 2);
}

#[test]
fn a_record_has_curve_weights_and_misses() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let arguments = [
        "--examples",
        "64",
        "--passes",
        "50",
        "--rows",
        "full-batch-0,stage-4",
    ];
    table(folder, &[&arguments[..], &["--seeds", "2"]].concat());
    for (row, engine, per_epoch) in [("full-batch-0", "cpu", 1), ("stage-4", "per-example", 64)] {
        let first = record(folder, &format!("{row}-1337.json"));
        assert_eq!((first.schema, first.steps), (SCHEMA, 50 * per_epoch));
        assert_eq!(first.identity.engine.to_string(), engine);
        assert_eq!(first.identity.recipe["seed"], 1337);
        assert_eq!(first.presentations, 50 * 64);
        // Every second epoch, fixed beforehand.
        let steps: Vec<u32> = first.curve.iter().map(|point| point.step).collect();
        let expected: Vec<u32> = (1..=25).map(|point| 2 * point * per_epoch).collect();
        assert_eq!(steps, expected);
        assert_eq!(first.curve[24].passes, 50.0);
        let end = &first.curve[24].test;
        assert_eq!(end.examples, 2_007);
        assert!(first.seconds.train > 0.0 && first.seconds.setup > 0.0);
        let missed = first.missed.expect("of the first seed");
        assert_eq!(missed.len(), end.misses as usize);
        assert!(
            missed
                .iter()
                .all(|one| one.guess != one.label && one.index < 2_007)
        );
        let weights = folder.join(first.weights.expect("of the first seed"));
        weights::load(&weights).expect("weights");
        let second = record(folder, &format!("{row}-1338.json"));
        assert_eq!((second.missed, second.weights), (None, None));
    }
}

/// Each time the run of the first seed is run again, with a line that says why.
#[test]
fn what_cannot_be_used_is_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let base = ["--rows", "full-batch", "--seeds", "1", "--passes", "2"];
    let with = |more: &[&str]| table(folder, &[&base[..], more].concat()).1;
    let path = folder.join("full-batch-1337.json");
    with(&["--examples", "64"]);
    let good = fs::read_to_string(&path).expect("a record");
    let again = |why: &str, said: &str| {
        let line = said.lines().find(|line| line.contains("running it again"));
        let line = line.unwrap_or_else(|| panic!("no line about {why} in {said}"));
        assert!(
            line.contains("full-batch-1337.json: found ") && line.contains(why),
            "{line}"
        );
        assert!(said.contains("0 of 1 runs are there, 1 to run"), "{said}");
    };
    for (text, why) in [
        ("{ not JSON".to_owned(), "no record"),
        (good[..good.len() / 2].to_owned(), "no record"),
        (
            good.replace("\"steps\": 2", "\"steps\": 3"),
            "without its last evaluation",
        ),
        (good.replace("\"schema\": 1", "\"schema\": 99"), "form 99"),
    ] {
        assert_ne!(text, good);
        fs::write(&path, text).expect("written");
        again(why, &with(&["--examples", "64"]));
    }
    fs::remove_file(folder.join("full-batch-1337.safetensors")).expect("removed");
    again("without its weights", &with(&["--examples", "64"]));
    again("the digits", &with(&["--examples", "65"]));
    again("the recipe's length", &{
        let longer = ["--rows", "full-batch", "--seeds", "1", "--passes", "3"];
        table(folder, &[&longer[..], &["--examples", "65"]].concat()).1
    });
    let engine = ["--examples", "65", "--passes", "3", "--device", "reference"];
    let said = table(folder, &[&base[..4], &engine].concat()).1;
    again("the engine cpu, expected reference", &said);
}

/// Any number of runs at a time gives the same misses.
#[test]
fn jobs_change_nothing_but_the_time() {
    let rows = |jobs: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = [
            &TINY[..],
            &["--rows", "stage-3,full-batch-4", "--jobs", jobs],
        ]
        .concat();
        let (table, _) = table(folder.path(), &arguments);
        assert_eq!(table.rows[0].concurrent_runs.to_string(), jobs);
        let misses = |row: &gpu_train::experiment::record::TableRow| {
            (
                row.seeds.clone(),
                row.test_misses.clone(),
                row.train_misses.clone(),
            )
        };
        table.rows.iter().map(misses).collect::<Vec<_>>()
    };
    assert_eq!(rows("1"), rows("3"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    refused(folder, &["--rows", "stage-9"], 2, &["stage-9", "stage-0"]);
    refused(folder, &["--seeds", "0"], 2, &["--seeds"]);
    refused(folder, &["--jobs", "0"], 2, &["--jobs"]);
    refused(folder, &["--epochs", "0"], 2, &["--epochs"]);
    refused(
        folder,
        &["--quick", "--seeds", "2"],
        2,
        &["--quick", "--seeds"],
    );
    refused(
        folder,
        &["--first-seed", "18446744073709551615", "--seeds", "2"],
        2,
        &["--first-seed", "18446744073709551615"],
    );
    refused(folder, &["--mnist", "/nowhere"], 1, &["/nowhere"]);
    refused(folder, &["--zip-code", "/nowhere"], 1, &["/nowhere"]);
    refused(
        folder,
        &["--device", "cpu", "--adapter", "x"],
        2,
        &["--adapter", "--device cpu"],
    );
    let no_adapter = ["--device", "gpu", "--adapter", "no such adapter"];
    refused(folder, &no_adapter, 1, &["no such adapter"]);
    let file = folder.join("a-file");
    fs::write(&file, "").expect("written");
    let name = file.to_str().expect("UTF-8");
    refused(
        &file,
        &["--rows", "stage-0"],
        1,
        &[name, "cannot be created"],
    );
}

/// Runs of a few tenths of a second each, too many to end by themselves.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_finished_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let arguments = ["--rows", "stage-0", "--passes", "3", "--seeds"];
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("gpu-train"));
    command.arg("reproduce").arg("--out").arg(folder);
    command.args(arguments).arg("5000");
    let said =
        crate::common::interrupted("INT", &mut command, &folder.join("stage-0-1337.json"), 60);
    assert!(
        said.contains("interrupted; ")
            && said.contains(" of 5000 runs have finished and are kept in"),
        "{said}"
    );
    assert!(
        said.contains("the same command resumes with the rest"),
        "{said}"
    );
    let (_, said) = table(folder, &[&arguments[..], &["1"]].concat());
    assert!(said.contains("1 of 1 runs are there, 0 to run"), "{said}");
}

/// A table of one row, with three runs that ended and one that failed.
fn example() -> Table {
    let misses = [80, 90, 70];
    let table = json!({
        "schema": SCHEMA, "version": "0.1.0", "date": "2026-01-01", "command": "gpu-train reproduce",
        "machine": {"processor": "one", "cores": 2, "os": "linux"},
        "digits": {"source": "test", "sha256": "00", "train_examples": 1, "test_examples": 2007},
        "seeds": [1, 2, 3, 4], "restrictions": [], "notes": ["a note"],
        "rows": [{
            "row": "stage-1", "title": "a, \"title\"", "recipe_name": "softmax", "recipe": null, "full_batch": false,
            "engine": "per-example", "device": "a core", "steps": 23, "passes": 23.0,
            "published": {
                "misses": 88, "printed_misses": 87, "percent": 4.38, "examples": 2007, "source": "essay, 2022",
            },
            "seeds": [1, 2, 3], "test_misses": misses, "train_misses": [0, 1, 2], "statistics": Statistics::of(&misses),
            "published_inside": true, "mean_seconds": 1.5, "concurrent_runs": 2,
            "failed": [{"seed": 4, "message": "training diverged"}],
        }],
    });
    serde_json::from_value(table).expect("a table")
}

/// The cells of the row in Markdown.
fn cells(markdown: &str) -> Vec<&str> {
    let mut lines = markdown.lines();
    let row = lines.find(|line| line.starts_with("| stage-1"));
    let cells = row.expect("a row").trim_matches('|').split('|');
    cells.map(str::trim).collect()
}

#[test]
fn markdown_has_a_row_of_cells_and_the_notes() {
    let table = example();
    let markdown = markdown(&table);
    let expected = "stage-1 | a, \"title\" | 4.38%, 88 (87) | 80.0 ± 24.8 | 30.3 to 129.7 | 10.0 | 70 | 90 | 3, 1 failed | \
                    23 | 1.50* | yes";
    assert_eq!(cells(&markdown).join(" | "), expected);
    assert!(markdown.contains("\n- a note\n- stage-1 seed 4 failed: training diverged"));
    for (misses, side) in [
        ([60, 61, 62], "no: fewer here"),
        ([98, 99, 100], "no: more here"),
    ] {
        let mut table = table.clone();
        table.rows[0].statistics = Statistics::of(&misses);
        table.rows[0].published_inside = Some(false);
        assert_eq!(cells(&self::markdown(&table)).last(), Some(&side));
    }
}

#[test]
fn every_form_of_a_restricted_table_says_so() {
    let mut table = example();
    for form in [text, markdown, csv] {
        table.restrictions.clear();
        assert!(!form(&table).contains("RESTRICTED"));
        table.restrictions.push("1 pass".into());
        assert!(form(&table).contains("1 pass"));
    }
}

#[test]
fn csv_and_json_read_back() {
    let mut table = example();
    table.restrictions.push("1 pass".into());
    let csv = csv(&table);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().expect("names").clone();
    let row = reader.records().next().expect("a row").expect("cells");
    assert!(
        row.len() == 28 && row.iter().all(|cell| !cell.is_empty()),
        "{row:?}"
    );
    let cell = |name: &str| {
        &row[names
            .iter()
            .position(|found| found == name)
            .expect("a column")]
    };
    assert_eq!(cell("title"), "a, \"title\"");
    assert_eq!(["mean", "n", "failed"].map(cell), ["80.0", "3", "1"]);
    assert_eq!(cell("test_misses"), "80 90 70");
    assert_eq!(cell("published_inside"), "true");
    let back: Table =
        serde_json::from_str(&gpu_train::experiment::record::json(&table)).expect("a table");
    assert_eq!(back, table);
}
