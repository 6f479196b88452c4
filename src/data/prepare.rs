//! Writing and reading a set of digits as four gzipped IDX files, as the embedded sample is kept.
//!
//! ```
//! use std::path::Path;
//! use gpu_train::data::prepare;
//!
//! // `gpu-train data prepare` with a folder that has no MNIST.
//! let error = prepare::run(Path::new("no/mnist/here"), Path::new("out"), 1337).unwrap_err();
//! assert!(error.to_string().contains("no/mnist/here"));
//! assert!(prepare::sha256(b"abc").starts_with("ba7816bf"));
//! ```

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::fingerprint::hexadecimal;
use super::{Dataset, Digits, idx, mnist1989};
use crate::error::{Error, Result};
use crate::file;
use crate::net::SIDE;

/// Names of the four files: training images and labels, test images and labels.
///
/// Images are signed 16-bit integers, `[example][row][column]`: 64 times the resized level (0 to 255). Labels are bytes.
pub const FILES: [&str; 4] = [
    "train-images-idx3-short.gz",
    "train-labels-idx1-ubyte.gz",
    "test-images-idx3-short.gz",
    "test-labels-idx1-ubyte.gz",
];

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Path of the file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// Makes MNIST as of 1989 from the folder of MNIST's files and writes it as [`FILES`] into `out`, which is created if
/// need be. The same input and seed give the same bytes; each file is replaced as a whole or not at all.
///
/// # Errors
/// [`Error::File`] as [`mnist1989::prepare`], or if a file cannot be written.
pub fn run(mnist: &Path, out: &Path, seed: u32) -> Result<Vec<Written>> {
    let digits = mnist1989::prepare(mnist, seed)?;
    file::create_folder(out)?;
    file::remove_leftovers_in(out);
    // All are encoded before the first is written: what can fail early does.
    FILES
        .iter()
        .zip(encode(&digits))
        .map(|(name, bytes)| {
            let path = out.join(name);
            file::write_atomically(&path, &bytes)?;
            Ok(Written {
                path,
                bytes: bytes.len(),
                sha256: sha256(&bytes),
            })
        })
        .collect()
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The contents of [`FILES`], in their order.
fn encode(digits: &Digits) -> Vec<Vec<u8>> {
    let short = |&code: &u16| i16::try_from(code).expect("MNIST's codes end at 16,320");
    let half = |set: &Dataset| {
        let codes: Vec<i16> = set.codes().iter().map(short).collect();
        let images = idx::encode_gzip(&[set.len(), SIDE, SIDE], &codes);
        [images, idx::encode_gzip(&[set.len()], set.labels())]
    };
    [half(&digits.train), half(&digits.test)].concat()
}

/// Takes a set of digits from the pixel codes and labels of such files; `images` is for messages.
///
/// # Errors
/// [`Error::File`] if a code or a label is out of range.
///
/// # Panics
/// If the lengths do not match: the caller has read both with the same number of examples.
pub fn dataset(
    images: &Path,
    codes: &[i16],
    labels_path: &Path,
    labels: Vec<u8>,
) -> Result<Dataset> {
    let highest = 2 * mnist1989::DENOMINATOR;
    let codes = codes.iter().enumerate().map(|(index, &code)| {
        let in_range = u16::try_from(code).ok().filter(|&code| code <= highest);
        in_range.ok_or_else(|| {
            let problem = format!("pixel {index}: found {code}, expected 0 to {highest}");
            Error::file(images, problem)
        })
    });
    let codes = codes.collect::<Result<Vec<u16>>>()?;
    mnist1989::check_labels(labels_path, &labels)?;
    Ok(Dataset::new(codes, mnist1989::DENOMINATOR, labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::PIXELS;

    #[test]
    fn a_pixel_out_of_range_is_refused() {
        for code in [-1, 16_321] {
            let mut codes = [0; PIXELS];
            codes[7] = code;
            let (images, labels) = (Path::new("images"), Path::new("labels"));
            let error = dataset(images, &codes, labels, vec![3]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("images: pixel 7: found {code}, expected 0 to 16320")
            );
        }
    }
}
