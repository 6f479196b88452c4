//! Checkpoints of the whole program: an interrupted run resumes to the same end.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
#[cfg(unix)]
use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

#[cfg(unix)]
use crate::numeric::Noise;
use gpu_train::checkpoint;
use gpu_train::net::PARAMETERS;
use gpu_train::target::{self, Target};
use gpu_train::weights;
use serde_json::Value;

/// A full-batch run that is long enough to be killed.
#[cfg(unix)]
const FULL_BATCH: [&str; 6] = [
    "--device",
    "cpu",
    "--no-baseline",
    "--steps",
    "40",
    "--seed=7",
];
/// The same of the baseline, with momentum and random draws, so that the state is more than the weights.
#[cfg(unix)]
const PER_EXAMPLE: [&str; 8] = [
    "--per-example",
    "--recipe",
    "dropout",
    "--passes",
    "6",
    "--optimizer",
    "sgd",
    "--momentum=0.5",
];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn at(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    #[cfg(unix)]
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("gpu-train")
}

fn run(arguments: &[&[&str]]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments.concat());
    command.output().expect("the program runs")
}

fn succeed(arguments: &[&[&str]]) -> String {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs with arguments that must be refused with this exit code and one line that contains every part.
fn refused(arguments: &[&[&str]], code: i32, parts: &[&str]) {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Kills and resumes a run until signal 9 has ended `kills` processes; one that had finished before is not counted. A run that finishes must end like the uninterrupted run;
/// then another one is started.
#[cfg(unix)]
fn killed_at_any_moment(recipe: &[&str], kills: u32, seed: u64) {
    let folder = Folder::new();
    let (unbroken, end) = (folder.at("unbroken"), folder.at("end"));
    let checkpoint = folder.at("run.ckpt");
    let started = Instant::now();
    succeed(&[recipe, &["--save", &unbroken]]);
    let whole = started.elapsed();
    let mut noise = Noise(seed);
    let (mut killed, mut came_through, mut went_on) = (0, 0, 0);
    while killed < kills || Path::new(&checkpoint).exists() {
        let mut command = Command::new(program());
        command.args(recipe).args(["--save", &end]);
        command.args(["--checkpoint", &checkpoint]);
        if recipe[0] != "--per-example" {
            command.args(["--checkpoint-every", "1"]);
        }
        if Path::new(&checkpoint).exists() {
            command.args(["--resume", &checkpoint]);
            went_on += 1;
        }
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = quiet.spawn().expect("the program runs");
        if killed < kills {
            let moment = whole.mul_f64((noise.bits() >> 11) as f64 / (1u64 << 53) as f64);
            std::thread::sleep(moment);
            child.kill().expect("it can be killed");
        }
        let output = child.wait_with_output().expect("it ends");
        if output.status.success() {
            assert_eq!(read(&end), read(&unbroken), "after {killed} kills");
            came_through += 1;
            fs::remove_file(&checkpoint).expect("its checkpoint");
            fs::remove_file(&end).expect("its weights");
        } else {
            // Only the kill ended it; a broken checkpoint would have caused an error.
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.signal(), Some(9), "{error}");
            killed += 1;
            if Path::new(&checkpoint).exists() {
                checkpoint::load(checkpoint.as_ref()).expect("a whole checkpoint");
            }
        }
    }
    assert!(came_through > 0);
    assert!(went_on > kills / 5, "{went_on} of {kills} had begun");
    assert_eq!(folder.files(), ["unbroken"], "no other file remains");
}

#[cfg(unix)]
#[test]
fn a_full_batch_killed_thirty_times_ends_like_an_uninterrupted_run() {
    killed_at_any_moment(&FULL_BATCH, 30, 1);
}

#[cfg(unix)]
#[test]
fn the_baseline_killed_twenty_times_ends_like_an_uninterrupted_run() {
    killed_at_any_moment(&PER_EXAMPLE, 20, 2);
}

/// Waits until a run has written a checkpoint after its start.
#[cfg(unix)]
fn wait_for_progress(checkpoint: &str) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        let kept = checkpoint::load(checkpoint.as_ref());
        if kept.is_ok_and(|kept| kept.state.step > 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no progress in a minute");
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_and_prints_the_command_that_resumes() {
    let folder = Folder::new();
    let (unbroken, end) = (folder.at("unbroken"), folder.at("its end"));
    let checkpoint = folder.at("run.ckpt");
    // More steps than are trained before the signal.
    let recipe = ["--device", "cpu", "--no-baseline", "--steps", "150"];
    succeed(&[&recipe, &["--save", &unbroken]]);
    for signal in ["INT", "TERM"] {
        let mut command = Command::new(program());
        command.args(recipe).args(["--save", &end]);
        command.args(["--checkpoint", &checkpoint, "--checkpoint-every", "1"]);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = quiet.spawn().expect("the program runs");
        wait_for_progress(&checkpoint);
        crate::common::send(signal, child.id());
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(!Path::new(&end).exists(), "half-trained weights");
        let (said, go_on) = text.trim_end().split_once('\n').expect("two lines");
        assert!(said.starts_with("interrupted after step "), "{said}");
        // The printed command, except for the folder of the program.
        let go_on = go_on.trim().replacen("gpu-train", "\"$0\"", 1);
        let shell = Command::new("sh")
            .args(["-c", &go_on])
            .arg(program())
            .output();
        let shell = shell.expect("a shell");
        let error = String::from_utf8_lossy(&shell.stderr).into_owned();
        assert!(shell.status.success(), "{go_on}: {error}");
        assert_eq!(read(&end), read(&unbroken));
        fs::remove_file(&end).expect("its weights");
        fs::remove_file(&checkpoint).expect("its checkpoint");
    }
}

#[test]
fn another_engine_resumes_within_rounding() {
    let folder = Folder::new();
    let (unbroken, end) = (folder.at("unbroken"), folder.at("end"));
    let checkpoint = folder.at("run.ckpt");
    let recipe = ["--per-example", "--recipe", "adamw", "--steps"];
    succeed(&[&recipe, &["900", "--save", &unbroken]]);
    // Every checkpoint replaces the one before, so this one is of the end of the run.
    let short = ["900", "--checkpoint", &checkpoint, "--json"];
    succeed(&[&recipe, &short]);
    let mut kept = checkpoint::load(checkpoint.as_ref()).expect("a checkpoint");
    assert_eq!(kept.state.step, 900);
    // 300 examples before the end, as after an interruption.
    let mut engine = gpu_train::cpu::PerExample::new(
        gpu_train::data::embedded::digits(),
        kept.origin.recipe.clone(),
        &kept.origin.recipe.initial_parameters(),
    )
    .expect("a recipe of this engine");
    gpu_train::engine::Engine::train(&mut engine, 600).expect("it trains");
    kept.state = gpu_train::engine::Engine::state(&mut engine).expect("its state");
    kept.past.step = 600;
    kept.past.points.clear();
    checkpoint::save(checkpoint.as_ref(), &kept.origin, &kept.state, &kept.past).expect("saved");
    let more = [
        "--resume",
        &checkpoint,
        "--device",
        "reference",
        "--save",
        &end,
    ];
    let text = succeed(&[&more]);
    assert!(
        text.contains("resumes from step 600, started by per-example on"),
        "{text}"
    );
    let load = |path: &str| weights::load(path.as_ref()).expect("weights").parameters;
    let (found, expected) = (load(&end), load(&unbroken));
    for tensor in &PARAMETERS {
        let pairs = found.tensor(tensor).iter().zip(expected.tensor(tensor));
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // 300 steps of AdamW at 3e-4 move a weight by up to 0.09.
        assert!(largest < 1e-3, "{}: {largest}", tensor.name);
    }
    assert_ne!(
        read(&end),
        read(&unbroken),
        "another engine rounds differently"
    );
}

#[test]
fn reports_of_a_resumed_run_include_the_time_before() {
    let folder = Folder::new();
    let (whole, broken) = (folder.at("whole.jsonl"), folder.at("broken.jsonl"));
    let checkpoint = folder.at("run.ckpt");
    let recipe = [
        "--device=cpu",
        "--no-baseline",
        "--steps=12",
        "--eval-every=3",
    ];
    let report = succeed(&[&recipe, &["--json", "--metrics", &whole]]);
    let expected: Value = serde_json::from_str(&report).expect("JSON");
    let keep = ["--checkpoint", &checkpoint, "--json", "--metrics", &broken];
    succeed(&[&recipe, &keep]);
    // The state after the sixth step.
    let mut kept = checkpoint::load(checkpoint.as_ref()).expect("a checkpoint");
    let recipe_of_run = kept.origin.recipe.clone();
    let digits = gpu_train::data::embedded::digits();
    let target = Target::Cpu(2);
    let start = target.starting_point(&digits, &recipe_of_run);
    let opened = target::open(&target, &digits, &recipe_of_run, start.expect("a start"));
    let mut engine = opened.expect("a recipe of this engine").engine;
    engine.train(6).expect("it trains");
    kept.state = engine.state().expect("its state");
    kept.past.step = 6;
    kept.past.losses.truncate(6);
    kept.past.points.retain(|point| point.step <= 6);
    checkpoint::save(checkpoint.as_ref(), &kept.origin, &kept.state, &kept.past).expect("saved");
    let resume = ["--resume", &checkpoint, "--eval-every=3", "--no-baseline"];
    let report = succeed(&[&resume, &["--json", "--metrics", &broken]]);
    let found: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(found["resumed_at"], 6);
    assert!(expected.get("resumed_at").is_none());
    for field in [
        "losses",
        "train",
        "test",
        "steps",
        "recipe",
        "presentations",
    ] {
        assert_eq!(found[field], expected[field], "{field}");
    }
    let rows = |path: &str| -> Vec<Value> {
        let text = String::from_utf8(read(path)).expect("UTF-8");
        let rows = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a row"));
        let mut rows: Vec<Value> = rows.collect();
        for row in &mut rows {
            row.as_object_mut().expect("an object").remove("seconds");
        }
        rows
    };
    assert_eq!(rows(&broken), rows(&whole));
    // The end has a checkpoint too; resuming from it trains nothing.
    let text = succeed(&[&["--resume", &checkpoint, "--no-baseline"]]);
    assert!(text.contains("nothing is left to train"), "{text}");
    assert!(text.contains("12 steps in "), "{text}");
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_with_the_difference() {
    let folder = Folder::new();
    let (checkpoint, net) = (folder.at("run.ckpt"), folder.at("net.safetensors"));
    let recipe = ["--device=cpu", "--no-baseline", "--steps=3"];
    succeed(&[&recipe, &["--checkpoint", &checkpoint, "--save", &net]]);
    let before = read(&checkpoint);
    let resume = ["--resume", &checkpoint[..]];
    let cases: [(&[&str], &[&str]); 5] = [
        (
            &["--steps=4"],
            &["length {\"steps\":3}, expected {\"steps\":4}"],
        ),
        (
            &["--learning-rate=0.5"],
            &["learning-rate 0.18", "expected 0.5"],
        ),
        (
            &["--recipe=full-batch-1989"],
            &["activation \"relu\", expected \"tanh\""],
        ),
        (&["--seed=3"], &["seed 1337, expected 3"]),
        (
            &["--per-example"],
            &["batch \"full\", expected \"per-example\""],
        ),
    ];
    for (flags, parts) in cases {
        refused(&[&resume, flags], 1, &[&[&checkpoint[..]], parts].concat());
    }
    // Made-up zip-code digits.
    let row = |label: u8| format!("{label} {}\n", vec!["-1"; 256].join(" "));
    let digits: String = (0..10).map(row).collect();
    for name in ["zip.train", "zip.test"] {
        fs::write(folder.at(name), &digits).expect("written");
    }
    let others = ["--zip-code", folder.0.path().to_str().expect("UTF-8")];
    let differs = [
        "MNIST as of 1989",
        "7291 training",
        "zip-code digits",
        "10 training",
    ];
    refused(&[&resume, &others], 1, &differs);
    // A run that does not resume from a checkpoint does not overwrite it; weights are not accepted as a checkpoint.
    let over = ["--checkpoint", &checkpoint[..]];
    let parts = ["found the checkpoint of step 3", "--resume", "remove"];
    refused(&[&recipe, &over], 1, &parts);
    refused(&[&recipe, &["--checkpoint", &net]], 1, &["found a file"]);
    refused(
        &[&["--resume", &net]],
        1,
        &["--init-from starts from weights"],
    );
    refused(
        &[&["--resume", &folder.at("none")]],
        1,
        &["found no such file"],
    );
    refused(
        &[&["--checkpoint-every=2"]],
        2,
        &["--checkpoint-every: found without"],
    );
    assert_eq!(read(&checkpoint), before);
    // Repeating the same flags is no contradiction.
    succeed(&[&resume, &recipe, &["--full-batch"]]);
}
