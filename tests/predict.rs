//! `gpu-train predict`: a picture becomes what the net was trained on, whatever its size, place, colours and file; the
//! drawn digits are recognised; bad pictures and flags are refused in one line each.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use gpu_train::data::resize::{CODES_PER_LEVEL, SOURCE_PIXELS, SOURCE_SIDE, resize};
use gpu_train::data::{embedded, idx};
use gpu_train::net::{PIXELS, Parameters, SIDE};
use gpu_train::predict::image::{Grey, decode};
use gpu_train::predict::normalise::{mnist_form, normalise};
use gpu_train::recipe::{Activation, Loss};
use gpu_train::weights::{self, Functions};
use image::{DynamicImage, GrayImage, ImageFormat, Rgba, RgbaImage};
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
        .join("examples/digits")
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

/// Weights of a shortened training, in a folder that lives as long as the tests do.
static WEIGHTS: LazyLock<(TempDir, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = text(&folder.path().join("net.safetensors")).to_owned();
    let run = predict(&["--train", "--steps", "100", "--weights", &path, "--json"])
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("one JSON object");
    // A whole training ends below 2%.
    let error = report["training"]["test"]["error"].as_f64();
    assert!(error < Some(0.05), "{report}");
    assert_eq!(report["functions"]["activation"], "relu");
    assert_eq!(report["images"], Value::Array(vec![]));
    (folder, path)
});

fn weights_path() -> &'static str {
    &WEIGHTS.1
}

/// Runs with trained weights; the JSON object and the exit code.
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

/// The embedded test digits, drawn larger, come back as they were: most are taken for what they are.
#[test]
fn enlarged_test_digits_are_recognised_nearly_as_often_as_the_digits_themselves() {
    let net = weights::load(Path::new(weights_path())).expect("weights");
    let functions = net.functions.expect("the program said them");
    let classifier = gpu_train::predict::Classifier::new(net.parameters, functions);
    let test = embedded::digits().test;
    let (mut direct, mut enlarged, mut distance) = (0, 0, 0.0);
    let count = 500;
    for example in 0..count {
        let codes: &[u16; PIXELS] = test.image_codes(example).try_into().expect("a digit");
        let label = test.labels()[example];
        direct += usize::from(classifier.classify(codes).class != label);
        let (png, side) = (enlarge(codes), SIDE * 4);
        let grey = decode(&encode(&png, side, ImageFormat::Png), Path::new("a digit")).unwrap();
        let again = normalise(&grey).unwrap();
        enlarged += usize::from(classifier.classify(&again).class != label);
        distance += mean_distance(codes, &again) / count as f64;
    }
    assert!(direct <= count / 20, "{direct} misses without pictures");
    assert!(
        enlarged <= direct + count / 50,
        "{enlarged} misses against {direct}"
    );
    // Of 255 levels; a shift by a pixel costs 30.
    assert!(distance < 12.0, "{distance}");
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

/// Levels of a digit, each pixel a square of 4×4.
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

/// MNIST's own test images, where they are at hand: in a PNG they come back as MNIST has them.
#[test]
fn mnists_images_keep_mnists_form() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    let folder = std::env::var_os("GPU_TRAIN_MNIST").map_or(beside, PathBuf::from);
    let path = folder.join("t10k-images-idx3-ubyte.gz");
    if !path.exists() {
        eprintln!("{}: not there, so not compared", path.display());
        return;
    }
    let images = idx::read::<u8>(&path, &[10_000, SOURCE_SIDE, SOURCE_SIDE]).expect("MNIST");
    let (mut same, mut distance) = (0, 0.0);
    let count = 2_000;
    for image in images.chunks_exact(SOURCE_PIXELS).take(count) {
        let png = encode(image, SOURCE_SIDE, ImageFormat::Png);
        let grey = decode(&png, Path::new("MNIST")).unwrap();
        let d = mean_distance(&resize(image), &resize(&mnist_form(&grey).unwrap()));
        same += usize::from(d < 2.0);
        distance += d / count as f64;
    }
    println!("{same} of {count} within 2 levels, mean distance {distance:.2}");
    assert!(same * 10 >= count * 9, "{same} of {count}");
    assert!(distance < 3.0, "{distance}");
}

