//! Every example in the help of every command runs: the lines are taken from `--help` itself, in one folder and home folder, where
//! later ones find what earlier ones wrote. [`RULES`] shortens them; an example that it does not cover fails the test.
//!
//! The examples for a GPU run on the software adapter. Where there is none, they must end with the error that says so; with
//! `GPU_TRAIN_REQUIRE_ADAPTER=1` they must succeed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gpu_train::net::{Initialization, PARAMETERS, initial_parameters};
use serde_json::json;

use crate::adapter::lacks_adapter;
use crate::numeric::made_up_mnist;
use crate::zip_code;

/// The examples that begin like `of`: what is written instead of a part, and what is appended.
struct Rule {
    of: &'static str,
    instead: &'static [(&'static str, &'static str)],
    append: &'static str,
}

const fn rule(
    of: &'static str,
    instead: &'static [(&'static str, &'static str)],
    append: &'static str,
) -> Rule {
    Rule {
        of,
        instead,
        append,
    }
}

const SOFTWARE: &str = "--device software";

/// Rules in the order in which the examples run. The first one that an example begins with counts; each must be used.
const RULES: [Rule; 26] = [
    rule("gpu-train --full-batch", &[], ""),
    rule("gpu-train --per-example", &[], ""),
    rule("gpu-train --recipe full-batch-modern", &[], " --steps 4"),
    rule("gpu-train --resume", &[], ""),
    rule("gpu-train devices", &[], ""),
    rule("WGPU_BACKEND=vulkan gpu-train devices", &[], ""),
    rule(
        "gpu-train bench --engine gpu",
        &[("--examples 50000", "--examples 500 --device software")],
        " --seconds 0.1",
    ),
    rule("gpu-train bench --engine cpu", &[], " --seconds 0.1"),
    rule("gpu-train bench", &[], " --seconds 0.1"),
    rule("gpu-train completions", &[], ""),
    // The systems' programs named man take other flags, where there is one.
    rule(
        "gpu-train man |",
        &[("man -l -", "grep '^.TH gpu-train '")],
        "",
    ),
    rule("gpu-train man --out", &[], ""),
    rule(
        "man gpu-train-reproduce",
        &[(
            "man ",
            "grep '^.TH gpu-train-reproduce ' ~/.local/share/man/man1/",
        )],
        ".1",
    ),
    rule("gpu-train export", &[], ""),
    rule("gpu-train predict --train", &[], " --steps 20"),
    rule("gpu-train predict", &[], ""),
    rule(
        "gpu-train race --device gpu",
        &[("--device gpu", SOFTWARE)],
        " --seeds 2 --examples 64 --epochs 2",
    ),
    // For `report`, where there is no adapter.
    rule(
        "gpu-train race",
        &[],
        " --examples 64 --epochs 2 --out race.json",
    ),
    rule("gpu-train reproduce", &[], " --examples 64 --epochs 2"),
    rule("gpu-train report --gpu", &[], ""),
    rule("gpu-train report", &[], ""),
    rule("gpu-train data prepare", &[], ""),
    rule(
        "gpu-train --mnist",
        &[],
        " --train-examples 600 --recipe full-batch-softmax --steps 2",
    ),
    rule(
        "gpu-train search --recipe full-batch --lengths",
        &[("--lengths 3,4,5", "--lengths 2,3"), ("DIR", "mnist")],
        " --candidates 2 --train-examples 600 --validation-examples 30",
    ),
    rule(
        "gpu-train search --recipe full-batch --candidates",
        &[("--candidates 32", "--candidates 2")],
        " --lengths 2 --folds 2",
    ),
    rule(
        "gpu-train search --recipe full-batch-modern",
        &[],
        " --candidates 2 --lengths 2 --folds 2",
    ),
];

/// The example as it is run, and the place of its rule.
fn shortened(example: &str) -> Result<(usize, String), String> {
    let at = RULES
        .iter()
        .position(|rule| example.starts_with(rule.of))
        .ok_or_else(|| format!("{example}: no rule for this example, expected one in RULES"))?;
    let mut line = example.to_owned();
    for (from, to) in RULES[at].instead {
        if line.matches(from).count() != 1 {
            return Err(format!("{example}: expected {from:?} once"));
        }
        line = line.replace(from, to);
    }
    Ok((at, line + RULES[at].append))
}

