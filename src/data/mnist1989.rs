//! "MNIST as of 1989": as many digits as the 1989 paper had, drawn from MNIST and resized to 16×16.

use std::path::Path;

use super::resize::{CODES_PER_LEVEL, SOURCE_PIXELS, SOURCE_SIDE, resize};
use super::sample::RandomState;
use super::{Dataset, Digits, idx};
use crate::error::{Error, Result};
use crate::file;
use crate::net::PIXELS;

/// Training images of MNIST.
pub const MNIST_TRAIN: usize = 60_000;
/// Test images of MNIST.
pub const MNIST_TEST: usize = 10_000;
/// Training images of 1989.
pub const TRAIN: usize = 7_291;
/// Test images of 1989.
pub const TEST: usize = 2_007;
/// Seed of the reproduction's sample.
pub const SEED: u32 = 1337;
/// Denominator of the resized images: a code is 64 levels, and a level v is v/127.5 − 1.
pub const DENOMINATOR: u16 = CODES_PER_LEVEL / 2 * 255;

/// Indices of MNIST's examples in the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Indices into MNIST's training set, in order.
    pub train: Vec<usize>,
    /// Indices into MNIST's test set, in order.
    pub test: Vec<usize>,
}

/// Draws the sample: both permutations from one stream, the training set's first.
pub fn sample(seed: u32) -> Sample {
    let mut random = RandomState::new(seed);
    let mut train = random.permutation(MNIST_TRAIN);
    let mut test = random.permutation(MNIST_TEST);
    train.truncate(TRAIN);
    test.truncate(TEST);
    Sample { train, test }
}

/// Makes MNIST as of 1989 from the folder of MNIST's four files: 7,291 training and 2,007 test examples.
///
/// The files are IDX, plain or gzipped, under their usual names (`train-images-idx3-ubyte`, also with a dot in front
/// of `idx3`, each also with `.gz`).
///
/// # Errors
/// [`Error::File`] if a file is missing or is not what MNIST has under that name.
pub fn prepare(folder: &Path, seed: u32) -> Result<Digits> {
    let sample = sample(seed);
    let train = IdxPair::read(folder, "train", MNIST_TRAIN)?;
    let test = IdxPair::read(folder, "t10k", MNIST_TEST)?;
    Ok(Digits {
        train: train.resized(&sample.train),
        test: test.resized(&sample.test),
        source: format!("MNIST as of 1989 (seed {seed})"),
    })
}

/// The first `train_examples` of MNIST's training set, resized to 16×16, with the test set of MNIST as of 1989.
///
/// # Errors
/// [`Error::Usage`] if `train_examples` is 0 or above 60,000, and [`Error::File`] as [`prepare`].
pub fn mnist(folder: &Path, train_examples: usize) -> Result<Digits> {
    if !(1..=MNIST_TRAIN).contains(&train_examples) {
        return Err(Error::Usage(format!(
            "--train-examples: found {train_examples}, expected 1 to {MNIST_TRAIN}"
        )));
    }
    let first: Vec<usize> = (0..train_examples).collect();
    let train = IdxPair::read(folder, "train", MNIST_TRAIN)?;
    let test = IdxPair::read(folder, "t10k", MNIST_TEST)?;
    Ok(Digits {
        train: train.resized(&first),
        test: test.resized(&sample(SEED).test),
        source: format!("MNIST, the first {train_examples}"),
    })
}

/// One half of MNIST: images `[example][row][column]` and labels.
struct IdxPair {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl IdxPair {
    fn read(folder: &Path, name: &str, count: usize) -> Result<Self> {
        let images = locate(folder, &format!("{name}-images"), 3)?;
        let labels = locate(folder, &format!("{name}-labels"), 1)?;
        Ok(Self {
            images: idx::read(&images, &[count, SOURCE_SIDE, SOURCE_SIDE])?,
            labels: read_labels(&labels, count)?,
        })
    }