/// A digit on paper: `paper` and `ink` are levels, (x, y) is where its corner lies.
fn seven(size: (usize, usize), at: (usize, usize), paper: u16, ink: u16) -> Grey {
    let mut levels = vec![paper; size.0 * size.1];
    for (row, line) in SEVEN.iter().enumerate() {
        for (column, mark) in line.bytes().enumerate() {
            if mark == b'#' {
                levels[(at.1 + row) * size.0 + at.0 + column] = ink;
            }
        }
    }
    Grey::new(size.0, size.1, levels)
}

const SEVEN: [&str; 14] = [
    "##########",
    "##########",
    "##########",
    "       ###",
    "      ####",
    "      ### ",
    "     #### ",
    "     ###  ",
    "    ####  ",
    "    ###   ",
    "   ####   ",
    "   ###    ",
    "  ####    ",
    "  ###     ",
];

#[test]
fn neither_place_nor_colours_nor_the_size_of_the_paper_change_the_codes() {
    let of = |grey: &Grey| normalise(grey).expect("a digit");
    let codes = of(&seven((40, 40), (10, 12), 60_000, 2_000));
    assert!(codes.iter().any(|&code| code > 16_000), "full ink");
    for (size, at, paper, ink) in [
        ((40, 40), (2, 20), 60_000, 2_000),
        ((200, 31), (150, 3), 60_000, 2_000),
        ((40, 40), (10, 12), 5_535, 63_535),
        ((40, 40), (10, 12), 30_000, 26_000),
        ((40, 40), (10, 12), 0, u16::MAX),
    ] {
        assert_eq!(of(&seven(size, at, paper, ink)), codes, "{size:?} {at:?}");
    }
}

#[test]
fn size_hardly_changes_the_codes() {
    let small = seven((40, 40), (10, 12), 60_000, 2_000);
    let codes = normalise(&small).unwrap();
    for factor in [2, 3, 10, 60] {
        let side = 40 * factor;
        let level = |at: usize| small.at(at / side / factor, at % side / factor);
        let large = Grey::new(side, side, (0..side * side).map(level).collect());
        let distance = mean_distance(&normalise(&large).unwrap(), &codes);
        assert!(distance < 8.0, "{factor} times as large: {distance}");
    }
    let shifted = seven((40, 40), (10, 12), 60_000, 2_000);
    assert_eq!(normalise(&shifted).unwrap(), codes);
}

/// A photograph's paper is neither even nor clean.
#[test]
fn uneven_light_grain_and_dust_hardly_change_the_codes() {
    let clean = seven((60, 60), (20, 22), 50_000, 8_000);
    let mut rough = clean.clone();
    for (at, level) in rough.levels.iter_mut().enumerate() {
        let (row, column) = (at / 60, at % 60);
        // From the lightest corner to the darkest 9,000 levels; grain of 1,200.
        *level = *level - (row + column) as u16 * 75 + (at * 7_919 % 1_200) as u16;
    }
    rough.levels[5 * 60 + 52] = 8_000;
    let distance = mean_distance(&normalise(&rough).unwrap(), &normalise(&clean).unwrap());
    assert!(distance < 8.0, "{distance}");
}

