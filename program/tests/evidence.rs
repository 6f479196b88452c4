//! `scripts/gpu-evidence`: packed, and run in an empty folder without a toolchain, on a software adapter; with programs that
//! fail, hang, or find no adapter. The tests need links, a POSIX shell and python3.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::trial;

use crate::required::is_required;

const STAGES: [&str; 11] = [
    "adapter",
    "tests",
    "recipes",
    "shapes",
    "examples",
    "starts",
    "race",
    "reproduce",
    "peers",
    "hints",
    "pictures",
];

/// Stands in for every program of the tarball.
const FAKE: &str = r#"#!/bin/sh
case "$1" in
  --version) echo "gpu-train 0.0.1" ;;
  devices) /bin/cat "$DEVICES" ;;
  *) FAULT ;;
esac
"#;

/// Path of the Python that `python3` starts, which need not be a file of its name.
fn python() -> Option<PathBuf> {
    let code = "import sys; print(sys.executable)";
    let output = Command::new("python3").args(["-c", code]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| path.trim().into())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A folder with the unpacked tarball and a PATH that has no more than `run` needs. Packed once for all tests.
struct Unpacked {
    folder: TempDir,
}

impl Unpacked {
    fn new() -> Self {
        static TARBALL: OnceLock<Vec<u8>> = OnceLock::new();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let tarball = TARBALL.get_or_init(|| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/gpu-evidence");
            let file = path.join("packed.tar.gz");
            // The profile of this test: its programs are built already.
            let profile = if cfg!(debug_assertions) {
                "test"
            } else {
                "release"
            };
            let mut pack = Command::new("python3");
            pack.arg(script).arg("--pack").arg(&file);
            let output = pack.args(["--profile", profile]).output().expect("python3");
            assert!(output.status.success(), "{}", said(&output));
            std::fs::read(file).expect("the tarball")
        });
        assert!(tarball.len() < 60_000_000, "{}", tarball.len());
        std::fs::write(path.join("packed.tar.gz"), tarball).expect("written");
        let mut tar = Command::new("tar");
        let unpacked = tar
            .args(["xzf", "packed.tar.gz"])
            .current_dir(path)
            .status();
        assert!(unpacked.expect("tar").success());
        std::fs::create_dir(path.join("path")).expect("a folder");
        let dirname = ["/usr/bin/dirname", "/bin/dirname"].map(Path::new);
        let dirname = dirname.into_iter().find(|path| path.exists());
        for (name, program) in [
            ("python3", python().expect("python3")),
            ("dirname", dirname.expect("dirname").into()),
        ] {
            symlink(program, path.join("path").join(name)).expect("a link");
        }
        Self { folder }
    }

    /// Puts a script in place of each program, which lists the adapter of a file and does this for the rest.
    fn fake(&self, fault: &str) -> PathBuf {
        let programs = self.folder.path().join("gpu-evidence/bin");
        for entry in std::fs::read_dir(programs).expect("programs").flatten() {
            std::fs::write(entry.path(), FAKE.replace("FAULT", fault)).expect("written");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(entry.path(), mode).expect("executable");
        }
        let devices = self.folder.path().join("devices.json");
        let listed = r#"{"adapters": [{"name": "card, 8 GB", "backend": "vulkan", "kind": "discrete", "driver": "1.0",
            "limits": {"workgroup_bytes": 32768}, "subgroups": true, "f16": false, "timestamps": true}],
            "cpu": "processor", "chosen": "card, 8 GB"}"#;
        std::fs::write(&devices, listed).expect("written");
        devices
    }

    /// Runs it, and returns what it printed, the index and the page.
    fn run(&self, arguments: &[&str]) -> (Output, Value, String) {
        let out = self.folder.path().join("out");
        let mut run = Command::new(self.folder.path().join("gpu-evidence/run"));
        run.args(arguments).arg("--out").arg(&out);
        run.env("PATH", self.folder.path().join("path"));
        run.env("DEVICES", self.folder.path().join("devices.json"));
        let output = run.current_dir(&self.folder).output().expect("it runs");
        let read = |name| std::fs::read_to_string(out.join(name)).unwrap_or_default();
        let index = serde_json::from_str(&read("evidence.json"));
        let index = index.unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
        (output, index, read("evidence.md"))
    }
}

/// State of each stage, by name.
fn states(index: &Value) -> Vec<(&str, &str)> {
    let stages = index["stages"].as_array().expect("stages").iter();
    stages
        .map(|stage| {
            let [name, state] = ["name", "state"].map(|field| stage[field].as_str());
            (name.expect("a name"), state.expect("a state"))
        })
        .collect()
}