/// The commands below `Examples:` in a help text. A comment follows after two spaces, or is indented on a line without a command.
fn examples(help: &str) -> Result<Vec<String>, String> {
    let (_, lines) = help.split_once("\nExamples:\n").ok_or("no examples")?;
    let mut found = Vec::new();
    for line in lines.lines() {
        let text = line.strip_prefix("  ").unwrap_or_default();
        let command = text.split("  ").next().unwrap_or_default();
        let starts = ["gpu-train ", "man gpu-train-", "WGPU_BACKEND="];
        if starts.iter().any(|start| command.starts_with(start)) {
            found.push(command.to_owned());
        } else if !text.starts_with("        ") || found.is_empty() {
            return Err(format!(
                "found {line:?}, expected an example or the comment of one"
            ));
        }
    }
    Ok(found)
}

/// Names of the subcommands in a help text.
fn subcommands(help: &str) -> Vec<String> {
    let (_, below) = help.split_once("\nCommands:\n").unwrap_or_default();
    let lines = below.lines().take_while(|line| !line.is_empty());
    let lines = lines.filter_map(|line| line.strip_prefix("  "));
    let names = lines.filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// The help of a command and of all below it, with their names.
fn helps(command: &[String], found: &mut Vec<(String, String)>) {
    let output = Command::new(env!("CARGO_BIN_EXE_gpu-train"))
        .args(command)
        .arg("--help")
        .output()
        .expect("the program runs");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    for name in subcommands(&help) {
        helps(&[command, &[name]].concat(), found);
    }
    found.push((command.join(" "), help));
}

fn all_helps() -> Vec<(String, String)> {
    let mut found = Vec::new();
    helps(&[], &mut found);
    // The program, its eleven commands and `data prepare`.
    assert!(found.len() >= 13, "{}", found.len());
    found
}

/// Weights as PyTorch saves them, without the names of the net's functions.
fn foreign_weights(path: &Path) {
    let parameters = initial_parameters(1, 0.0, Initialization::Sqrt);
    let tensors = PARAMETERS.iter().map(|tensor| {
        let values = parameters.tensor(tensor).iter();
        let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
        (tensor.name, tensor.shape.to_vec(), bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(
            safetensors::Dtype::F32,
            shape.clone(),
            bytes.as_slice(),
        );
        (*name, view.expect("a tensor"))
    });
    let bytes = safetensors::serialize(views, None).expect("safetensors");
    fs::write(path, bytes).expect("written");
}

/// A folder of `scripts/gpu-evidence`, of which only the index is read.
fn evidence(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    let step = json!({
        "recipe": "full-batch", "variant": "layered", "examples": 7291, "floor_ms": 0.5, "share_of_peak": 0.5,
        "step_ms": { "median": 1.0, "p10": 0.9, "p90": 1.1, "samples": 9 }, "kernels": [],
    });
    let index = json!({
        "schema": 1, "version": "0.1.0", "date": "2026-01-01", "command": "scripts/gpu-evidence", "short": false,
        "machine": { "processor": "one", "cores": 2, "os": "linux" },
        "adapter": { "name": "an adapter", "backend": "Vulkan", "kind": "discrete", "driver": "a driver" },
        "figures": { "recipes": [step], "race": null },
    });
    fs::write(folder.join("evidence.json"), index.to_string()).expect("written");
}

/// The files that examples name and no earlier example writes.
fn prepare(folder: &Path) {
    for below in [
        "home/.local/share/bash-completion/completions",
        "home/.local/share/man/man1",
        "home/.zfunc",
        "home/.config/fish/completions",
        "DIR",
    ] {
        fs::create_dir_all(folder.join(below)).expect("a folder");
    }
    zip_code::digits(&folder.join("DIR"), 0);
    fs::create_dir(folder.join("mnist")).expect("a folder");
    made_up_mnist(&folder.join("mnist"));
    foreign_weights(&folder.join("theirs.safetensors"));
    evidence(&folder.join("one"));
    evidence(&folder.join("two"));
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits");
    for name in ["three.png", "five.jpg"] {
        fs::copy(digits.join(name), folder.join(name)).expect("copied");
    }
}

/// Runs a line of a shell in a folder.
fn shell(line: &str, folder: &Path) -> Output {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_gpu-train"));
    let mut paths = vec![program.parent().expect("a folder").to_owned()];
    paths.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).expect("paths"))
        .env("HOME", folder.join("home"))
        .env_remove("XDG_DATA_HOME")
        .output()
        .expect("a shell")
}

