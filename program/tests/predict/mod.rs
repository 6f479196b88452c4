//! `gpu-train predict`: size, position, colours and file format of a picture hardly change the input of the net; the drawn
//! digits are recognised; bad pictures and flags are refused with one line each.

mod hostile;
mod pictures;
mod printed;
mod program;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use gpu_train::data::resize::CODES_PER_LEVEL;
use gpu_train::net::{PIXELS, SIDE};
use image::{DynamicImage, GrayImage, ImageFormat};
use serde_json::Value;
use tempfile::TempDir;

const DRAWN: [(&str, u64); 4] = [
    ("three.png", 3),
    ("seven-chalk.png", 7),
    ("five.jpg", 5),
    ("two-transparent.png", 2),
];

fn drawn(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/digits")
        .join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn predict(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gpu-train").expect("the binary");
    command.arg("predict").args(arguments);
    command
}

/// Weights of a shortened training, in a folder that is kept until the tests end.
static WEIGHTS: LazyLock<(TempDir, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = text(&folder.path().join("net.safetensors")).to_owned();
    let run = predict(&["--train", "--steps", "200", "--weights", &path, "--json"])
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("one JSON object");
    // A full training ends below 2%.
    let error = report["training"]["test"]["error"].as_f64();
    assert!(error < Some(0.05), "{report}");
    assert_eq!(report["functions"]["activation"], "relu");
    assert_eq!(report["images"], Value::Array(vec![]));
    (folder, path)
});

fn weights_path() -> &'static str {
    &WEIGHTS.1
}

/// Mean difference of two images' pixels, in levels of 0 to 255.
fn mean_distance(a: &[u16; PIXELS], b: &[u16; PIXELS]) -> f64 {
    let sum: f64 = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a.abs_diff(b)))
        .sum();
    sum / PIXELS as f64 / f64::from(CODES_PER_LEVEL)
}

/// Levels of a digit, with each pixel enlarged to 4×4.
fn enlarge(codes: &[u16; PIXELS]) -> Vec<u8> {
    (0..SIDE * SIDE * 16)
        .map(|at| codes[at / (SIDE * 4) / 4 * SIDE + at % (SIDE * 4) / 4])
        .map(|code| (code / CODES_PER_LEVEL) as u8)
        .collect()
}

fn encode(levels: &[u8], side: usize, format: ImageFormat) -> Vec<u8> {
    let image = GrayImage::from_raw(side as u32, side as u32, levels.to_vec()).expect("square");
    save(&image.into(), format)
}

fn save(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}
