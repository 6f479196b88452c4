//! The digits that come with the program: MNIST as of 1989, made by `gpu-train data prepare`; see `data/README.md`.
//!
//! ```
//! let digits = gpu_train::data::embedded::digits();
//! let ink = |code: &u16| if *code > digits.train.denominator() { '#' } else { '.' };
//! let rows = digits.train.image_codes(0).chunks(16);
//! let drawn: Vec<String> = rows.map(|row| row.iter().map(ink).collect()).collect();
//! println!("{}: a {}", drawn.join("\n"), digits.train.labels()[0]);
//! # assert!(drawn.join("").contains('#'));
//! ```

use std::path::Path;

use flate2::bufread::GzDecoder;

use super::prepare::{FILES, dataset};
use super::{Dataset, Digits, idx, mnist1989};
use crate::error::Result;
use crate::net::SIDE;

/// The contents of the files in `data/`, in the order of [`FILES`].
const CONTENTS: [&[u8]; 4] = [
    include_bytes!("../../data/train-images-idx3-short.gz"),
    include_bytes!("../../data/train-labels-idx1-ubyte.gz"),
    include_bytes!("../../data/test-images-idx3-short.gz"),
    include_bytes!("../../data/test-labels-idx1-ubyte.gz"),
];

/// The embedded digits: 7,291 training and 2,007 test examples.
///
/// # Panics
/// If the program was built with files other than those the tests check.
pub fn digits() -> Digits {
    let decode = |half, count| decode(half, count).expect("the embedded files are intact");
    Digits {
        train: decode(0, mnist1989::TRAIN),
        test: decode(2, mnist1989::TEST),
        source: "MNIST as of 1989 (embedded)".into(),
    }
}

/// Decodes the images at `first` in [`FILES`] and the labels after them.
fn decode(first: usize, count: usize) -> Result<Dataset> {
    let [images, labels] = [first, first + 1].map(|i| Path::new(FILES[i]));
    let unzipped = |index: usize| GzDecoder::new(CONTENTS[index]);
    let codes = idx::decode(unzipped(first), images, &[count, SIDE, SIDE])?;
    let decoded = idx::decode(unzipped(first + 1), labels, &[count])?;
    dataset(images, &codes, labels, decoded)
}
