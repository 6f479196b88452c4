//! `python/look.py`: plain Python reads the weights, the metrics and a race, and draws them.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::{gpu_train, python};

fn plain_python_draws_a_run_and_a_race(python: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (weights, metrics, out) = (path("net"), path("metrics.jsonl"), path("look.svg"));
    let arguments = ["--per-example", "--passes", "2", "--no-baseline"];
    let files = ["--save", &weights, "--metrics", &metrics];
    gpu_train(&[&arguments[..], &files].concat())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let race = root.join("results/race.json");
    let race = race.to_str().expect("UTF-8");

    let files = ["--weights", &weights, "--metrics", &metrics];
    let script = "../python/look.py";
    let arguments = [&files[..], &["--race", race, "--out", &out]].concat();
    let text = python::run(python, script, &arguments)?;
    assert!(
        text.contains("9760 parameters, {\"activation\": \"tanh\", \"loss\": \"mse\"}"),
        "{text}"
    );
    let rows = std::fs::read_to_string(&metrics)?;
    let rows: Vec<Value> = rows
        .lines()
        .skip(1)
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let fewest = rows
        .iter()
        .filter_map(|row| row["test"]["misses"].as_u64())
        .min();
    let fewest = fewest.expect("an evaluation");
    assert!(
        text.contains(&format!("2 evaluations, fewest misses {fewest} at step")),
        "{text}"
    );
    let record: Value = serde_json::from_str(&std::fs::read_to_string(race)?)?;
    let count = |key: &str| record[key].as_array().map_or(0, Vec::len);
    let times = count("published") + count("contestants");
    assert!(
        text.contains(&format!("race.json: {times} times, the shortest")),
        "{text}"
    );
    let picture = std::fs::read_to_string(&out)?;
    roxmltree::Document::parse_with_options(
        &picture,
        roxmltree::ParsingOptions {
            allow_dtd: true,
            ..Default::default()
        },
    )?;

    // Not a safetensors file.
    let arguments = ["--weights", &metrics, "--out", &out];
    assert!(python::run(python, script, &arguments).is_err());
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    vec![python::trial(
        "matplotlib::plain_python_draws_a_run_and_a_race",
        "matplotlib",
        plain_python_draws_a_run_and_a_race,
    )]
}
