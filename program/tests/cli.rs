//! The program as a user runs it: its output, and its errors.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

fn gpu_train(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gpu-train").expect("the binary");
    command.args(arguments);
    command
}

/// Runs with arguments that must be refused with this exit code and one line on standard error that contains every part.
fn refused(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = gpu_train(arguments).output().expect("the program ran");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    for part in parts {
        assert!(
            error.contains(part),
            "{arguments:?}: {part:?} is not in {error:?}"
        );
    }
    assert!(!error.contains("panicked"), "{error}");
    if error.starts_with("error: ") && !error.contains("For more information") {
        let lines = error
            .lines()
            .filter(|line| line.starts_with("error"))
            .count();
        assert_eq!((lines, error.trim_end().lines().count()), (1, 1), "{error}");
    }
}

#[test]
fn full_batch_compares_itself_with_the_baseline() {
    let run = gpu_train(&["--full-batch", "--device", "cpu", "--steps", "20"])
        .assert()
        .success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    for part in [
        "full-batch: cpu on ",
        "step 20/20.",
        "per-example-closed-form: per-example on ",
        "reproduction: per-example on ",
        "eval: split test . loss ",
        "full batch             per example      the essay's epochs",
        "presentations",
        "145,820",
        "167,693",
        "set-up",
        "start, part of it",
        "examples/s",
        "same number of presentations:",
        "same test error",
        "90 s",
        "~100X",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// A net that has learned nothing was fast at it: that answers no claim, in words and in JSON.
#[test]
fn a_run_with_more_misses_than_the_reproduction_is_no_answer_to_the_claim() {
    let run = gpu_train(&["--device", "cpu", "--steps", "1"]).assert();
    let text = String::from_utf8(run.success().get_output().stdout.clone()).expect("UTF-8");
    let verdict = text.lines().find(|line| line.contains("~100X"));
    let verdict = verdict.expect("a verdict");
    assert!(verdict.contains("no answer to the claim"), "{verdict}");
    assert!(!verdict.contains("reached"), "{verdict}");
    let json = gpu_train(&["--device", "cpu", "--steps", "1", "--json"]).assert();
    let report: Value = serde_json::from_slice(&json.success().get_output().stdout).expect("JSON");
    let comparison = &report["comparison"];
    assert_eq!(comparison["over_essay"], Value::Null, "{comparison}");
    assert_eq!(comparison["essay_seconds"], 90.0);
}

/// The essay's 90 s are those of its digits.
#[test]
fn other_digits_are_not_compared_with_the_essay() {
    let folder = tempfile::tempdir().expect("a folder");
    let row = |at: usize| format!("{}.0{}\n", at % 10, " 0.5".repeat(256));
    for (name, count) in [("zip.train", 40), ("zip.test", 10)] {
        let rows: String = (0..count).map(row).collect();
        fs::write(folder.path().join(name), rows).expect("written");
    }
    let digits = folder.path().to_str().expect("UTF-8");
    let muon = ["--recipe", "full-batch-muon", "--device", "cpu"];
    let arguments = [&muon[..], &["--steps", "2", "--zip-code", digits]].concat();
    let run = gpu_train(&arguments).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    assert!(
        text.contains("not compared with the essay's 90 s"),
        "{text}"
    );
    assert!(
        !text.contains("reached)") && !text.contains("published time"),
        "{text}"
    );
}

#[test]
fn standard_output_has_only_json() {
    let run = gpu_train(&["--device", "cpu", "--steps", "3", "--json"])
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("one JSON object");
    assert_eq!(report["engine"], "cpu");
    assert_eq!(report["steps"], 3);
    assert_eq!(report["presentations"], 3 * 7_291);
    assert_eq!(report["losses"].as_array().expect("losses").len(), 3);
    assert!(report["seconds"]["setup"].as_f64() > Some(0.0));
    assert!(report["seconds"]["train"].as_f64() > Some(0.0));
    assert_eq!(report["recipe"]["name"], "full-batch");
    assert_eq!(report["test"]["examples"], 2_007);
    let (misses, error) = (&report["test"]["misses"], &report["test"]["error"]);
    assert_eq!(error.as_f64(), misses.as_f64().map(|m| m / 2_007.0));
    let (baseline, essay) = (&report["baseline"], &report["reproduction"]);
    assert_eq!(baseline["engine"], "per-example");
    // The same start, which is a part of the training time of both; the essay's weights are drawn.
    for run in [&report, baseline] {
        assert_eq!(run["recipe"]["start"], "closed-form");
        let [start, train] = ["start", "train"].map(|part| run["seconds"][part].as_f64());
        assert!(Some(0.0) < start && start < train, "{}", run["seconds"]);
    }
    assert_eq!(essay["presentations"], 167_693);
    assert_eq!(essay["seconds"]["start"], 0.0);
    assert!(report["comparison"]["same_presentations_speedup"].as_f64() > Some(0.0));
}

#[test]
fn evaluation_lines_of_the_baseline_have_the_reproductions_form() {
    let form = r"(?m)^eval: split train\. loss \d\.\d{6}e-\d\d\. error \d+\.\d\d%\. misses: \d+\neval: split test \. loss \d\.\d{6}e-\d\d\. error \d+\.\d\d%\. misses: \d+$";
    gpu_train(&["--per-example", "--passes", "2"])
        .assert()
        .success()
        .stdout(predicate::str::is_match(form).expect("a pattern").count(2));
}

/// `--eval-every` counts updates of the full batch; each epoch of batch 1 is evaluated: 4 from the same start, the essay's 23.
#[test]
fn the_baseline_of_a_comparison_is_evaluated_after_every_epoch() {
    let arguments = ["--device", "cpu", "--steps", "4", "--eval-every", "2"];
    let run = gpu_train(&arguments).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("step "), lines("eval: split test ")), (2, 27));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_training_can_start_from_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (first, second, third) = (
        path("a.safetensors"),
        path("b.safetensors"),
        path("c.safetensors"),
    );
    let base = ["--device", "cpu", "--no-baseline", "--steps", "2"];
    let train = |more: &[&str]| {
        gpu_train(&[&base[..], more].concat()).assert().success();
    };
    train(&["--save", &first]);
    train(&["--save", &second]);
    train(&["--seed", "2", "--save", &third]);
    let read = |path: &str| fs::read(path).expect("weights");
    assert_eq!(read(&first), read(&second));
    assert_ne!(read(&first), read(&third));
    let metrics = path("metrics.jsonl");
    train(&[
        "--init-from",
        &first,
        "--eval-every",
        "1",
        "--metrics",
        &metrics,
    ]);
    let rows: Vec<Value> = fs::read_to_string(&metrics)
        .expect("metrics")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row of JSON"))
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["recipe"]["name"], "full-batch");
    assert!(
        rows[0]["device"]
            .as_str()
            .is_some_and(|device| !device.is_empty())
    );
    assert_eq!((&rows[1]["step"], &rows[2]["step"]), (&1.into(), &2.into()));
    assert!(rows[2]["test"]["misses"].as_u64().is_some());
}

