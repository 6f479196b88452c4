//! Digits in the form of `--zip-code`, for trainings of milliseconds.

use std::fs;
use std::path::Path;

/// Zip-code files of N made-up training examples; the test set has one label only.
pub fn digits(folder: &Path, test_label: u8) {
    let row = |label: u8, at: usize| {
        let pixels = (0..256).map(|pixel| {
            if (pixel + at) % 11 < usize::from(label) + 1 {
                "1"
            } else {
                "-1"
            }
        });
        format!("{label}.0 {}\n", pixels.collect::<Vec<_>>().join(" "))
    };
    let train: String = (0..120).map(|at| row((at % 10) as u8, at)).collect();
    let test: String = (0..10).map(|at| row(test_label, at)).collect();
    fs::write(folder.join("zip.train"), train).unwrap();
    fs::write(folder.join("zip.test"), test).unwrap();
}
