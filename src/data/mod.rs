//! Digits: 16×16 images with their labels, from the embedded sample, MNIST, or the zip-code files.
//!
//! ```
//! use gpu_train::data::{Dataset, embedded};
//!
//! let digits = embedded::digits();
//! assert_eq!((digits.train.len(), digits.test.len()), (7_291, 2_007));
//!
//! // One's own: 0 is background, twice the denominator full ink.
//! let codes: Vec<u16> = (0..256).map(|pixel| if pixel % 16 == 8 { 510 } else { 0 }).collect();
//! let one = Dataset::new(codes, 255, vec![1]);
//! assert_eq!(one.len(), 1);
//! ```

pub mod embedded;
pub mod examples;
pub mod fingerprint;
pub mod idx;
pub mod mnist1989;
pub mod prepare;
mod record;
pub mod resize;
pub mod zip_code;

use std::sync::Arc;

use crate::net::PIXELS;

pub use examples::{Examples, Repeated};
pub use fingerprint::fingerprint;
pub use record::DigitsRecord;

/// Labelled 16×16 images. A pixel is kept as a small integer code; its value is `code / denominator − 1`, exact for
/// every source: background is 0, full ink `2·denominator`. A clone shares the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    codes: Arc<Vec<u16>>,
    denominator: u16,
    labels: Arc<Vec<u8>>,
}

impl Dataset {
    /// Takes pixel codes (`[example][row][column]`) and labels (0 to 9).
    ///
    /// # Panics
    /// If the lengths do not match, a label is above 9, a code is above `2·denominator`, or there is no example:
    /// readers of files check before.
    pub fn new(codes: Vec<u16>, denominator: u16, labels: Vec<u8>) -> Self {
        assert!(!labels.is_empty(), "at least one example");
        assert_eq!(
            codes.len(),
            labels.len() * PIXELS,
            "{PIXELS} pixels a label"
        );
        assert!(labels.iter().all(|&label| label < 10), "labels 0 to 9");
        let highest = 2 * u32::from(denominator);
        assert!(
            codes.iter().all(|&code| u32::from(code) <= highest),
            "codes in range"
        );
        Self {
            codes: Arc::new(codes),
            denominator,
            labels: Arc::new(labels),
        }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Tells whether it is empty (never).
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All pixel codes, `[example][row][column]`.
    pub fn codes(&self) -> &[u16] {
        &self.codes
    }

    /// The codes of one image, `[row][column]`.
    pub fn image_codes(&self, example: usize) -> &[u16] {
        &self.codes[example * PIXELS..(example + 1) * PIXELS]
    }

    /// Divisor of a code.
    pub fn denominator(&self) -> u16 {
        self.denominator
    }

    /// The labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The first `count` examples (all, if there are fewer).
    pub fn truncated(&self, count: usize) -> Self {
        if count >= self.len() {
            return self.clone();
        }
        self.subset(&(0..count).collect::<Vec<_>>())
    }

    /// The examples of these indices, in this order.
    ///
    /// # Panics
    /// If an index is out of range or there is none.
    pub fn subset(&self, indices: &[usize]) -> Self {
        let mut codes = Vec::with_capacity(indices.len() * PIXELS);
        for &index in indices {
            codes.extend_from_slice(self.image_codes(index));
        }
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Self::new(codes, self.denominator, labels)
    }
}

/// A training set and a test set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// Examples trained on.
    pub train: Dataset,
    /// Examples held out.
    pub test: Dataset,
    /// Human-readable source.
    pub source: String,
}

/// A source of digits, as far as published figures go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// MNIST as of 1989, the essay's digits.
    Mnist1989,
    /// The first N of MNIST's training images.
    Mnist(usize),
    /// The paper's own digits.
    ZipCode,
}