#[test]
fn rates_and_lengths_out_of_range_are_named() {
    refused(
        &["--steps", "0"],
        2,
        &["--steps", "found 0", "expected 1 or more"],
    );
    refused(&["--passes", "0"], 2, &["--epochs", "found 0"]);
    refused(
        &["--learning-rate", "-1"],
        2,
        &["--learning-rate", "found -1", "expected"],
    );
    refused(
        &["--learning-rate", "nan"],
        2,
        &["--learning-rate", "found NaN"],
    );
    refused(
        &["--final-learning-rate", "inf"],
        2,
        &["--final-learning-rate", "found inf"],
    );
    refused(
        &["--weight-decay", "-0.1"],
        2,
        &["--weight-decay", "found -0.1"],
    );
    refused(&["--epsilon", "nan"], 2, &["--epsilon"]);
    refused(&["--dropout", "1"], 2, &["--dropout", "found 1"]);
    refused(&["--beta1", "1"], 2, &["--beta1"]);
    refused(&["--beta2", "-0.5"], 2, &["--beta2", "found -0.5"]);
    refused(&["--momentum", "1.5"], 2, &["--momentum"]);
    refused(&["--damping", "0"], 2, &["--damping", "found 0"]);
    refused(&["--damping", "nan"], 2, &["--damping", "found NaN"]);
    refused(
        &["--curvature-sample", "0"],
        2,
        &["--curvature-sample", "found 0"],
    );
    let whitened = ["--optimizer", "whitened-muon"];
    for (more, parts) in [
        (["--damping", "0"], ["--damping", "found 0"]),
        (
            ["--statistics-examples", "0"],
            ["--statistics-examples", "found 0"],
        ),
        (
            ["--per-example", "--quiet"],
            ["found whitened-muon", "full batch"],
        ),
    ] {
        refused(&[whitened, more].concat(), 2, &parts);
    }
    refused(&["--shift", "16"], 2, &["--shift", "found 16"]);
    refused(&["--eval-every", "0"], 2, &["--eval-every"]);
    refused(&["--steps", "5", "--passes", "5"], 2, &["--epochs"]);
    refused(
        &["--steps", "4294967296"],
        2,
        &["--steps", "4294967296", "2^32"],
    );
    refused(&["--full-batch", "--per-example"], 2, &["--per-example"]);
    refused(&["--recipe", "nonsense"], 2, &["nonsense", "full-batch"]);
    let start = ["--start", "closed-form"];
    for other in [
        ["--init-from", "a.safetensors"],
        ["--resume", "a.safetensors"],
    ] {
        refused(&[start, other].concat(), 2, &["--start", other[0]]);
    }
    refused(
        &["--statistics-examples", "7292"],
        2,
        &["--statistics-examples", "7292", "at most 7291"],
    );
    refused(
        &["--train-examples", "5"],
        2,
        &["--train-examples", "--mnist"],
    );
}

