//! Identity of the digits: one hash of all that an engine sees of them.
//!
//! ```
//! use gpu_train::data::{embedded, fingerprint::fingerprint};
//!
//! let mut digits = embedded::digits();
//! let all = fingerprint(&digits);
//! digits.train = digits.train.truncated(100);
//! assert_ne!(all, fingerprint(&digits));
//! ```

use sha2::{Digest, Sha256};

use super::Digits;
use crate::net::PIXELS;

/// SHA-256 in hexadecimal of both sets, the training set's first: of each the number of examples (64 bits), the
/// denominator (16 bits) and the pixel codes (16 bits each), all little-endian, then the labels. Where they come from
/// does not enter.
pub fn fingerprint(digits: &Digits) -> String {
    let mut hash = Sha256::new();
    for set in [&digits.train, &digits.test] {
        hash.update((set.len() as u64).to_le_bytes());
        hash.update(set.denominator().to_le_bytes());
        for image in set.codes().chunks(PIXELS) {
            let bytes = image.iter().flat_map(|code| code.to_le_bytes());
            hash.update(bytes.collect::<Vec<u8>>());
        }
        hash.update(set.labels());
    }
    hexadecimal(&hash.finalize())
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, embedded};

    fn digits(codes: Vec<u16>, denominator: u16, labels: Vec<u8>) -> Digits {
        let set = Dataset::new(codes, denominator, labels);
        Digits {
            train: set.clone(),
            test: set,
            source: "test".into(),
        }
    }

    #[test]
    fn every_part_of_the_digits_changes_it_but_their_source() {
        let base = digits(vec![3; 2 * PIXELS], 100, vec![1, 2]);
        let found = fingerprint(&base);
        assert_eq!(found.len(), 64);
        let renamed = Digits {
            source: "other".into(),
            ..base.clone()
        };
        assert_eq!(fingerprint(&renamed), found);
        let mut pixel = vec![3; 2 * PIXELS];
        pixel[300] = 4;
        let shorter = Digits {
            train: base.train.truncated(1),
            ..base
        };
        for other in [
            digits(pixel, 100, vec![1, 2]),
            digits(vec![3; 2 * PIXELS], 101, vec![1, 2]),
            digits(vec![3; 2 * PIXELS], 100, vec![2, 1]),
            shorter,
        ] {
            assert_ne!(fingerprint(&other), found);
        }
    }

    /// Checked with Python's hashlib on the embedded files, 2026-11-23.
    #[test]
    fn the_embedded_digits_have_theirs() {
        let found = fingerprint(&embedded::digits());
        assert_eq!(
            found,
            "1249cd4794fd90ece135042a7869304088144621711ab1b48229f200e69e9561"
        );
    }
}
