//! Hostile files of digits, read by the whole program.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Write;

/// Text with the shortest possible lines, 1/500 of its size when gzipped. It is read up to the limit, within a gigabyte.
#[test]
fn a_bomb_of_zip_code_digits_is_refused_within_a_gigabyte() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("3{}\n", " 0".repeat(256));
    for name in ["zip.train.gz", "zip.test.gz"] {
        let file = File::create(folder.path().join(name)).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
        for _ in 0..(136 << 20) / line.len() {
            gzip.write_all(line.as_bytes()).unwrap();
        }
        gzip.finish().unwrap();
    }
    let program = assert_cmd::cargo::cargo_bin("gpu-train");
    let output = assert_cmd::Command::new("sh")
        .args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh"])
        .arg(program)
        .args(["--device", "cpu", "--zip-code"])
        .arg(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("found more than 134217728 bytes up to here"),
        "{error}"
    );
}
