//! The digits that come with the program: MNIST as of 1989, made by `gpu-train data prepare`; see `data/README.md`.

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
    let [images, labels] = [first, first + 1].map(|i| (Path::new(FILES[i]), CONTENTS[i]));
    let codes = idx::decode(
        std::io::BufReader::new(GzDecoder::new(images.1)),
        images.0,
        &[count, SIDE, SIDE],
    )?;
    let decoded = idx::decode(
        std::io::BufReader::new(GzDecoder::new(labels.1)),
        labels.0,
        &[count],
    )?;
    dataset(images.0, &codes, labels.0, decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_digits_are_complete_and_of_every_class() {
        let digits = digits();
        assert_eq!((digits.train.len(), digits.test.len()), (7_291, 2_007));
        for set in [&digits.train, &digits.test] {
            assert_eq!(set.denominator(), 8_160);
            for digit in 0..10 {
                let count = set.labels().iter().filter(|&&label| label == digit).count();
                let share = count as f64 / set.len() as f64;
                assert!((0.07..0.13).contains(&share), "{digit}: {share}");
            }
            let ink = set.codes().iter().filter(|&&code| code > 8_160).count();
            let share = ink as f64 / set.codes().len() as f64;
            // An eighth of the pixels (0.13) is more ink than paper.
            assert!((0.08..0.2).contains(&share), "{share}");
        }
    }
}