#[test]
fn every_kind_of_file_gives_nearly_the_same_codes() {
    let codes: [u16; PIXELS] = embedded::digits().test.image_codes(3).try_into().unwrap();
    let grey = GrayImage::from_raw(64, 64, enlarge(&codes)).expect("square");
    let of = |bytes: &[u8]| normalise(&decode(bytes, Path::new("picture")).unwrap()).unwrap();
    let eight = DynamicImage::from(grey);
    let base = of(&save(&eight, ImageFormat::Png));
    let ink_only = RgbaImage::from_fn(64, 64, |x, y| {
        let level = eight.as_luma8().unwrap().get_pixel(x, y).0[0];
        Rgba([20, 10, 90, level])
    });
    let chalk_only = RgbaImage::from_fn(64, 64, |x, y| {
        let level = eight.as_luma8().unwrap().get_pixel(x, y).0[0];
        Rgba([250, 255, 250, level])
    });
    let same: Vec<(&str, Vec<u8>)> = vec![
        ("PGM", save(&eight, ImageFormat::Pnm)),
        ("BMP", save(&eight, ImageFormat::Bmp)),
        ("RGB", save(&eight.to_rgb8().into(), ImageFormat::Png)),
        ("PPM", save(&eight.to_rgb8().into(), ImageFormat::Pnm)),
        ("RGBA", save(&eight.to_rgba8().into(), ImageFormat::Png)),
        ("16 bits", save(&eight.to_luma16().into(), ImageFormat::Png)),
        (
            "RGB of 16 bits",
            save(&eight.to_rgb16().into(), ImageFormat::Png),
        ),
        (
            "grey and alpha",
            save(&eight.to_luma_alpha8().into(), ImageFormat::Png),
        ),
        (
            "dark on transparent",
            save(&ink_only.into(), ImageFormat::Png),
        ),
        (
            "light on transparent",
            save(&chalk_only.into(), ImageFormat::Png),
        ),
    ];
    for (what, bytes) in same {
        let distance = mean_distance(&of(&bytes), &base);
        assert!(distance < 0.5, "{what}: {distance}");
    }
    let distance = mean_distance(&of(&save(&eight, ImageFormat::Jpeg)), &base);
    assert!(distance < 6.0, "JPEG: {distance}");
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
        error.contains("note.txt: found no picture of a known kind"),
        "{error}"
    );
    assert!(images[1].get("class").is_none());
}

/// Each is refused with exit code 1 and one line that names the file, what was found and what was expected.
#[test]
fn bad_pictures_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read(drawn("three.png")).expect("a picture");
    let white = |width, height| {
        let image = GrayImage::from_pixel(width, height, image::Luma([255]));
        save(&image.into(), ImageFormat::Png)
    };
    let cases: [(&str, Vec<u8>, &str); 9] = [
        (
            "none.pgm",
            b"P5 0 3 255\n".to_vec(),
            "found a picture without pixels",
        ),
        ("empty.png", vec![], "found an empty file"),
        (
            "cut.png",
            good[..good.len() / 2].to_vec(),
            "cannot be decoded",
        ),
        (
            "text.png",
            b"three".to_vec(),
            "found no picture of a known kind",
        ),
        ("one.png", white(1, 1), "found a picture of one colour"),
        ("white.png", white(80, 60), "found a picture of one colour"),
        ("absurd.png", absurd_png(), "more than 33554432 pixels, or"),
        (
            "absurd.pgm",
            b"P5 2147483647 2147483647 255\n".to_vec(),
            "found 2147483647×2147483647 pixels, more than",
        ),
        (
            "picture.gif",
            b"GIF89a\x01\0\x01\0".to_vec(),
            "found no picture of a known kind",
        ),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        assert_refused(&path, expected);
    }
    assert_refused(
        &folder.path().join("none.png"),
        "found no such file, expected a picture",
    );
    assert_refused(folder.path(), "found a folder, expected a picture");
}

fn assert_refused(path: &Path, expected: &str) {
    let output = predict(&["--weights", weights_path(), text(path)])
        .output()
        .expect("the program ran");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with(&format!("error: {}: ", path.display())),
        "{error}"
    );
    assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty());
}

/// The header of a PNG of 2³¹ − 1 squared pixels, checksum and all, and nothing behind it.
fn absurd_png() -> Vec<u8> {
    let mut bytes = save(&GrayImage::new(1, 1).into(), ImageFormat::Png);
    bytes.truncate(8);
    let mut header = b"IHDR".to_vec();
    header.extend([0x7f, 0xff, 0xff, 0xff].repeat(2));
    header.extend([8, 0, 0, 0, 0]);
    let mut sum = flate2::Crc::new();
    sum.update(&header);
    bytes.extend(13u32.to_be_bytes());
    bytes.extend(&header);
    bytes.extend(sum.sum().to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"IDAT");
    bytes
}

