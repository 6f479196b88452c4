//! Odd paths: names that are no text, symbolic links, a home that cannot be written to, a file that another process has.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gpu_train::{checkpoint, weights};

use crate::failures::{folder, one_line, program};

/// A run of two steps.
const RUN: [&str; 5] = ["--device", "cpu", "--no-baseline", "--steps", "2"];
/// A run that a test ends.
const LONG: [&str; 7] = [
    "--device",
    "cpu",
    "--no-baseline",
    "--steps",
    "100000",
    "--checkpoint-every",
    "1",
];

/// Arguments, some of which may be no text.
fn words<'a, T: AsRef<OsStr> + ?Sized + 'a>(
    words: impl IntoIterator<Item = &'a T>,
) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().into()).collect()
}

fn run(folder: &Path, arguments: &[OsString]) -> Output {
    let mut command = Command::new(program());
    command.current_dir(folder).args(arguments);
    command.output().expect("the program runs")
}

fn succeed(folder: &Path, arguments: &[OsString]) -> String {
    let output = run(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A name that is no text, of which messages show a part.
fn odd(end: &str) -> OsString {
    OsStr::from_bytes(&[b"n\xffme ", end.as_bytes()].concat()).to_owned()
}

/// Tells whether the file system takes such names; Apple's do not.
fn takes_odd_names(folder: &Path) -> bool {
    let path = folder.join(odd("probe"));
    let takes = fs::write(&path, b"")
        .and_then(|()| fs::remove_file(&path))
        .is_ok();
    if !takes {
        println!("skipped: this file system takes no names that are no text");
    }
    takes
}

fn flags<'a>(pairs: impl IntoIterator<Item = (&'a str, OsString)>) -> Vec<OsString> {
    let pairs = pairs.into_iter();
    pairs
        .flat_map(|(flag, value)| [flag.into(), value])
        .collect()
}

#[test]
fn names_that_are_no_text_do_for_every_file_of_a_run() {
    let folder = folder();
    let folder = folder.path();
    if !takes_odd_names(folder) {
        return;
    }
    let (net, checkpoint) = (odd("net"), odd("ckpt"));
    let files = flags([
        ("--save", net.clone()),
        ("--checkpoint", checkpoint.clone()),
        ("--metrics", odd("metrics")),
        ("--tensorboard", odd("board")),
    ]);
    succeed(folder, &[words(&RUN), files].concat());
    let trained = weights::load(&folder.join(&net)).expect("weights");
    let kept = checkpoint::load(&folder.join(&checkpoint)).expect("a checkpoint");
    assert_eq!(kept.state.parameters, trained.parameters);
    assert!(folder.join(odd("metrics")).is_file() && folder.join(odd("board")).is_dir());

    let resume = flags([("--resume", checkpoint.clone()), ("--save", odd("end"))]);
    succeed(folder, &[words(&["--no-baseline"]), resume].concat());
    let same = |name: OsString| fs::read(folder.join(name)).expect("weights");
    assert_eq!(same(odd("end")), same(net.clone()));

    succeed(
        folder,
        &[words(&RUN), flags([("--init-from", net.clone())])].concat(),
    );
    let export = flags([("--weights", net.clone()), ("--onnx", odd("onnx"))]);
    succeed(folder, &[words(&["export"]), export].concat());
    let digit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits/three.png");
    fs::copy(digit, folder.join(odd("three.png"))).expect("a picture");
    let predict = [
        words(&["predict"]),
        flags([("--weights", net)]),
        vec![odd("three.png")],
    ];
    succeed(folder, &[predict.concat(), words(&["--json"])].concat());
    // One that is missing is named as well as it can be.
    let missing = run(folder, &flags([("--resume", odd("none"))]));
    assert!(one_line(&missing, 1).contains("me none: found no such file"));
}