    fn resized(&self, indices: &[usize]) -> Dataset {
        let image = |i: usize| &self.images[i * SOURCE_PIXELS..(i + 1) * SOURCE_PIXELS];
        let mut codes = Vec::with_capacity(indices.len() * PIXELS);
        for &index in indices {
            codes.extend(resize(image(index)));
        }
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Dataset::new(codes, DENOMINATOR, labels)
    }
}

/// Reads a file of N labels.
///
/// # Errors
/// [`Error::File`] as [`idx::read`], and if a label is above 9.
pub fn read_labels(path: &Path, count: usize) -> Result<Vec<u8>> {
    let labels = idx::read::<u8>(path, &[count])?;
    check_labels(path, &labels)?;
    Ok(labels)
}

/// Checks that all labels are digits; `path` is for the message.
pub(super) fn check_labels(path: &Path, labels: &[u8]) -> Result<()> {
    match labels.iter().enumerate().find(|&(_, &label)| label > 9) {
        None => Ok(()),
        Some((index, label)) => Err(Error::file(
            path,
            format!("example {index}: found the label {label}, expected 0 to 9"),
        )),
    }
}

/// Finds one of MNIST's files, under the name its site gives it or that some archives unpack it to.
fn locate(folder: &Path, stem: &str, axes: usize) -> Result<std::path::PathBuf> {
    let names = ["-", "."]
        .map(|separator| format!("{stem}{separator}idx{axes}-ubyte"))
        .into_iter()
        .flat_map(|name| [name.clone(), name + ".gz"])
        .collect::<Vec<_>>();
    file::find(folder, &names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_reproductions() {
        let sample = sample(SEED);
        assert_eq!((sample.train.len(), sample.test.len()), (TRAIN, TEST));
        // From NumPy itself.
        assert_eq!(sample.train[..3], [39_385, 28_837, 35_708]);
        assert_eq!(sample.test[..3], [6_645, 4_938, 6_348]);
        assert_ne!(sample, super::sample(SEED + 1));
    }

    #[test]
    fn a_code_is_a_level_scaled_exactly() {
        for level in [0u16, 1, 127, 128, 255] {
            let code = f64::from(CODES_PER_LEVEL * level);
            let value = code / f64::from(DENOMINATOR) - 1.0;
            assert_eq!(value, f64::from(level) / 127.5 - 1.0);
        }
    }

    #[test]
    fn a_number_of_training_examples_mnist_cannot_give_is_a_usage_error() {
        for count in [0, 60_001] {
            let error = mnist(Path::new("anywhere"), count).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let message = error.to_string();
            assert!(
                message.contains(&format!("found {count}, expected 1 to 60000")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_label_above_nine_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        std::fs::write(&path, idx::encode(&[3], &[0u8, 9, 10])).unwrap();
        let message = read_labels(&path, 3).unwrap_err().to_string();
        assert!(
            message.ends_with("labels: example 2: found the label 10, expected 0 to 9"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_without_mnist_is_refused_with_the_names_it_should_hold() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| prepare(path, SEED).unwrap_err().to_string();
        let empty = message(folder.path());
        assert!(
            empty.contains(
                "found none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz, \
                 train-images.idx3-ubyte, train-images.idx3-ubyte.gz, expected one of them"
            ),
            "{empty}"
        );
        let missing = message(&folder.path().join("none"));
        assert!(
            missing.contains("none: found no such folder, expected one with train-images"),
            "{missing}"
        );
        let path = folder.path().join("a-file");
        std::fs::write(&path, b"").unwrap();
        let file = message(&path);
        assert!(
            file.contains("a-file: found a file, expected a folder with train-images"),
            "{file}"
        );
    }

    #[test]
    fn all_names_of_a_file_are_found_plain_dashed_first() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "train-labels.idx1-ubyte.gz",
            "train-labels.idx1-ubyte",
            "train-labels-idx1-ubyte.gz",
            "train-labels-idx1-ubyte",
        ];
        for name in names {
            std::fs::write(folder.path().join(name), b"").unwrap();
            let found = locate(folder.path(), "train-labels", 1).unwrap();
            assert_eq!(found, folder.path().join(name));
        }
    }
}