#[test]
fn the_optimizer_of_1989_takes_one_example_at_a_time() {
    let newton = ["--recipe", "newton-1989"];
    for device in ["auto", "cpu", "reference", "gpu", "software"] {
        refused(
            &[&newton[..], &["--device", device]].concat(),
            2,
            &["--optimizer", "diagonal-newton", "--per-example"],
        );
    }
    for flag in ["--momentum", "--weight-decay"] {
        refused(
            &[&newton[..], &["--per-example", flag, "0.5"]].concat(),
            2,
            &[flag, "found 0.5", "diagonal-newton", "expected 0"],
        );
    }
    let more = [
        "--per-example",
        "--passes",
        "1",
        "--init",
        "plain",
        "--damping",
        "0.03",
        "--curvature-sample",
        "60",
        "--json",
    ];
    let run = gpu_train(&[&newton[..], &more].concat()).assert().success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("one JSON object");
    let recipe = &report["recipe"];
    assert_eq!(recipe["optimizer"], "diagonal-newton");
    assert_eq!(recipe["initialization"], "plain");
    assert_eq!(
        (&recipe["damping"], &recipe["curvature_sample"]),
        (&0.03.into(), &60.into())
    );
    assert_eq!(report["presentations"], 7_291);
}

#[test]
fn devices_that_do_not_fit_are_named() {
    refused(
        &["--device", "gpu", "--adapter", "no such adapter"],
        1,
        &["--adapter", "no such adapter"],
    );
    refused(
        &["--device", "software", "--adapter", "no such adapter"],
        1,
        &["no such adapter"],
    );
    refused(&["--device", "cpu", "--adapter", "x"], 2, &["--adapter"]);
    refused(&["--per-example", "--device", "gpu"], 2, &["--device"]);
    gpu_train(&["devices"]).assert().success();
    let listed = gpu_train(&["devices", "--json"]).assert().success();
    let listed: Value = serde_json::from_slice(&listed.get_output().stdout).expect("JSON");
    assert!(listed["adapters"].is_array() && listed["chosen"].is_string());
}

#[test]
fn files_that_are_not_there_or_not_right_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (missing, text) = (at("missing"), at("text.safetensors"));
    fs::write(&text, "not weights").expect("written");
    refused(&["--init-from", &missing], 1, &[&missing]);
    refused(&["--init-from", &text], 1, &[&text, "expected"]);
    refused(&["--mnist", &missing], 1, &[&missing]);
    refused(&["--zip-code", &missing], 1, &[&missing]);
    refused(
        &["data", "prepare", "--mnist", &missing, "--out", &at("out")],
        1,
        &[&missing],
    );
    assert!(!Path::new(&at("out")).exists());
    let nowhere = at("no/such/folder/net.safetensors");
    refused(&["--steps", "1", "--save", &nowhere], 1, &[&nowhere]);
    refused(
        &["--steps", "1", "--device", "cpu", "--metrics", &nowhere],
        1,
        &[&nowhere],
    );
    assert!(!Path::new(&nowhere).exists());
}

