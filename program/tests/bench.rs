//! `gpu-train bench` as a user and as a script meets it. No time is asserted, only that what is reported fits together.

use assert_cmd::Command;
use libtest_mimic::Trial;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use crate::trial;

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gpu-train").expect("the binary");
    command.arg("bench").args(arguments);
    command
}

/// The report of a short benchmark.
fn report(arguments: &[&str]) -> Value {
    let run = bench(&[&["--seconds", "0.05", "--json"], arguments].concat())
        .assert()
        .success();
    serde_json::from_slice(&run.get_output().stdout).expect("one JSON document")
}

fn number(value: &Value, name: &str) -> f64 {
    let found = value[name].as_f64();
    found.unwrap_or_else(|| panic!("{name} is {} in {value}", value[name]))
}

/// Checks the report of every engine.
fn check_engine(engine: &Value, examples: usize) {
    assert_eq!(engine["examples"], examples);
    assert!(
        engine["device"]
            .as_str()
            .is_some_and(|device| !device.is_empty())
    );
    assert!(number(engine, "set_up_s") > 0.0);
    let ms = &engine["step_ms"];
    assert!(number(ms, "samples") >= 3.0);
    assert!(number(ms, "p10") > 0.0);
    assert!(number(ms, "p10") <= number(ms, "median") && number(ms, "median") <= number(ms, "p90"));
    let near = |got: f64, want: f64| (got / want - 1.0).abs() < 1e-9;
    let seconds = number(ms, "median") / 1e3;
    assert!(near(
        number(engine, "examples_per_s"),
        examples as f64 / seconds
    ));
    // 171,780 multiply-adds an example.
    let gflops = 343_560.0 * examples as f64 / seconds / 1e9;
    assert!(near(number(engine, "gflops"), gflops));
    assert!(number(engine, "peak_gflops") > 0.0 && number(engine, "copy_gbytes_per_s") > 0.0);
    assert!(near(
        number(engine, "nominal_share_of_peak"),
        gflops / number(engine, "peak_gflops")
    ));
    // 134,268 without those of the padding.
    let needed = 268_536.0 * examples as f64;
    assert!(near(
        number(engine, "needed_gflops"),
        needed / seconds / 1e9
    ));
    let arithmetic = needed / number(engine, "peak_gflops") / 1e6;
    assert!(near(
        number(engine, "share_of_peak"),
        arithmetic / number(ms, "median")
    ));
    assert!(number(engine, "floor_ms") >= arithmetic * (1.0 - 1e-9));
    assert!(engine["kernels"].is_array());
}

fn the_processors_engines_are_reported() {
    let report = report(&[
        "--engine",
        "cpu,per-example",
        "--engine",
        "reference",
        "--examples",
        "65",
    ]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let date = predicate::str::is_match(r"^\d{4}-\d\d-\d\d$").expect("a pattern");
    assert!(date.eval(report["date"].as_str().expect("a date")));
    assert!(
        report["command"]
            .as_str()
            .expect("a command")
            .starts_with("gpu-train bench --seconds 0.05")
    );
    assert!(report["machine"]["cores"].as_u64() >= Some(1));
    assert!(report["machine"]["processor"].is_string() && report["machine"]["os"].is_string());
    assert_eq!(report["recipe"]["name"], "full-batch");
    assert_eq!(report["per_example_recipe"]["name"], "reproduction");
    if cfg!(target_os = "linux") {
        // The ordinary run's bound.
        assert!(number(&report, "peak_resident_bytes") < 150e6);
    }
    let engines = report["engines"].as_array().expect("engines");
    let names: Vec<_> = engines
        .iter()
        .map(|engine| engine["engine"].as_str())
        .collect();
    assert_eq!(names, [Some("cpu"), Some("per-example"), Some("reference")]);
    for engine in engines {
        check_engine(engine, 65);
        assert_eq!(
            (&engine["dispatches"], &engine["buffer_bytes"]),
            (&0.into(), &0.into())
        );
    }
    let (one, pass) = (&engines[1]["example_us"], &engines[1]["step_ms"]);
    for field in ["median", "p10", "p90"] {
        let us = number(pass, field) * 1e3 / 65.0;
        assert!((number(one, field) / us - 1.0).abs() < 1e-9);
    }
    assert!(engines[0]["example_us"].is_null());
}

fn an_adapter_is_reported_with_its_kernels() {
    let arguments = [
        "--engine",
        "gpu",
        "--device",
        "software",
        "--seconds",
        "0.05",
        "--json",
        "--examples",
        "70",
    ];
    let run = bench(&arguments).assert().success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let gpu = &report["engines"][0];
    assert_eq!(gpu["engine"], "gpu");
    check_engine(gpu, 70);
    assert!(number(gpu, "dispatches") >= 1.0);
    // 512 bytes each.
    let images = 70.0 * 512.0;
    // With the test digits and the partial gradients; all training digits would be 3.7 MB more.
    let bytes = number(gpu, "buffer_bytes");
    assert!(bytes > images && bytes < images + 5e6);
    let pipelines = gpu["pipelines"].as_array().expect("pipelines");
    assert!(pipelines.len() as f64 >= number(gpu, "dispatches"));
    let set_up_ms = 1e3 * number(gpu, "set_up_s");
    let mut times = pipelines.iter().map(|made| number(made, "ms"));
    assert!(times.all(|ms| ms > 0.0 && ms < set_up_ms));
    // The default recipe takes four steps.
    let whole = &gpu["whole_run"];
    assert_eq!(whole["steps"], 4);
    assert!(number(&whole["ms"], "median") > 0.0);
    if gpu["timestamps"] == true {
        assert!((0.0..1.0).contains(&number(whole, "host_share")));
    }
    let kernels = gpu["kernels"].as_array().expect("kernels");
    if gpu["timestamps"] == true {
        assert!(!kernels.is_empty() && kernels.len() as f64 <= number(gpu, "dispatches"));
        assert!(
            kernels
                .iter()
                .all(|kernel| kernel["kernel"].is_string() && number(kernel, "ms") >= 0.0)
        );
    } else {
        assert!(kernels.is_empty());
    }
    // No device does a step in so little time.
    let hasty = [&arguments[..], &["--device-timeout", "0.000000001"]].concat();
    refused(&hasty, 1, &["it has not answered for 0.000000001 s"]);
}

/// A recipe of one batch says nothing about engines of the other one, which are not measured.
fn only_recipes_of_measured_engines_are_checked() {
    for (engine, recipe, there, absent) in [
        ("cpu", "full-batch", "recipe", "per_example_recipe"),
        (
            "per-example",
            "diagonal-newton",
            "per_example_recipe",
            "recipe",
        ),
    ] {
        let flag = match engine {
            "cpu" => "--recipe",
            _ => "--optimizer",
        };
        let report = report(&["--engine", engine, flag, recipe, "--examples", "65"]);
        check_engine(&report["engines"][0], 65);
        assert!(report[there].is_object() && report[absent].is_null());
    }
    refused(
        &["--engine", "cpu,per-example", "--recipe", "full-batch"],
        2,
        &["--optimizer", "muon"],
    );
}

/// More examples than there are digits, on the engine that makes them as it goes, take no more memory.
fn more_examples_than_digits_take_no_memory() {
    let report = report(&["--engine", "cpu", "--examples", "100000"]);
    check_engine(&report["engines"][0], 100_000);
    if cfg!(target_os = "linux") {
        // In memory they would be 51 MB.
        assert!(number(&report, "peak_resident_bytes") < 45e6);
    }
}

fn the_table_and_the_file_say_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bench.json");
    let path = file.to_str().expect("UTF-8");
    bench(&[
        "--engine",
        "cpu",
        "--examples",
        "65",
        "--seconds",
        "0.05",
        "--out",
        path,
    ])
    .assert()
    .success()
    .stdout(
        contains("step, median")
            .and(contains("share of the peak"))
            .and(contains("cpu on "))
            .and(contains("schema").not()),
    )
    .stderr(contains("ms per step"));
    let written = std::fs::read(&file).expect("a report");
    let written: Value = serde_json::from_slice(&written).expect("JSON");
    check_engine(&written["engines"][0], 65);
}

