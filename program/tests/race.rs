//! `gpu-train race` as a user and as a script meets it, on tiny runs. No time is asserted, only that what is reported
//! fits together.

use std::path::Path;

use assert_cmd::Command;
use gpu_train::experiment::record::{Contestant, ContestantKind, RaceRecord};
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::trial;

/// A race that takes next to no time.
const TINY: [&str; 6] = ["--examples", "64", "--passes", "3", "--seeds", "2"];

/// A race in this folder, where it keeps its runs.
fn race_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gpu-train").expect("the binary");
    command.current_dir(folder).arg("race").args(arguments);
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The record of a tiny race, and what was said on standard error.
fn record(arguments: &[&str]) -> (RaceRecord, String) {
    let run = race_in(
        folder().path(),
        &[&TINY[..], &["--json"], arguments].concat(),
    )
    .assert()
    .success();
    let output = run.get_output();
    let record = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let said = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    (record, said)
}

fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs(),
        "{found}, expected {expected}"
    );
}

/// Checks every contestant's figures; `baseline` is the per-example one's.
fn check(one: &Contestant, baseline: &Contestant, race: &RaceRecord) {
    let seeds: Vec<u64> = one.runs.iter().map(|run| run.seed).collect();
    assert_eq!(seeds, race.rule.seeds);
    let found = one.standing.as_ref().expect("runs");
    assert!(
        one.runs
            .iter()
            .all(|run| run.train > 0.0 && run.setup > 0.0)
    );
    assert!(found.train.min <= found.train.median && found.train.median <= found.train.max);
    // Restricted: not compared with the essay.
    assert_eq!(found.over_essay, None);
    let first = &one.runs[0];
    near(
        found.cold_total,
        race.reading + one.tuning + first.setup + first.train,
    );
    let ratios: Vec<f64> = baseline
        .runs
        .iter()
        .zip(&one.runs)
        .map(|(other, run)| other.train / run.train)
        .collect();
    near(
        found.over_per_example.expect("a baseline"),
        (ratios[0] + ratios[1]) / 2.0,
    );
    let misses: u32 = one.runs.iter().map(|run| run.test_misses).sum();
    near(found.misses.mean, f64::from(misses) / 2.0);
    let target = f64::from(race.rule.target_misses);
    let [low, high] = found.misses.mean_interval.expect("two seeds");
    assert_eq!(found.qualifies, high <= target);
    assert_eq!(found.undecided, low <= target && target < high);
    assert!(!one.device.is_empty());
}

fn all_contestants_run_every_seed() {
    let (found, said) = record(&["--recipe", "full-batch", "--first-seed", "7"]);
    assert_eq!(found.rule.seeds, [7, 8]);
    assert_eq!(found.rule.target_misses, 82);
    // The rule and the line-up come before the first run.
    let at = |part: &str| {
        said.find(part)
            .unwrap_or_else(|| panic!("{part} in {said}"))
    };
    assert!(at("The rule") < at("The contestants"));
    assert!(at("The contestants") < at("round 1/2, seed 7: batch 1: reproduction: "));
    assert!(at("round 1/2") < at("round 2/2, seed 8"));
    let baseline = &found.contestants[0];
    assert_eq!(baseline.kind, ContestantKind::PerExample);
    assert_eq!(baseline.steps, 3 * 64);
    for one in &found.contestants {
        check(one, baseline, &found);
        assert_eq!(one.presentations, 3 * 64);
    }
    let cores: Vec<_> = found
        .contestants
        .iter()
        .filter(|one| one.kind == ContestantKind::Cpu)
        .map(|one| one.cores.expect("cores"))
        .collect();
    assert_eq!(cores[0], 1);
    // Threads change no bit.
    let misses = |one: &Contestant| {
        one.runs
            .iter()
            .map(|run| run.test_misses)
            .collect::<Vec<_>>()
    };
    let of_cpu: Vec<_> = found.contestants[1..=cores.len()]
        .iter()
        .map(misses)
        .collect();
    assert!(of_cpu.iter().all(|one| *one == of_cpu[0]));
    assert_eq!(found.restrictions.len(), 2);
    assert!(found.verdict[0].contains("restricted"));
    let published: Vec<f64> = found.published.iter().map(|time| time.seconds).collect();
    assert_eq!(published, [259_200.0, 90.0, 190.0, 27.0]);
}

fn the_target_decides_who_qualifies() {
    let qualifies = |target: &str| {
        let (found, _) = record(&["--recipe", "full-batch", "--target", target]);
        let standings = found
            .contestants
            .iter()
            .filter_map(|one| one.standing.as_ref());
        let standings = standings.map(|found| (found.qualifies, found.undecided));
        standings.collect::<Vec<_>>()
    };
    let is_out = |found: &(bool, bool)| *found == (false, false);
    // Of two seeds the interval may be wide enough to leave it open.
    assert!(!qualifies("2007").iter().any(is_out));
    assert!(!qualifies("1").iter().any(|(qualifies, _)| *qualifies));
}