#[test]
fn a_rate_that_diverges_ends_with_the_step_and_the_rate() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = folder.path().join("net.safetensors");
    let net = net.to_str().expect("UTF-8");
    let arguments = [
        "--device",
        "cpu",
        "--schedule",
        "constant",
        "--activation",
        "relu",
        "--optimizer",
        "sgd",
        "--warmup",
        "0",
        "--learning-rate",
        "1e30",
        "--steps",
        "20",
        "--save",
        net,
    ];
    refused(
        &arguments,
        1,
        &["diverged", "step", "learning rate of 1.000e30"],
    );
    assert!(!Path::new(net).exists());
}

#[cfg(unix)]
#[test]
fn a_closed_reader_is_no_error() {
    let program = assert_cmd::cargo::cargo_bin("gpu-train");
    let piped = format!(
        "'{}' --per-example --passes 3 | head -n 1",
        program.display()
    );
    Command::new("bash")
        .args(["-o", "pipefail", "-c", &piped])
        .assert()
        .success()
        .stderr(contains("panicked").not());
}

/// Every subcommand that the help lists.
fn subcommands() -> Vec<String> {
    let help = gpu_train(&["-h"]).output().expect("the program ran");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let commands = help.split("Commands:\n").nth(1).expect("commands");
    let lines = commands.lines().take_while(|line| !line.is_empty());
    // A continuation line is indented further.
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_subcommand_shows_three_examples_that_parse() {
    let examples = |arguments: &[&str]| -> Vec<String> {
        let help = gpu_train(arguments).output().expect("the program ran");
        let help = String::from_utf8(help.stdout).expect("UTF-8");
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        let commands = examples
            .lines()
            .filter(|line| line.starts_with("  gpu-train "));
        commands.map(str::to_owned).collect()
    };
    assert!(examples(&["--help"]).len() >= 3);
    for name in subcommands() {
        let name = name.as_str();
        // The examples are in its subcommand.
        let arguments: &[&str] = match name {
            "data" => &["data", "prepare", "--help"],
            _ => &[name, "--help"],
        };
        let found = examples(arguments);
        assert!(found.len() >= 2, "{name}: {found:?}");
        for example in found {
            // With --help appended an example is only parsed, not run.
            let command = example.split("   ").find(|part| part.contains("gpu-train"));
            let words = command
                .unwrap_or_default()
                .split(['|', '>'])
                .next()
                .unwrap_or_default();
            let words: Vec<&str> = words.split_whitespace().skip(1).chain(["--help"]).collect();
            gpu_train(&words).assert().success();
        }
    }
}

#[test]
fn completions_contain_commands_flags_and_values() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = gpu_train(&["completions", shell]).assert().success();
        let script = String::from_utf8(run.get_output().stdout.clone()).expect("UTF-8");
        // The scripts of two shells do not contain the values of options.
        let values = ["bash", "fish", "zsh"].contains(&shell);
        let words = ["reproduce", "checkpoint-every", "full-batch-modern"];
        for word in &words[..2 + usize::from(values)] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        if shell == "bash" && cfg!(unix) {
            Command::new("bash")
                .arg("-n")
                .write_stdin(script)
                .assert()
                .success();
        }
    }
    refused(&["completions", "cmd"], 2, &["cmd", "possible values"]);
}

#[test]
fn the_manual_has_a_page_for_each_subcommand() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("UTF-8");
    gpu_train(&["man", "--out", out]).assert().success();
    for name in subcommands() {
        let page = folder.path().join(format!("gpu-train-{name}.1"));
        let page = fs::read_to_string(&page).expect("a page");
        assert!(
            page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"),
            "{name}"
        );
    }
    assert!(folder.path().join("gpu-train-data-prepare.1").exists());
    let page = fs::read_to_string(folder.path().join("gpu-train.1")).expect("a page");
    assert!(page.contains("Examples:") && page.contains("\\-\\-resume"));
    gpu_train(&["man"])
        .assert()
        .success()
        .stdout(contains(".TH gpu-train 1"));
    refused(
        &["man", "--out", "/no/such/folder"],
        1,
        &["/no/such/folder", "found no folder"],
    );
}