/// A PNG of one colour whose rows are not in memory at any time: RGBA of 16 bits, the most a pixel can take.
fn vast_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = save(&GrayImage::new(1, 1).into(), ImageFormat::Png);
    bytes.truncate(8);
    let mut chunk = |kind: &[u8], data: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(kind);
        sum.update(data);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend(sum.sum().to_be_bytes());
    };
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(b"IHDR", &[&sides[..], &[16, 6, 0, 0, 0]].concat());
    let mut rows = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(1));
    let row = vec![0; 1 + 8 * width as usize];
    for _ in 0..height {
        std::io::Write::write_all(&mut rows, &row).expect("memory");
    }
    chunk(b"IDAT", &rows.finish().expect("memory"));
    chunk(b"IEND", b"");
    bytes
}

/// The largest pictures that are decoded at all, from files a thousand times smaller, and one that is refused unseen.
#[cfg(target_os = "linux")]
#[test]
fn no_picture_takes_more_than_a_gigabyte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vast.png");
    let program = assert_cmd::cargo::cargo_bin("gpu-train");
    for (width, height, expected) in [
        (8_192, 4_096, "found a picture of one colour"),
        (1 << 18, 128, "found a picture of one colour"),
        (8_192, 4_097, "pixels, more than 33554432 in all"),
    ] {
        std::fs::write(&path, vast_png(width, height)).expect("written");
        let output = Command::new("sh")
            .args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh"])
            .arg(&program)
            .args(["predict", "--weights", weights_path(), text(&path)])
            .output()
            .expect("the program ran");
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected), "{width}×{height}: {error}");
    }
}

/// A camera that was held on its side says so in the file.
#[test]
fn a_picture_is_turned_as_its_camera_says() {
    let upright = image::open(drawn("three.png")).expect("a picture");
    let of = |bytes: &[u8]| normalise(&decode(bytes, Path::new("photo")).unwrap()).unwrap();
    let lying = save(&upright.rotate270().to_rgb8().into(), ImageFormat::Jpeg);
    // TIFF, big-endian, one entry: orientation (0x112), a short, once, 6: to be turned right by 90°.
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let tagged = [&lying[..2], &[0xff, 0xe1], &length, exif, &lying[2..]].concat();
    let codes = of(&save(&upright, ImageFormat::Png));
    let distances = [&tagged, &lying].map(|file| mean_distance(&of(file), &codes));
    // What JPEG loses may move the digit by one of MNIST's pixels, which costs 12 here.
    assert!(distances[0] < 16.0 && distances[1] > 30.0, "{distances:?}");
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
fn flags_say_the_functions_where_the_file_does_not_and_may_not_contradict_it() {
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
        &["found the second alone, expected both"],
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

/// Weights as another program would write them: the same tensors, no metadata.
fn without_functions() -> Vec<u8> {
    let functions = Functions {
        activation: Activation::Tanh,
        loss: Loss::Mse,
    };
    let bytes = weights::encode(&Parameters::zeros(), functions);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("our own");
    safetensors::serialize(tensors.tensors(), None).expect("as they were")
}

/// Where folders of users are named by variables.
#[cfg(target_os = "linux")]
#[test]
fn missing_default_weights_name_the_command_that_trains_them_and_it_does() {
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
fn the_benchmark_reports_both_ways_and_what_was_published() {
    let (report, code) = recognised(&["--bench", "--seconds", "0.01"], b"");
    assert_eq!(code, Some(0));
    let bench = &report["bench"];
    let speed = |what: &str| bench[what]["digits_per_s"].as_f64();
    assert!(
        speed("picture") > Some(0.0) && speed("net") > speed("picture"),
        "{bench}"
    );
    assert_eq!(bench["digits"], 2_007);
    // Half trained, and through a picture, still nearly all are recognised.
    for what in ["net", "picture"] {
        assert!(bench[what]["misses"].as_u64() < Some(140), "{bench}");
    }
    assert_eq!(bench["published_1989_digits_per_s"][0], "10-12");
}