fn every_stage_runs_without_a_toolchain() {
    let unpacked = Unpacked::new();
    let (output, index, page) = unpacked.run(&["--short", "--device", "software"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(
        states(&index),
        STAGES.map(|name| (name, "done")),
        "{}",
        said(&output)
    );
    assert_eq!(
        (&index["schema"], &index["short"]),
        (&1.into(), &true.into())
    );
    assert_eq!(index["version"], env!("CARGO_PKG_VERSION"));
    let out = unpacked.folder.path().join("out");
    for stage in index["stages"].as_array().expect("stages") {
        assert!(
            page.contains(stage["title"].as_str().expect("a title")),
            "{page}"
        );
        for run in stage["runs"].as_array().expect("runs") {
            if let Some(file) = run["file"].as_str() {
                let bytes = std::fs::read(out.join(file)).expect(file);
                let is_json = file.ends_with(".json");
                assert!(
                    !is_json || serde_json::from_slice::<Value>(&bytes).is_ok(),
                    "{file}"
                );
            }
        }
    }
    for file in [
        "race.json",
        "race.svg",
        "reproduce/table.json",
        "report/report.html",
        "peers.json",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let adapter = index["adapter"]["name"].as_str().expect("an adapter");
    assert!(
        page.contains(adapter) && page.contains("Shortened"),
        "{page}"
    );
    let figures = &index["figures"];
    for tests in figures["tests"].as_array().expect("tests") {
        assert!(tests["passed"].as_u64() > Some(0), "{tests}");
        assert_eq!(tests["failures"], Value::Array(Vec::new()));
    }
    let step = &figures["recipes"][0];
    let fused = &step["kernels"][0];
    assert!(step["step_ms"]["median"].as_f64() > Some(0.0), "{step}");
    assert!(fused["share_of_peak"].as_f64() > Some(0.0), "{fused}");
    assert!(figures["examples"]["step"]["us_per_example"].as_f64() > Some(0.0));
    let starts = figures["starts"].as_array().expect("starts");
    assert_eq!(
        (&starts[0]["name"], &starts[1]["name"]),
        (&"cold".into(), &"warm".into())
    );
    let software = figures["race"]["rows"].as_array().expect("contestants");
    assert!(software.iter().any(|row| row["kind"] == "software"));
    assert_eq!(figures["hints"][0]["kernel"], fused["kernel"]);
}

fn a_failure_is_reported_and_stops_nothing() {
    let unpacked = Unpacked::new();
    unpacked.fake("echo 'error: planted' >&2; exit 3");
    let (output, index, page) = unpacked.run(&["--short"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let found = states(&index);
    assert_eq!(found.len(), STAGES.len());
    for (name, state) in found {
        let expected = match name {
            "adapter" => "done",
            // What they need was not measured.
            "shapes" | "examples" | "hints" => "not-run",
            // No framework is installed for this Python.
            "peers" => continue,
            _ => "failed",
        };
        assert_eq!(state, expected, "{name}: {}", said(&output));
    }
    let run = &index["stages"][2]["runs"][0];
    assert_eq!(
        (&run["exit"], &run["last_lines"][0]),
        (&3.into(), &"error: planted".into())
    );
    assert!(
        page.contains("**Failed**") && page.contains("error: planted"),
        "{page}"
    );
    // A flag that takes a list would split the adapter's name.
    let command = run["command"].as_str().expect("a command");
    assert!(
        command.ends_with("--adapter card") || command.ends_with("--adapter '8 GB'"),
        "{command}"
    );
}

fn what_there_is_no_time_for_is_named() {
    let unpacked = Unpacked::new();
    unpacked.fake("exec /bin/sleep 60");
    let (output, index, page) = unpacked.run(&["--minutes", "0.3"]);
    assert!(output.status.success(), "{}", said(&output));
    let found = states(&index);
    assert_eq!(found[1], ("tests", "cut"), "{}", said(&output));
    assert_eq!(found[5], ("starts", "not-run"), "{}", said(&output));
    let reason = index["stages"][5]["reason"].as_str().expect("a reason");
    assert!(reason.contains("s left, needs 10"), "{reason}");
    assert!(page.contains(reason), "{page}");
}

fn an_adapter_that_is_not_here_is_named() {
    let unpacked = Unpacked::new();
    let (output, index, page) = unpacked.run(&["--adapter", "no such card"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(states(&index), [("adapter", "failed")]);
    let expected = "expected an adapter with \"no such card\" in its name";
    assert!(page.contains(expected), "{page}");
    // The folder is not written over.
    let mut again = Command::new(unpacked.folder.path().join("gpu-evidence/run"));
    let output = again
        .arg("--out")
        .arg(unpacked.folder.path().join("out"))
        .output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("expected a new or empty folder"),
        "{}",
        said(&output)
    );
}

pub fn trials(without_adapter: bool) -> Vec<Trial> {
    let without_python = python().is_none() && !is_required("python3");
    if without_python {
        println!("no python3 here: the tests of gpu-evidence are ignored");
    }
    let tests: [(&str, fn()); 4] = [
        (
            "evidence::every_stage_runs_without_a_toolchain",
            every_stage_runs_without_a_toolchain,
        ),
        (
            "evidence::a_failure_is_reported_and_stops_nothing",
            a_failure_is_reported_and_stops_nothing,
        ),
        (
            "evidence::what_there_is_no_time_for_is_named",
            what_there_is_no_time_for_is_named,
        ),
        (
            "evidence::an_adapter_that_is_not_here_is_named",
            an_adapter_that_is_not_here_is_named,
        ),
    ];
    let trials = tests
        .map(|(name, test)| trial(name, test).with_ignored_flag(without_adapter || without_python));
    trials.into()
}