#[test]
fn names_that_are_no_text_do_for_folders_of_runs() {
    let folder = folder();
    let folder = folder.path();
    if !takes_odd_names(folder) {
        return;
    }
    let tiny = ["--examples", "64", "--passes", "2"];
    let reproduce = words(&[
        "reproduce",
        "--rows",
        "stage-0,full-batch-0",
        "--seeds",
        "2",
    ]);
    let out = flags([("--out", odd("runs"))]);
    succeed(folder, &[reproduce, words(&tiny), out].concat());
    let report = [
        words(&["report"]),
        vec![odd("runs")],
        flags([("--out", odd("report"))]),
    ];
    succeed(folder, &report.concat());
    assert!(folder.join(odd("report")).join("table.svg").is_file());

    let race = words(&["race", "--seeds", "2", "--recipe", "per-example"]);
    let out = flags([("--out", odd("race.json"))]);
    succeed(folder, &[race, words(&tiny), out].concat());
    assert!(folder.join(odd("race-runs")).is_dir() && folder.join("race.svg").is_file());
    let report = flags([("--race", odd("race.json")), ("--out", odd("report"))]);
    succeed(folder, &[words(&["report"]), report].concat());
}

/// A run that would take minutes, with a checkpoint at every step; killed when it is dropped.
struct Long(Child);

impl Long {
    fn start(folder: &Path, arguments: &[OsString]) -> Self {
        let mut command = Command::new(program());
        command.current_dir(folder).args(arguments);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self(quiet.spawn().expect("the program runs"))
    }

