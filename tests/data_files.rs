//! Files that are not what they should be are refused in one line that says what was found and what was expected.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use gpu_train::data::{Dataset, idx, mnist1989, prepare, zip_code};
use gpu_train::net::SIDE;

use crate::common::made_up_mnist;

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
}

/// Checks a refusal: one line that starts with the file's path and continues as expected.
fn assert_refused<T: std::fmt::Debug>(
    result: gpu_train::error::Result<T>,
    path: &Path,
    expected: &str,
) {
    let error = result.expect_err(expected);
    let message = error.to_string();
    let start = format!("{}: {expected}", path.display());
    assert!(message.starts_with(&start), "{message}");
    assert!(message.contains("expected"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn the_committed_files_have_the_hashes_their_readme_gives() {
    let readme = fs::read_to_string(committed("README.md")).unwrap();
    for name in prepare::FILES {
        let hash = prepare::sha256(&fs::read(committed(name)).unwrap());
        assert!(
            readme.contains(&format!("{hash}  {name}\n")),
            "{name}: {hash}"
        );
    }
}

#[test]
fn the_drawn_indices_are_numpys() {
    let sample = mnist1989::sample(mnist1989::SEED);
    assert_ne!(sample, mnist1989::sample(mnist1989::SEED + 1));
    let ends = |indices: &[usize]| (indices[..5].to_vec(), indices[indices.len() - 3..].to_vec());
    assert_eq!(
        ends(&sample.train),
        (
            vec![39_385, 28_837, 35_708, 53_829, 27_273],
            vec![13_971, 35_655, 13_956]
        )
    );
    assert_eq!(
        ends(&sample.test),
        (
            vec![6_645, 4_938, 6_348, 2_409, 5_710],
            vec![5_636, 6_970, 6_831]
        )
    );
}

/// A file of MNIST's name and shape whose elements are all zero; sparse, so that it takes no space.
fn zeros(folder: &Path, name: &str, header: &[u8], elements: u64) -> PathBuf {
    let path = folder.join(name);
    let mut file = File::create(&path).unwrap();
    file.write_all(header).unwrap();
    file.set_len(header.len() as u64 + elements).unwrap();
    path
}

/// The header of an IDX file of unsigned bytes.
fn header(shape: &[u32]) -> Vec<u8> {
    let axes = shape.iter().flat_map(|axis| axis.to_be_bytes());
    [0, 0, 8, shape.len() as u8]
        .into_iter()
        .chain(axes)
        .collect()
}

/// A folder with files of MNIST's names and shapes: pixels and labels that depend on the example, so that a mix-up
/// shows.
fn stand_in() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    made_up_mnist(folder.path());
    folder
}

/// Checks an example against the substitute's rule, bilinearly in f64.
fn assert_is_stand_in(set: &Dataset, example: usize, index: usize) {
    assert_eq!(usize::from(set.labels()[example]), index * 7 % 10);
    let source = |row: usize, column: usize| {
        let i = (index * 784 + row * 28 + column) as u32;
        f64::from((i.wrapping_mul(2_654_435_761) >> 24) as u8)
    };
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
    for (i, &code) in set.image_codes(example).iter().enumerate() {
        let [y, x] = [i / SIDE, i % SIDE].map(|target| (target as f64 + 0.5) * 1.75 - 0.5);
        let (row, column) = (y as usize, x as usize);
        let upper = mix(source(row, column), source(row, column + 1), x.fract());
        let lower = mix(
            source(row + 1, column),
            source(row + 1, column + 1),
            x.fract(),
        );
        let value = mix(upper, lower, y.fract()) / 127.5 - 1.0;
        let found = f64::from(code) / f64::from(set.denominator()) - 1.0;
        // Both are rounded once or twice near 1; codes differ by 1.2e-4.
        assert!(
            (found - value).abs() <= 1e-12,
            "pixel {i}: {found}, {value}"
        );
    }
}

#[test]
fn drawing_takes_the_sampled_images_and_labels_in_order() {
    let folder = stand_in();
    let digits = mnist1989::prepare(folder.path(), 7).unwrap();
    let sample = mnist1989::sample(7);
    for (set, indices) in [(&digits.train, &sample.train), (&digits.test, &sample.test)] {
        assert_eq!(set.len(), indices.len());
        for example in [0, 1, 64, set.len() - 1] {
            assert_is_stand_in(set, example, indices[example]);
        }
    }
    let first = mnist1989::mnist(folder.path(), 50_000).unwrap();
    assert_eq!(first.train.len(), 50_000);
    for example in [0, 1, 49_999] {
        assert_is_stand_in(&first.train, example, example);
    }
    // The test set stays the one of 1989, whatever the training set.
    let sample = mnist1989::sample(mnist1989::SEED);
    assert_eq!(first.test.len(), mnist1989::TEST);
    assert_is_stand_in(&first.test, 5, sample.test[5]);

    // A search has no use for the files of the test set.
    for name in ["t10k-images-idx3-ubyte", "t10k-labels.idx1-ubyte.gz"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    for (train_examples, count) in [(None, 70), (Some(59_990), 10)] {
        let indices = mnist1989::hold_out(train_examples, Some(count)).unwrap();
        let digits = mnist1989::held_out(folder.path(), train_examples, Some(count)).unwrap();
        let validation = (&digits.test, indices.validation);
        for (set, indices) in [(&digits.train, indices.train), validation] {
            assert_eq!(set.len(), indices.len());
            for example in [0, 1, set.len() - 1] {
                assert_is_stand_in(set, example, indices[example]);
            }
        }
    }
}

#[test]
fn files_that_are_not_mnists_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let prepare = || mnist1989::prepare(folder, mnist1989::SEED);
    let expected = "found none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz, train-images.idx3-ubyte, \
                    train-images.idx3-ubyte.gz, expected one of them";
    assert_refused(prepare(), folder, expected);
    for (name, expected) in [
        (
            "none",
            "found no such folder, expected one with train-images",
        ),
        (
            "a-file",
            "found a file, expected a folder with train-images",
        ),
    ] {
        let path = folder.join(name);
        fs::write(folder.join("a-file"), b"").unwrap();
        assert_refused(mnist1989::prepare(&path, 1), &path, expected);
    }

    let path = zeros(
        folder,
        "train-images-idx3-ubyte",
        &header(&[60_000, 32, 32]),
        0,
    );
    let expected = "found none of train-labels-idx1-ubyte";
    assert_refused(prepare(), folder, expected);

    zeros(
        folder,
        "train-labels-idx1-ubyte",
        &header(&[60_000]),
        60_000,
    );
    let expected = "found the shape 60000×32×32, expected an IDX file of 60000×28×28";
    assert_refused(prepare(), &path, expected);

    zeros(
        folder,
        "train-images-idx3-ubyte",
        &header(&[60_000, 28, 28]),
        5,
    );
    let expected = "found 5 bytes of 47040000 after the header";
    assert_refused(prepare(), &path, expected);

    let pixels = 60_000 * 784;
    zeros(
        folder,
        "train-images-idx3-ubyte",
        &header(&[60_000, 28, 28]),
        pixels + 1,
    );
    let expected = "found more than 47040000 bytes after the header";
    assert_refused(prepare(), &path, expected);

    zeros(
        folder,
        "train-images-idx3-ubyte",
        &header(&[60_000, 28, 28]),
        pixels,
    );
    let path = zeros(
        folder,
        "train-labels-idx1-ubyte",
        &header(&[59_999]),
        59_999,
    );
    let expected = "found the shape 59999, expected an IDX file of 60000 unsigned bytes";
    assert_refused(prepare(), &path, expected);

    let labels: Vec<u8> = (0..60_000).map(|i| if i == 321 { 10 } else { 9 }).collect();
    fs::write(&path, idx::encode(&[60_000], &labels)).unwrap();
    let expected = "example 321: found the label 10, expected 0 to 9";
    assert_refused(prepare(), &path, expected);

    fs::write(&path, b"<html>not found</html>").unwrap();
    let expected = "found the magic number 3c 68 74 6d";
    assert_refused(prepare(), &path, expected);
}

#[test]
fn a_number_of_training_examples_mnist_cannot_give_is_a_usage_error() {
    for count in [0, 60_001] {
        let error = mnist1989::mnist(Path::new("anywhere"), count).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        let expected = format!("found {count}, expected 1 to 60000");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_refused_preparation_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    prepare::run(folder.path(), &out, mnist1989::SEED).unwrap_err();
    assert!(!out.exists());
}

#[test]
fn zip_code_files_are_read_plain_and_gzipped_and_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |label: &str| format!("{label}.0000{}\n", " 0.2500".repeat(256));
    assert_refused(
        zip_code::zip_code(folder),
        folder,
        "found none of zip.train.gz, zip.train",
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all((row("6") + &row("5")).as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let train = folder.join("zip.train.gz");
    fs::write(&train, &gzip).unwrap();
    fs::write(folder.join("zip.test"), row("3")).unwrap();
    let digits = zip_code::zip_code(folder).unwrap();
    assert_eq!(digits.train.labels(), [6, 5]);
    assert_eq!(digits.test.labels(), [3]);
    assert!(digits.train.codes().iter().all(|&code| code == 12_500));
    assert_eq!(digits.train.denominator(), 10_000);

    fs::write(&train, &gzip[..gzip.len() - 9]).unwrap();
    let expected = "found a gzip file that breaks off, expected zip-code digits";
    assert_refused(zip_code::zip_code(folder), &train, expected);
    fs::write(&train, row("6") + "7 1 2\n").unwrap();
    let expected = "line 2: found 3 values, expected 257";
    assert_refused(zip_code::zip_code(folder), &train, expected);
}
