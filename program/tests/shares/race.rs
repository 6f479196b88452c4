//! Shares of a race.

use std::fs;
use std::path::Path;

use gpu_train::experiment::record::RaceRecord;
use serde_json::{Value, json};

use super::{ended, folder, read, shares, write};

const RACE: [&str; 11] = [
    "race",
    "--out",
    "race.json",
    "--recipe",
    "full-batch",
    "--seeds",
    "3",
    "--examples",
    "64",
    "--passes",
    "2",
];

/// The record of the rounds that are there; none without one.
fn race(folder: &Path, code: i32) -> (Option<RaceRecord>, String) {
    let said = ended(folder, &RACE, &["--collect"], code);
    let path = folder.join("race.json");
    let record = path
        .exists()
        .then(|| serde_json::from_value(read(path)).expect("a record"));
    (record, said)
}

#[test]
fn shares_of_a_race_are_whole_rounds() {
    let folder = folder();
    let runs = folder.path().join("race-runs");
    let share = |share| ended(folder.path(), &RACE, &["--share", share], 0);
    let said = share("0/2");
    assert!(
        said.contains("round 3/3, seed 1339") && !said.contains("round 2/3"),
        "{said}"
    );
    assert!(said.contains("share 0/2: its 2 rounds are there"), "{said}");
    assert!(!folder.path().join("race.json").exists());
    let (record, said) = race(folder.path(), 1);
    let record = record.expect("rounds");
    assert!(said.contains("missing: round 2 of 3 (seed 1338)"), "{said}");
    assert!(
        record
            .restrictions
            .contains(&"1 of 3 rounds are missing".into())
    );
    share("1/2");
    let again = share("1/2");
    assert!(again.contains(" 0 to run"), "{again}");
    let start = read(runs.join("experiment-0-of-2.json"))["start"].clone();
    let record = race(folder.path(), 0).0.expect("rounds");
    assert_eq!(
        (record.restrictions.len(), &record.rule.seeds[..]),
        (2, &[1337, 1338, 1339][..])
    );
    assert_eq!(json!(record.reading), start["reading"]);
    assert!(record.contestants.len() > 1);
    for one in &record.contestants {
        let rounds: Vec<_> = one.runs.iter().map(|run| (run.round, run.seed)).collect();
        assert_eq!(rounds, [(0, 1337), (1, 1338), (2, 1339)]);
        assert_eq!(one.recipe["seed"], 1337);
    }
    let other = ended(folder.path(), &RACE, &["--share", "0/3"], 1);
    assert!(
        other.contains("found experiment-0-of-2.json, expected shares of 3"),
        "{other}"
    );
    // Another race does not write over it.
    let other = ["--share", "0/2", "--target", "70"];
    let other = ended(folder.path(), &RACE, &other, 1);
    assert!(
        other.contains("an unfinished experiment with another target"),
        "{other}"
    );
}

/// As if a contestant had run on GPUs, of two kinds, on machines that are not here.
#[test]
fn a_race_on_other_devices_is_collected_with_a_restriction() {
    let folder = folder();
    shares(folder.path(), &RACE, 2);
    let runs = folder.path().join("race-runs");
    let to_gpu = |identity: &mut Value| {
        identity["engine"] = json!("gpu");
        identity["adapter"] = json!("Some GPU");
    };
    let mut name = Value::Null;
    for share in 0..2 {
        let path = runs.join(format!("experiment-{share}-of-2.json"));
        let mut experiment = read(&path);
        let entered = experiment["start"]["entered"].as_array_mut();
        let last = entered.expect("entrants").last_mut().expect("one");
        name = last["contestant"]["name"].clone();
        to_gpu(&mut last["identity"]);
        write(path, &experiment);
    }
    let (none, said) = race(folder.path(), 1);
    assert!(
        none.is_none() && said.contains("missing: round 3 of 3"),
        "{said}"
    );
    for entry in fs::read_dir(&runs).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let mut record = read(&path);
        if record["identity"]["row"] == name {
            to_gpu(&mut record["identity"]);
            record["device"] = json!(format!("GPU {}", record["identity"]["seed"] == 1338));
            write(path, &record);
        }
    }
    let record = race(folder.path(), 0).0.expect("rounds");
    let devices = "rounds on different devices: GPU false; GPU true";
    assert!(record.restrictions.contains(&devices.into()), "{record:?}");
    assert_eq!(record.contestants.last().map(|one| one.runs.len()), Some(3));
}