/// Runs with arguments that must be refused: the exit code, and one line that holds every part.
fn refused(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = bench(arguments).output().expect("the program ran");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    for part in parts {
        assert!(
            error.contains(part),
            "{arguments:?}: {part:?} is not in {error:?}"
        );
    }
    let said = error
        .lines()
        .filter(|line| line.starts_with("error"))
        .count();
    assert_eq!(said, 1, "{error}");
    assert!(
        !error.contains("panicked") && output.stdout.is_empty(),
        "{error}"
    );
}

fn what_makes_no_sense_is_refused() {
    refused(&["--examples", "0"], 2, &["--examples", "0"]);
    refused(&["--examples", "10000001"], 2, &["--examples", "10000001"]);
    for seconds in ["0", "-1", "nan", "inf"] {
        refused(
            &["--seconds", seconds],
            2,
            &["--seconds", "expected more than 0"],
        );
    }
    refused(
        &["--engine", "abacus"],
        2,
        &["--engine", "abacus", "per-example"],
    );
    refused(&["--device", "cpu"], 2, &["--device", "cpu", "software"]);
    refused(
        &["--engine", "cpu", "--device", "software"],
        2,
        &["--device", "--engine", "gpu"],
    );
    refused(
        &["--engine", "per-example", "--examples", "1000001"],
        2,
        &["--examples", "found 1000001", "--engine per-example"],
    );
    refused(
        &["--engine", "gpu", "--adapter", "no such adapter"],
        1,
        &["--adapter", "no such adapter"],
    );
    refused(
        &["--engine", "cpu", "--learning-rate", "-1"],
        2,
        &["--learning-rate"],
    );
    refused(
        &["--out", "/no/such/folder/bench.json"],
        1,
        &["/no/such/folder"],
    );
    refused(&["--mnist", "/no/such/folder"], 1, &["/no/such/folder"]);
}

pub fn trials(without_adapter: bool) -> Vec<Trial> {
    vec![
        trial(
            "bench::only_recipes_of_measured_engines_are_checked",
            only_recipes_of_measured_engines_are_checked,
        ),
        trial(
            "bench::the_processors_engines_are_reported",
            the_processors_engines_are_reported,
        ),
        trial(
            "bench::more_examples_than_digits_take_no_memory",
            more_examples_than_digits_take_no_memory,
        ),
        trial(
            "bench::the_table_and_the_file_say_the_same",
            the_table_and_the_file_say_the_same,
        ),
        trial(
            "bench::what_makes_no_sense_is_refused",
            what_makes_no_sense_is_refused,
        ),
        trial(
            "bench::an_adapter_is_reported_with_its_kernels",
            an_adapter_is_reported_with_its_kernels,
        )
        .with_ignored_flag(without_adapter),
    ]
}