fn the_text_has_rule_table_and_verdict() {
    let folder = folder();
    let path = folder.path().join("race.json");
    let out = ["--out", "race.json", "--recipe", "full-batch-1989"];
    let mut run = race_in(folder.path(), &[&TINY[..], &out].concat());
    let run = run.assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let mut rest = text.as_str();
    for part in [
        "The rule",
        "at most 82 of 2007",
        "The contestants",
        "RESTRICTED",
        "over baseline",
        "cpu, 1 core: full-batch-1989",
        "SUN-4/260",
        "259200",
        "The verdict",
        "~100X",
    ] {
        let place = rest.find(part);
        rest = &rest[place.unwrap_or_else(|| panic!("{part:?} is not next in {text}"))..];
    }
    let record: RaceRecord =
        serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("a record");
    assert!(
        record
            .verdict
            .iter()
            .all(|sentence| text.contains(sentence))
    );
}

fn what_makes_no_sense_is_refused() {
    for (arguments, code, parts) in [
        (&["--seeds", "0"][..], 2, ["--seeds", "0"]),
        (&["--recipe", "nonsense"], 2, ["nonsense", "full-batch"]),
        (
            &["--adapter", "no such adapter"],
            1,
            ["--adapter", "no such adapter"],
        ),
        (
            &["--out", "/no/such/folder/race.json"],
            1,
            ["/no/such/folder", "expected"],
        ),
        (
            &["--first-seed", "18446744073709551615"],
            2,
            ["--first-seed", "2^64"],
        ),
        (
            &["--passes", "18446744073709551615"],
            2,
            ["--epochs", "2^32"],
        ),
    ] {
        let folder = folder();
        let output = race_in(folder.path(), arguments).output();
        let output = output.expect("the program ran");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Ctrl-C as soon as the first round's last run is kept, in a race that would take minutes.
#[cfg(unix)]
fn ctrl_c_keeps_whole_rounds_and_the_same_command_resumes() {
    let folder = folder();
    let arguments = ["--seeds", "300", "--passes", "3", "--recipe", "full-batch"];
    let interrupted = |name: &str| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("gpu-train"));
        command.current_dir(folder.path());
        command.arg("race").args(arguments).arg("--json");
        let file = folder.path().join("gpu-train-race").join(name);
        crate::common::interrupted("INT", &mut command, &file, 120)
    };
    // Who runs last in the second round.
    interrupted("batch-1-reproduction-1338.json");
    let said = interrupted("batch-1-reproduction-1339.json");
    let runs = said.split_once("gpu-train-race: ").map(|(_, rest)| rest);
    let kept = runs.and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    assert!(kept.is_some_and(|kept| kept >= 2), "{said}");
    // Another race is refused, not written over it.
    let mut other = race_in(folder.path(), &["--seeds", "2"]);
    let other = other.assert().code(1).get_output().stderr.clone();
    let said = String::from_utf8(other).expect("UTF-8");
    assert!(
        said.contains("an unfinished experiment with another"),
        "{said}"
    );
}

fn an_adapter_races_and_is_no_gpu_if_it_is_software() {
    let (found, _) = record(&["--device", "software", "--recipe", "full-batch"]);
    let one = found.contestants.last().expect("an adapter");
    assert_eq!(one.kind, ContestantKind::Software);
    assert!(one.kernels.is_some() && one.cores.is_none());
    check(one, &found.contestants[0], &found);
    assert!(
        found
            .verdict
            .iter()
            .any(|text| text.contains("no real one raced"))
    );
    // No device does a step in so little time.
    let hasty = ["--device", "software", "--device-timeout", "0.000000001"];
    let folder = folder();
    let mut hasty = race_in(folder.path(), &hasty);
    let output = hasty.args(TINY).output().expect("the program ran");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("it has not answered for 0.000000001 s"),
        "{said}"
    );
}

pub fn trials(without_adapter: bool) -> Vec<Trial> {
    vec![
        trial(
            "race::all_contestants_run_every_seed",
            all_contestants_run_every_seed,
        ),
        trial(
            "race::the_target_decides_who_qualifies",
            the_target_decides_who_qualifies,
        ),
        trial(
            "race::the_text_has_rule_table_and_verdict",
            the_text_has_rule_table_and_verdict,
        ),
        trial(
            "race::what_makes_no_sense_is_refused",
            what_makes_no_sense_is_refused,
        ),
        #[cfg(unix)]
        trial(
            "race::ctrl_c_keeps_whole_rounds_and_the_same_command_resumes",
            ctrl_c_keeps_whole_rounds_and_the_same_command_resumes,
        ),
        trial(
            "race::an_adapter_races_and_is_no_gpu_if_it_is_software",
            an_adapter_races_and_is_no_gpu_if_it_is_software,
        )
        .with_ignored_flag(without_adapter),
    ]
}
