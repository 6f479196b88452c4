//! "MNIST as of 1989": as many digits as the 1989 paper had, drawn from MNIST and resized to 16×16.
//!
//! ```
//! use gpu_train::data::mnist1989;
//!
//! // The images of MNIST that the reproduction trains on.
//! let sample = mnist1989::sample(mnist1989::SEED);
//! assert_eq!((sample.train.len(), sample.test.len()), (7_291, 2_007));
//! assert!(sample.train.iter().all(|&index| index < mnist1989::MNIST_TRAIN));
//! ```

use std::path::Path;

use rand_mt::Mt;

use super::resize::{CODES_PER_LEVEL, SOURCE_PIXELS, SOURCE_SIDE, resize};
use super::{Dataset, Digits, idx};
use crate::error::{Error, Result};
use crate::file;

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
/// Validation digits of a search on MNIST, where that many are left.
pub const VALIDATION: usize = 10_000;
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

/// Draws the sample as NumPy's legacy generator does, so that the reproduction's very examples come out: both
/// permutations from one stream, the training set's first.
pub fn sample(seed: u32) -> Sample {
    // A single integer goes to init_genrand, not to init_by_array (NumPy's `_legacy_seeding`).
    let mut words = Mt::new(seed);
    let mut first = |count, of| {
        let mut order = permutation(&mut words, of);
        order.truncate(count);
        order
    };
    Sample {
        train: first(TRAIN, MNIST_TRAIN),
        test: first(TEST, MNIST_TEST),
    }
}

/// NumPy's `permutation(count)`: 0 to count − 1, shuffled from the end (Fisher–Yates).
fn permutation(words: &mut Mt, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // `random_interval(last)`: uniform in 0 to `last`, by rejecting masked words above it.
        let mask = u32::MAX >> (last as u32).leading_zeros();
        let mut masked = std::iter::repeat_with(|| (words.next_u32() & mask) as usize);
        order.swap(last, masked.find(|&word| word <= last).expect("endless"));
    }
    order
}

/// Makes MNIST as of 1989 from the folder of MNIST's four files: 7,291 training and 2,007 test examples.
///
/// The files are IDX, plain or gzipped, under their usual names (`train-images-idx3-ubyte`, also with a dot in front
/// of `idx3`, each also with `.gz`).
///
/// # Errors
/// [`Error::File`] if a file is missing or is not what MNIST has under that name.
pub fn prepare(folder: &Path, seed: u32) -> Result<Digits> {
    let Sample { train, test } = sample(seed);
    let source = format!("MNIST as of 1989 (seed {seed})");
    read(folder, &train, &test, source)
}

/// The first `train_examples` of MNIST's training set, resized to 16×16, with the test set of MNIST as of 1989.
///
/// # Errors
/// [`Error::Usage`] if `train_examples` is 0 or above 60,000, and [`Error::File`] as [`prepare`].
pub fn mnist(folder: &Path, train_examples: usize) -> Result<Digits> {
    let first = first(train_examples, MNIST_TRAIN, "")?;
    let source = format!("MNIST, the first {train_examples}");
    read(folder, &first, &sample(SEED).test, source)
}

/// The first `count` indices of MNIST's training set, at most `most`; `why` explains that limit.
fn first(count: usize, most: usize, why: &str) -> Result<Vec<usize>> {
    if !(1..=most).contains(&count) {
        return Err(Error::Usage(format!(
            "--train-examples: found {count}, expected 1 to {most}{why}"
        )));
    }
    Ok((0..count).collect())
}

/// Indices of MNIST's training set: examples to train on, and others to validate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// Examples to train on.
    pub train: Vec<usize>,
    /// Examples to validate on, ascending; none is trained on.
    pub validation: Vec<usize>,
}

/// Trains on the first `train_examples` of MNIST's training set, or on the training set of MNIST as of 1989. Of the
/// others, evenly spaced ones in MNIST's order are for validation: `validation_examples`, or [`VALIDATION`] if there are.
///
/// # Errors
/// [`Error::Usage`] for a number that MNIST's 60,000 training images cannot give.
pub fn hold_out(
    train_examples: Option<usize>,
    validation_examples: Option<usize>,
) -> Result<HeldOut> {
    let why = " (some must be left to validate on)";
    let train = match train_examples {
        Some(count) => first(count, MNIST_TRAIN - 1, why)?,
        None => sample(SEED).train,
    };
    let mut is_other = vec![true; MNIST_TRAIN];
    train.iter().for_each(|&index| is_other[index] = false);
    let others: Vec<usize> = (0..MNIST_TRAIN).filter(|&index| is_other[index]).collect();
    let count = validation_examples.unwrap_or(VALIDATION.min(others.len()));
    if !(1..=others.len()).contains(&count) {
        return Err(Error::Usage(format!(
            "--validation-examples: found {count}, expected 1 to {} (MNIST's training images that are not trained on)",
            others.len()
        )));
    }
    let at = |number| others[number * others.len() / count];
    let validation = (0..count).map(at).collect();
    Ok(HeldOut { train, validation })
}