#[test]
fn every_example_runs() {
    let mut lines = Vec::new();
    for (command, help) in all_helps() {
        let found = examples(&help).unwrap_or_else(|error| panic!("{command} --help: {error}"));
        for line in found.iter().map(|example| shortened(example).unwrap()) {
            // `data` and `data prepare` have the same examples.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.sort_by_key(|(rule, _)| *rule);
    for (at, rule) in RULES.iter().enumerate() {
        let is_used = lines.iter().any(|(used, _)| *used == at);
        assert!(is_used, "no example begins with {:?}", rule.of);
    }
    let has_adapter = !lacks_adapter();

    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path());
    for (_, line) in &lines {
        let output = shell(line, folder.path());
        let said = String::from_utf8_lossy(&output.stderr);
        if has_adapter || !line.contains(SOFTWARE) {
            assert!(output.status.success(), "{line}: {said}");
        } else {
            eprintln!("no software adapter here, so this only has to say that: {line}");
            let refused = output.status.code() == Some(1);
            assert!(
                refused && said.contains("expected a software adapter"),
                "{said}"
            );
        }
    }
    assert!(lines.len() >= 30, "{}", lines.len());
}

#[test]
fn what_is_no_example_or_has_no_rule_is_found() {
    let found = |lines: &str| examples(&format!("Usage\n\nExamples:\n{lines}"));
    let two =
        "  gpu-train race --seeds 3    three rounds\n                   in turn\n  gpu-train man\n";
    assert_eq!(
        found(two).unwrap(),
        ["gpu-train race --seeds 3", "gpu-train man"]
    );
    assert!(found("  gpu-tran race\n").is_err());
    // A line that the help has wrapped.
    assert!(found("  gpu-train race --out\nrace.json\n").is_err());
    assert!(examples("Usage\n").is_err());
    assert!(shortened("gpu-train newcommand").is_err());
    assert!(shortened("gpu-train bench --engine gpu --examples 7").is_err());
    let race = shortened("gpu-train race --device gpu").unwrap().1;
    assert!(race.starts_with("gpu-train race --device software --seeds 2"));
}

/// The commands that a page quotes: `gpu-train` and flags, in backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with("gpu-train "))
}

/// Flags of a quoted command that the help of its subcommand does not list.
fn unknown_flags(command: &str, helps: &[(String, String)]) -> Vec<String> {
    let name = command.trim_start_matches("gpu-train ").split(' ').next();
    let of = |name: &str| helps.iter().find(|(command, _)| command == name);
    let of_data = command.starts_with("gpu-train data prepare");
    let name = if of_data { Some("data prepare") } else { name };
    let (_, help) = name.and_then(of).or_else(|| of("")).expect("a help");
    let words = command.split([' ', '[', ']', '=', ',']);
    let flags = words.filter(|word| word.starts_with("--") && *word != "--help");
    let is_listed = |flag: &&str| {
        let after = |c: char| !c.is_alphanumeric() && c != '-';
        help.match_indices(flag)
            .any(|(at, _)| help[at + flag.len()..].starts_with(after))
    };
    flags
        .filter(|flag| !is_listed(flag))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_of_commands_agrees_with_the_help() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/commands.md")).expect("the page");
    let helps = all_helps();
    for (command, _) in helps.iter().filter(|(command, _)| !command.is_empty()) {
        assert!(
            page.contains(&format!("`gpu-train {command}")),
            "docs/commands.md: no {command}"
        );
    }
    let commands: Vec<&str> = quoted(&page).collect();
    assert!(commands.len() > 25, "{}", commands.len());
    for command in commands {
        let unknown = unknown_flags(command, &helps);
        assert!(unknown.is_empty(), "`{command}`: {unknown:?}");
    }
    let unknown = unknown_flags("gpu-train race --seed 3 [--seeds 4]", &helps);
    assert_eq!(unknown, ["--seed"]);
}