    /// Waits until its checkpoint is of this step or a later one.
    fn reach(&mut self, checkpoint: &Path, step: u32) {
        let begun = Instant::now();
        let is_there = || checkpoint::load(checkpoint).is_ok_and(|found| found.state.step >= step);
        while !is_there() {
            assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint");
            assert!(self.0.try_wait().expect("its state").is_none(), "it ended");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it by a signal; returns its exit code and messages.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        crate::common::send(signal, self.0.id());
        let mut said = String::new();
        let mut messages = self.0.stderr.take().expect("its messages");
        messages.read_to_string(&mut said).expect("UTF-8");
        (self.0.wait().expect("it ends").code(), said)
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_command_that_resumes_is_right_for_a_name_that_is_no_text() {
    let folder = folder();
    let folder = folder.path();
    if !takes_odd_names(folder) {
        return;
    }
    let name = odd("it's 100%d\\n");
    let checkpoint = flags([("--checkpoint", name.clone())]);
    let mut long = Long::start(folder, &[words(&LONG), checkpoint].concat());
    long.reach(&folder.join(&name), 0);
    let (code, said) = long.end("INT");
    assert_eq!(code, Some(130), "{said}");
    let command = said.trim_end().lines().last().expect("a command");
    let print = command.trim().replacen("gpu-train", "printf '%s\\n'", 1);
    let shell = Command::new("sh")
        .args(["-c", &print])
        .output()
        .expect("a shell");
    let printed: Vec<&[u8]> = shell.stdout.split(|&byte| byte == b'\n').collect();
    let given = printed.iter().filter(|word| **word == name.as_bytes());
    assert_eq!(given.count(), 2, "{command}");
}

#[test]
fn a_checkpoint_may_be_a_link_which_stays_one() {
    let folder = folder();
    let folder = folder.path();
    let at = |name: &str| folder.join(name);
    fs::create_dir(at("disk")).expect("a folder");
    // It leads nowhere yet.
    symlink("disk/real", at("link")).expect("a link");
    let files = ["--checkpoint", "link", "--save", "net"];
    succeed(folder, &[words(&RUN), words(&files)].concat());
    assert!(at("link").is_symlink() && !at("disk/real").is_symlink());
    let first = fs::metadata(at("disk/real")).expect("the target");
    succeed(
        folder,
        &words(&["--no-baseline", "--resume", "link", "--save", "again"]),
    );
    assert!(at("link").is_symlink() && first.is_file());
    checkpoint::load(&at("disk/real")).expect("a checkpoint");
    assert_eq!(fs::read(at("net")).unwrap(), fs::read(at("again")).unwrap());
    let names = |path: PathBuf| fs::read_dir(path).expect("a folder").count();
    assert_eq!(
        (names(at("disk")), names(folder.to_owned())),
        (1, 4),
        "no other file"
    );

    for (link, target, part) in [
        ("to-a-folder", "disk", "found a folder"),
        ("astray", "none/real", "found no folder"),
        ("circle", "circle", "found links that lead to each other"),
    ] {
        symlink(target, at(link)).expect("a link");
        for flag in ["--checkpoint", "--save"] {
            let output = run(folder, &[words(&LONG[..5]), words(&[flag, link])].concat());
            let error = one_line(&output, 1);
            assert!(error.contains(link) && error.contains(part), "{error}");
        }
    }
}

#[test]
fn a_checkpoint_is_one_runs_at_a_time() {
    let folder = folder();
    let folder = folder.path();
    symlink("run.ckpt", folder.join("link")).expect("a link");
    let checkpoint = folder.join("run.ckpt");
    let named = words(&["--checkpoint", "run.ckpt"]);
    let mut first = Long::start(folder, &[words(&LONG), named].concat());
    first.reach(&checkpoint, 0);
    for (flag, name) in [
        ("--checkpoint", "run.ckpt"),
        ("--resume", "run.ckpt"),
        ("--resume", "link"),
    ] {
        let second = run(folder, &[words(&LONG), words(&[flag, name])].concat());
        let error = one_line(&second, 1);
        assert!(
            error.contains("found another gpu-train at work on it"),
            "{error}"
        );
    }
    let (code, _) = first.end("KILL");
    assert_eq!(code, None);
    // Whatever the killed one left, another one resumes.
    let step = checkpoint::load(&checkpoint)
        .expect("a checkpoint")
        .state
        .step;
    let named = words(&["--resume", "link"]);
    Long::start(folder, &[words(&LONG), named].concat()).reach(&checkpoint, step + 1);
}

#[test]
fn what_a_killed_process_left_in_a_folder_of_runs_is_removed() {
    let folder = folder();
    let folder = folder.path();
    let runs = folder.join("runs");
    fs::create_dir_all(runs.join("report")).expect("a folder");
    for name in [
        ".stage-0-1337.json.gpu-train-Ab3dEf",
        "report/.race.svg.gpu-train-Ab3dEf",
    ] {
        fs::write(runs.join(name), b"half").expect("written");
    }
    let again = "reproduce --rows stage-0 --examples 64 --passes 2 --seeds 2 --out runs";
    let again = words(again.split(' '));
    succeed(folder, &again);
    for place in [runs.clone(), runs.join("report")] {
        for entry in fs::read_dir(place).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            assert!(!name.contains("gpu-train"), "{name}");
        }
    }
    // Killed after it wrote the record.
    let checkpoint = runs.join("stage-0-1337.checkpoint");
    fs::write(&checkpoint, b"of a run that has ended").expect("written");
    succeed(folder, &again);
    assert!(!checkpoint.exists());
}

/// Runs without the variables of a home, but those given.
fn at_home(folder: &Path, home: &[(&str, &Path)], arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env_remove(variable);
    }
    command.envs(home.iter().copied()).current_dir(folder);
    command.args(arguments).output().expect("the program runs")
}

/// Nothing can be made below a file, not even by root.
#[test]
fn a_home_that_cannot_be_written_to_costs_caches_and_no_run() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("file"), b"").expect("written");
    let below = folder.join("file").join("home");
    let homes: [&[(&str, &Path)]; 3] = [
        &[("HOME", &below)],
        &[("HOME", Path::new("relative"))],
        &[
            ("XDG_CACHE_HOME", &below),
            ("XDG_DATA_HOME", &below),
            ("HOME", folder),
        ],
    ];
    let devices = at_home(folder, homes[0], &["devices"]);
    let has_adapter = String::from_utf8_lossy(&devices.stdout).contains(", software)");
    let device = if has_adapter { "software" } else { "cpu" };
    for home in homes {
        let run = ["--device", device, "--no-baseline", "--steps", "1", "-q"];
        let output = at_home(folder, home, &run);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{home:?}: {error}");
        // Mesa says so of the cache that it has.
        let of_driver = |line: &str| line.contains("shader cache");
        assert!(error.lines().all(of_driver), "{home:?}: {error}");
    }
    for arguments in [
        &["predict", "--train", "--steps", "1"][..],
        &["predict", "three.png"],
    ] {
        let error = one_line(&at_home(folder, homes[0], arguments), 1);
        let part = "digits.safetensors: found no such file";
        let part = if arguments.len() > 2 {
            "cannot be created"
        } else {
            part
        };
        assert!(
            error.contains(part) && error.contains("file/home"),
            "{error}"
        );
    }
    // Without a home at all, the system's list of users names one, or there is none.
    let run = ["--device", "cpu", "--no-baseline", "--steps", "1", "-q"];
    assert!(at_home(folder, &[], &run).status.success());
}