/// The digits of [`hold_out`], those for validation in place of the test set. MNIST's test files are not read.
///
/// # Errors
/// As [`hold_out`], and [`Error::File`] as [`prepare`].
pub fn held_out(
    folder: &Path,
    train_examples: Option<usize>,
    validation_examples: Option<usize>,
) -> Result<Digits> {
    let HeldOut { train, validation } = hold_out(train_examples, validation_examples)?;
    let trained = match train_examples {
        Some(count) => format!("MNIST, the first {count}"),
        None => format!("MNIST as of 1989 (seed {SEED})"),
    };
    let source = format!("{trained}, validated on {} others", validation.len());
    let [train, test] = half(folder, ("train", MNIST_TRAIN), [&train, &validation])?;
    Ok(Digits {
        train,
        test,
        source,
    })
}

/// The examples of these indices of MNIST's training and test set.
fn read(folder: &Path, train: &[usize], test: &[usize], source: String) -> Result<Digits> {
    let [train] = half(folder, ("train", MNIST_TRAIN), [train])?;
    let [test] = half(folder, ("t10k", MNIST_TEST), [test])?;
    Ok(Digits {
        train,
        test,
        source,
    })
}

/// Sets of examples of one half of MNIST, which has `count`, by their indices.
fn half<const SETS: usize>(
    folder: &Path,
    (name, count): (&str, usize),
    sets: [&[usize]; SETS],
) -> Result<[Dataset; SETS]> {
    let images = locate(folder, &format!("{name}-images"), 3)?;
    let labels_path = locate(folder, &format!("{name}-labels"), 1)?;
    let pixels: Vec<u8> = idx::read(&images, &[count, SOURCE_SIDE, SOURCE_SIDE])?;
    let labels: Vec<u8> = idx::read(&labels_path, &[count])?;
    check_labels(&labels_path, &labels)?;
    let image = |&index: &usize| resize(&pixels[index * SOURCE_PIXELS..][..SOURCE_PIXELS]);
    Ok(sets.map(|indices| {
        let codes = indices.iter().flat_map(image).collect();
        let labels = indices.iter().map(|&index| labels[index]).collect();
        Dataset::new(codes, DENOMINATOR, labels)
    }))
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
    fn a_code_is_a_level_scaled_exactly() {
        for level in [0u16, 1, 127, 128, 255] {
            let code = f64::from(CODES_PER_LEVEL * level);
            let value = code / f64::from(DENOMINATOR) - 1.0;
            assert_eq!(value, f64::from(level) / 127.5 - 1.0);
        }
    }

    #[test]
    fn validation_digits_are_evenly_spaced_over_those_not_trained_on() {
        for (train_examples, wanted, count, others) in [
            (None, None, VALIDATION, MNIST_TRAIN - TRAIN),
            (None, Some(52_709), 52_709, MNIST_TRAIN - TRAIN),
            (None, Some(1), 1, MNIST_TRAIN - TRAIN),
            (Some(50_000), None, 10_000, 10_000),
            (Some(50_000), Some(300), 300, 10_000),
            (Some(59_999), None, 1, 1),
        ] {
            let found = hold_out(train_examples, wanted).unwrap();
            let expected = train_examples.map_or(sample(SEED).train, |n| (0..n).collect());
            assert_eq!(found.train, expected);
            let validation = &found.validation;
            assert_eq!(validation.len(), count);
            assert!(validation.is_sorted_by(|a, b| a < b));
            assert!(validation.iter().all(|&index| index < MNIST_TRAIN));
            assert!(
                !found
                    .train
                    .iter()
                    .any(|index| validation.binary_search(index).is_ok())
            );
            // Their places among the others are evenly spaced, so those in MNIST are nearly so.
            let mut trained = found.train.clone();
            trained.sort_unstable();
            let place = |&index: &usize| index - trained.partition_point(|&other| other < index);
            let places = validation.iter().map(place).enumerate();
            for (number, place) in places {
                assert_eq!(place, number * others / count);
            }
        }
    }

    #[test]
    fn digits_that_are_not_there_cannot_validate() {
        for (train_examples, validation_examples, expected) in [
            (
                None,
                Some(0),
                "--validation-examples: found 0, expected 1 to 52709",
            ),
            (
                None,
                Some(52_710),
                "--validation-examples: found 52710, expected 1 to 52709",
            ),
            (
                Some(59_000),
                Some(1_001),
                "--validation-examples: found 1001, expected 1 to 1000",
            ),
            (
                Some(60_000),
                None,
                "--train-examples: found 60000, expected 1 to 59999",
            ),
            (
                Some(0),
                None,
                "--train-examples: found 0, expected 1 to 59999",
            ),
        ] {
            let error = hold_out(train_examples, validation_examples).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
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
