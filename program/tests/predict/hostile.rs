//! Files that are no pictures, and hostile pictures.

use std::path::Path;
use std::process::Output;

#[cfg(target_os = "linux")]
use assert_cmd::Command;
use image::{GrayImage, ImageFormat};

use super::{drawn, predict, save, text, weights_path};

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
            "found no picture of a known format",
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
            "found no picture of a known format",
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

fn predicted(path: &Path) -> Output {
    predict(&["--weights", weights_path(), text(path)])
        .output()
        .expect("the program ran")
}

fn assert_refused(path: &Path, expected: &str) {
    assert_is_refusal(predicted(path), path, expected);
}

fn assert_is_refusal(output: Output, path: &Path, expected: &str) {
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

/// `wide.jpg` is from a fuzzer: its third component is sampled four times as wide as the others. A decoder that panics on it
/// (zune-jpeg 0.5.15 with AVX2) refuses the picture; another may read it.
#[test]
fn a_decoders_panic_is_an_error_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wide.jpg");
    std::fs::write(&path, include_bytes!("wide.jpg")).expect("written");
    let output = predicted(&path);
    if !output.status.success() {
        let expected = "found a picture that cannot be decoded, expected";
        assert_is_refusal(output, &path, expected);
    }
}

/// Header of a PNG of (2³¹ − 1)² pixels with its checksum, and nothing after it.
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

/// PNG of one colour, encoded without its rows in memory: RGBA of 16 bits, the largest pixel.
#[cfg(target_os = "linux")]
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

/// The largest pictures that are decoded, from files a thousand times smaller, and one that is refused by its header.
#[cfg(target_os = "linux")]
#[test]
fn no_picture_needs_more_than_a_gigabyte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vast.png");
    let program = assert_cmd::cargo::cargo_bin("gpu-train");
    for (width, height, expected) in [
        (8_192, 4_096, "found a picture of one colour"),
        (1 << 18, 128, "found a picture of one colour"),
        (8_192, 4_097, "pixels, more than 33554432 in total"),
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
