//! The real digits of 1989 and 1990: scanned zip codes, as published with *The Elements of Statistical Learning*
//! (Hastie, Tibshirani, Friedman) in `zip.train.gz` and `zip.test.gz`.
//!
//! Each line is a label and 256 values from −1 (background) to 1 (ink) with at most four decimals.
//!
//! ```
//! use std::path::Path;
//! use gpu_train::data::zip_code;
//!
//! let line = format!("6.0 {}\n", "-1.0 ".repeat(255) + "0.4321");
//! let set = zip_code::parse(line.as_bytes(), Path::new("zip.train"), 1 << 20)?;
//! assert_eq!(set.labels(), [6]);
//! // Codes are in ten-thousandths, and 0 is −1.
//! assert_eq!(set.image_codes(0)[254..], [0, 14_321]);
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::io::{BufRead, Read};
use std::path::Path;

use super::{Dataset, Digits};
use crate::error::{Error, Result, plural};
use crate::file::{self, quoted};
use crate::net::PIXELS;

/// Codes count in steps of the published precision, so that nothing is lost: value = code / 10,000 − 1.
pub const DENOMINATOR: u16 = 10_000;

/// Values of a line: the label, then the pixels.
const COLUMNS: usize = 1 + PIXELS;
/// The published lines have about 2,000 bytes.
const LINE_LIMIT: u64 = 64 << 10;
/// The published training set is 14 MB of text; this bounds what a gzip bomb can unfold to, and the memory it takes: the
/// shortest lines become as many bytes of codes.
const TEXT_LIMIT: u64 = 128 << 20;

/// Reads `zip.train` and `zip.test`, plain or gzipped, with or without `.gz` at the end of their names. Numbers of
/// examples other than the published 7,291 and 2,007 are fine.
///
/// A value is rounded to four decimals.
///
/// # Errors
/// [`Error::File`], naming the line, if a file is missing, damaged, empty or endless, or a line is not a label from 0
/// to 9 and 256 values from −1 to 1.
pub fn zip_code(folder: &Path) -> Result<Digits> {
    Ok(Digits {
        train: read(folder, "zip.train")?,
        test: read(folder, "zip.test")?,
        source: "zip-code digits of 1989/1990".into(),
    })
}

fn read(folder: &Path, name: &str) -> Result<Dataset> {
    let path = file::find(folder, &[format!("{name}.gz"), name.to_owned()])?;
    let stream = file::open(&path, "zip-code digits")?;
    parse(stream, &path, TEXT_LIMIT)
}

/// Parses a file's text of at most `limit` bytes; `path` is for messages.
///
/// # Errors
/// As [`zip_code`].
pub fn parse(stream: impl BufRead, path: &Path, limit: u64) -> Result<Dataset> {
    // One byte more than the limit tells a text that ends there from one that continues.
    let mut stream = stream.take(limit + 1);
    let (mut codes, mut labels, mut line) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1u64.. {
        line.clear();
        stream
            .by_ref()
            .take(LINE_LIMIT + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| file::read_error(path, &error, "zip-code digits"))?;
        if line.is_empty() {
            break;
        }
        let in_line = |problem| Error::file(path, format!("line {number}: {problem}"));
        if line.len() as u64 > LINE_LIMIT {
            return Err(in_line(format!(
                "found more than {LINE_LIMIT} bytes, expected a label and {PIXELS} values"
            )));
        }
        if stream.limit() == 0 {
            return Err(in_line(format!(
                "found more than {limit} bytes up to here, expected the text to end before"
            )));
        }
        labels.push(parse_line(&line, &mut codes).map_err(in_line)?);
    }
    if labels.is_empty() {
        return Err(Error::file(
            path,
            format!("found an empty file, expected lines of a label and {PIXELS} values"),
        ));
    }
    Ok(Dataset::new(codes, DENOMINATOR, labels))
}

/// Appends the codes of a line's pixels and returns its label, or says what was found and what was expected.
fn parse_line(line: &[u8], codes: &mut Vec<u16>) -> std::result::Result<u8, String> {
    let text = str::from_utf8(line).map_err(|error| {
        format!(
            "found bytes that are not text after the first {}, expected UTF-8",
            error.valid_up_to()
        )
    })?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    if words.len() != COLUMNS {
        return Err(format!(
            "found {}, expected {COLUMNS}: a label and {PIXELS} pixels",
            plural(words.len(), "value")
        ));
    }
    // The published labels are written as `9.0000`.
    let label = words[0].parse::<f64>().ok();
    let digit = label.filter(|label| label.fract() == 0.0 && (0.0..=9.0).contains(label));
    let digit = digit.ok_or_else(|| {
        let found = quoted(words[0]);
        format!("found the label {found}, expected an integer from 0 to 9")
    })?;
    for (pixel, word) in words[1..].iter().enumerate() {
        let code = code(word)
            .ok_or_else(|| format!("pixel {pixel}: found {}, expected -1 to 1", quoted(word)))?;
        codes.push(code);
    }
    Ok(digit as u8)
}

/// The code of a value, unless it is not a number or is outside −1 to 1 by more than rounding to four decimals takes.
fn code(word: &str) -> Option<u16> {
    let value: f64 = word.parse().ok()?;
    let code = ((value + 1.0) * f64::from(DENOMINATOR)).round();
    // Phrased so that NaN fails.
    (0.0..=2.0 * f64::from(DENOMINATOR))
        .contains(&code)
        .then_some(code as u16)
}
