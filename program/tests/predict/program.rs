//! The program as a user runs it.

use std::path::PathBuf;

use gpu_train::net::{PIXELS, Parameters};
use gpu_train::recipe::Functions;
use gpu_train::recipe::{Activation, Loss};
use gpu_train::weights;
use serde_json::Value;

use super::{DRAWN, drawn, predict, text, weights_path};

/// Runs with trained weights. Returns the JSON object and the exit code.
fn recognised(arguments: &[&str], input: &[u8]) -> (Value, Option<i32>) {
    let output = predict(&[&["--weights", weights_path(), "--json"], arguments].concat())
        .write_stdin(input)
        .output()
        .expect("the program ran");
    let json = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (json, output.status.code())
}

#[test]
fn the_drawn_digits_are_recognised() {
    let paths: Vec<PathBuf> = DRAWN.iter().map(|(name, _)| drawn(name)).collect();
    let arguments: Vec<&str> = paths.iter().map(|path| text(path)).collect();
    let (report, code) = recognised(&arguments, b"");
    assert_eq!(code, Some(0));
    for (index, (name, class)) in DRAWN.iter().enumerate() {
        let image = &report["images"][index];
        assert_eq!(image["class"], *class, "{name}: {image}");
        let probabilities = image["probabilities"].as_array().expect("ten");
        let sum: f64 = probabilities.iter().filter_map(Value::as_f64).sum();
        assert!(
            (sum - 1.0).abs() < 1e-9 && probabilities.len() == 10,
            "{sum}"
        );
        assert_eq!(image["probability"], probabilities[*class as usize]);
        assert!(image["probability"].as_f64() > Some(0.5), "{name}: {image}");
        assert_eq!(image["pixels"].as_array().map(Vec::len), Some(PIXELS));
        assert_eq!(image["pixels"][0], -1.0, "paper in a corner");
    }
    let lines = predict(&["--weights", weights_path()])
        .args(&arguments)
        .assert()
        .success();
    let lines = String::from_utf8(lines.get_output().stdout.clone()).expect("UTF-8");
    assert_eq!(lines.lines().count(), 4, "plain lines in a pipe: {lines}");
    assert!(
        lines.starts_with(&format!("{}: 3 (", arguments[0])),
        "{lines}"
    );
    assert!(!lines.contains('\u{1b}'));
}

#[test]
fn standard_input_and_json_of_several_pictures_one_of_them_bad() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("note.txt");
    std::fs::write(&bad, "not a picture").expect("written");
    let three = drawn("three.png");
    let seven = std::fs::read(drawn("seven-chalk.png")).expect("a picture");
    let (report, code) = recognised(&[text(&three), text(&bad), "-"], &seven);
    assert_eq!(code, Some(1), "one could not be read");
    let images = report["images"].as_array().expect("three");
    assert_eq!(images[0]["class"], 3);
    assert_eq!(
        images[2]["class"], 7,
        "behind a bad one, from standard input"
    );
    assert_eq!(images[2]["path"], "-");
    let error = images[1]["error"].as_str().expect("an error");
    assert!(
        error.contains("note.txt: found no picture of a known format"),
        "{error}"
    );
    assert!(images[1].get("class").is_none());
}

fn usage(arguments: &[&str], code: i32, parts: &[&str]) {
    let output = predict(arguments).output().expect("the program ran");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

#[test]
fn flags_name_the_functions_if_the_file_does_not_and_must_not_contradict_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.safetensors");
    let three = drawn("three.png");
    let (path, three) = (text(&path), text(&three));
    let bytes = without_functions();
    std::fs::write(path, bytes).expect("written");
    usage(
        &["--weights", path, three],
        2,
        &[
            "error: --activation, --loss: found neither, expected both",
            "other.safetensors",
        ],
    );
    usage(
        &["--weights", path, "--loss", "mse", three],
        2,
        &["found only the second, expected both"],
    );
    predict(&[
        "--weights",
        path,
        "--activation",
        "tanh",
        "--loss",
        "mse",
        three,
    ])
    .assert()
    .success();
    let trained = weights_path();
    usage(
        &["--weights", trained, "--activation", "tanh", three],
        2,
        &["error: --activation: found tanh, expected relu or no flag"],
    );
    usage(
        &["--weights", trained, "--loss", "mse", three],
        2,
        &["error: --loss: found mse, expected cross-entropy or no flag"],
    );
    predict(&["--weights", trained, "--activation", "relu", three])
        .assert()
        .success();
    usage(&["--train", "--loss", "mse"], 2, &["--loss"]);
    usage(&[], 2, &["<IMAGE>"]);
    usage(
        &["--bench", "--seconds", "nan"],
        2,
        &["--seconds: found NaN"],
    );
}

/// Weights as another program writes them: the same tensors, no metadata.
fn without_functions() -> Vec<u8> {
    let functions = Functions {
        activation: Activation::Tanh,
        loss: Loss::Mse,
    };
    let bytes = weights::encode(&Parameters::zeros(), functions);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("our own");
    safetensors::serialize(tensors.tensors(), None).expect("as they were")
}

/// Runs on systems where environment variables name the folders of a user.
#[cfg(target_os = "linux")]
#[test]
fn the_error_for_missing_default_weights_names_the_command_that_trains_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let three = drawn("three.png");
    let with_home = |arguments: &[&str]| {
        let mut command = predict(arguments);
        command.env("XDG_DATA_HOME", folder.path());
        command.output().expect("the program ran")
    };
    let missing = with_home(&[text(&three)]);
    let error = String::from_utf8(missing.stderr).expect("UTF-8");
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        error.contains("gpu-train/digits.safetensors: found no such file"),
        "{error}"
    );
    assert!(error.contains("`gpu-train predict --train`"), "{error}");
    let trained = with_home(&["--train", "--steps", "2", "--seed", "5"]);
    assert!(trained.status.success());
    let said = String::from_utf8(trained.stdout).expect("UTF-8");
    assert!(said.contains("test error "), "{said}");
    let path = folder.path().join("gpu-train/digits.safetensors");
    let net = weights::load(&path).expect("weights");
    assert_eq!(
        net.functions,
        Some(Functions {
            activation: Activation::Relu,
            loss: Loss::CrossEntropy
        })
    );
    assert!(with_home(&[text(&three)]).status.success());
}

#[test]
fn the_benchmark_reports_both_measurements_and_the_published_figures() {
    let (report, code) = recognised(&["--bench", "--seconds", "0.01"], b"");
    assert_eq!(code, Some(0));
    let bench = &report["bench"];
    let speed = |what: &str| bench[what]["digits_per_s"].as_f64();
    assert!(
        speed("picture") > Some(0.0) && speed("net") > speed("picture"),
        "{bench}"
    );
    assert_eq!(bench["digits"], 2_007);
    // Even after a shortened training and through a picture, nearly all are recognised.
    for what in ["net", "picture"] {
        assert!(bench[what]["misses"].as_u64() < Some(140), "{bench}");
    }
    assert_eq!(bench["published_1989_digits_per_s"][0], "10-12");
}