#[test]
fn quiet_runs_print_only_their_result() {
    let run = ["--device=cpu", "--steps=2", "--no-baseline", "--quiet"];
    let quiet = gpu_train(&run).assert().success().stderr("");
    let text = String::from_utf8(quiet.get_output().stdout.clone()).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("2 steps in "), "{text}");
    let json = [&run[..], &["--json"]].concat();
    gpu_train(&json)
        .assert()
        .success()
        .stderr("")
        .stdout(predicate::str::starts_with("{"));
    refused(&["-q", "-v"], 2, &["--quiet", "--verbose"]);
}

#[test]
fn the_log_goes_to_standard_error_without_colours_if_it_is_no_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = folder.path().join("run.ckpt");
    let checkpoint = checkpoint.to_str().expect("UTF-8");
    let run = [
        "--device=cpu",
        "--steps=1",
        "--no-baseline",
        "-vv",
        "--checkpoint",
        checkpoint,
    ];
    let logged = contains("wrote a checkpoint step=1").and(contains("\u{1b}").not());
    gpu_train(&run).assert().success().stderr(logged);
}

#[test]
fn a_run_ends_with_suggestions() {
    let run = ["--device=cpu", "--steps=1", "--no-baseline"];
    let said =
        contains("Next:\n  gpu-train predict --train").and(contains("gpu-train reproduce --quick"));
    gpu_train(&run).assert().success().stdout(said);
}

#[test]
fn epochs_and_passes_are_the_same_flag() {
    let report = |flag: &str| {
        let run = ["--per-example", flag, "1", "--json"];
        let run = gpu_train(&run).assert().success();
        let report = serde_json::from_slice::<Value>(&run.get_output().stdout).expect("JSON");
        (report["recipe"].clone(), report["test"].clone())
    };
    let epochs = report("--epochs");
    assert_eq!(epochs.0["length"]["passes"], 1);
    assert_eq!(report("--passes"), epochs);
    let commands: [&[&str]; 5] = [&[], &["bench"], &["search"], &["reproduce"], &["race"]];
    for command in commands {
        // With --help appended the flags are only parsed.
        for flag in ["--epochs", "--passes"] {
            let arguments = [command, &[flag, "2", "--help"]].concat();
            gpu_train(&arguments).assert().success();
        }
        let help = gpu_train(&[command, &["--help"]].concat())
            .assert()
            .success();
        let help = String::from_utf8(help.get_output().stdout.clone()).expect("UTF-8");
        assert!(help.contains("[alias: --passes]"), "{command:?}: {help}");
    }
    refused(&["--epochs", "1", "--passes", "1"], 2, &["--epochs"]);
}

#[test]
fn help_states_defaults_and_examples() {
    gpu_train(&["--help"]).assert().success().stdout(
        contains("Examples:")
            .and(contains("--full-batch"))
            .and(contains("[default:")),
    );
    gpu_train(&["--version"])
        .assert()
        .success()
        .stdout(contains(env!("CARGO_PKG_VERSION")));
}

/// Mesa's driver for AMD GPUs without one, where it is installed: it compiles, and finishes nothing.
#[test]
fn a_null_device_is_never_taken_for_a_gpu() {
    let folder = Path::new("/usr/share/vulkan/icd.d");
    let driver = ["radeon_icd.x86_64.json", "radeon_icd.json"].map(|name| folder.join(name));
    let Some(driver) = driver.iter().find(|path| path.exists()) else {
        eprintln!(
            "no Vulkan driver of AMD in {}, so not tried",
            folder.display()
        );
        return;
    };
    let on_family = |family: &str, arguments: &[&str]| {
        let mut command = gpu_train(arguments);
        command
            .env("VK_DRIVER_FILES", driver)
            .env("VK_ICD_FILENAMES", driver);
        command.env("RADV_FORCE_FAMILY", family).assert()
    };
    // Newer versions of Mesa know the family by another name, and abort at those that they do not know.
    let newer = on_family("navi31", &["devices"]);
    let (family, devices) = match newer.get_output().status.success() {
        true => ("navi31", newer),
        false => ("gfx1100", on_family("gfx1100", &["devices"])),
    };
    devices.success().stdout(
        contains("Null hardware")
            .and(contains("null device"))
            .and(contains("uses the cpu engine")),
    );
    let expected = contains("(Vulkan, null device), expected a GPU");
    on_family(family, &["--device", "gpu", "--steps", "1"])
        .code(1)
        .stderr(expected);
}
