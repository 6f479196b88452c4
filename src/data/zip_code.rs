//! The real digits of 1989 and 1990: scanned zip codes, as published with *The Elements of Statistical Learning*
//! (Hastie, Tibshirani, Friedman) in `zip.train.gz` and `zip.test.gz`.
//!
//! Each line is a label and 256 values from −1 (background) to 1 (ink) with at most four decimals.

use std::io::{BufRead, Read};
use std::path::Path;

use super::{Dataset, Digits};
use crate::error::{Error, Result};
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
            "found {} values, expected {COLUMNS}: a label and {PIXELS} pixels",
            words.len()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(label: &str, values: &[&str]) -> String {
        let mut row = label.to_owned();
        for i in 0..PIXELS {
            row.push(' ');
            row.push_str(values.get(i).unwrap_or(&"-1.0000"));
        }
        row + " \n"
    }

    fn parse_text(text: &[u8]) -> Result<Dataset> {
        parse(text, Path::new("zip.train"), 1 << 20)
    }

    fn assert_refused(text: impl AsRef<[u8]>, expected: &str) {
        let message = parse_text(text.as_ref()).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("zip.train: {expected}")),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn values_are_kept_to_four_decimals_and_labels_may_have_a_point() {
        let text =
            row("9.0000", &["-1.0000", "1.0000", "-0.6310", "0.0001", "0.5"]) + &row("0", &[]);
        let set = parse_text(text.as_bytes()).unwrap();
        assert_eq!(set.labels(), [9, 0]);
        assert_eq!(set.denominator(), 10_000);
        assert_eq!(
            set.image_codes(0)[..6],
            [0, 20_000, 3_690, 10_001, 15_000, 0]
        );
    }

    #[test]
    fn every_published_value_has_its_own_code() {
        for expected in 0..=20_000u16 {
            let word = format!("{:.4}", f64::from(expected) / 10_000.0 - 1.0);
            assert_eq!(code(&word), Some(expected), "{word}");
        }
    }

    #[test]
    fn line_ends_of_other_systems_and_a_missing_last_one_are_fine() {
        let text = row("1", &[]) + &row("2", &[]);
        let windows = text.replace('\n', "\r\n");
        for text in [text.trim_end(), &windows] {
            assert_eq!(parse_text(text.as_bytes()).unwrap().labels(), [1, 2]);
        }
    }

    #[test]
    fn a_line_with_another_number_of_values_is_refused() {
        let good = row("1", &[]);
        assert_refused(
            format!("{good}1 2 3\n"),
            "line 2: found 3 values, expected 257: a label and 256 pixels",
        );
        assert_refused(format!("{good}\n"), "line 2: found 0 values, expected 257");
        let long = format!("{} 0.5\n", good.trim_end());
        assert_refused(long, "line 1: found 258 values, expected 257");
    }

    #[test]
    fn values_that_are_no_pixels_are_refused() {
        for bad in [
            "nan",
            "inf",
            "-inf",
            "1.0001",
            "-1.0001",
            "x",
            "1e9",
            "\u{1b}[31m",
        ] {
            let text = row("1", &["0", "0", bad]);
            let expected = format!("line 1: pixel 2: found {}, expected -1 to 1", quoted(bad));
            assert_refused(text, &expected);
        }
        // Rounding to four decimals takes these to the edge.
        let text = row("1", &["1.00004", "-1.00004"]);
        assert_eq!(
            parse_text(text.as_bytes()).unwrap().codes()[..2],
            [20_000, 0]
        );
    }

    #[test]
    fn labels_that_are_no_digits_are_refused() {
        for bad in ["10", "-1", "3.5", "nan", "inf", "three"] {
            let expected =
                format!("line 1: found the label {bad}, expected an integer from 0 to 9");
            assert_refused(row(bad, &[]), &expected);
        }
    }

    #[test]
    fn files_that_are_no_text_are_refused() {
        assert_refused("", "found an empty file, expected lines of a label");
        assert_refused(
            b"1 \xff\xfe\n",
            "line 1: found bytes that are not text after the first 2, expected UTF-8",
        );
        assert_refused(
            " ".repeat(70_000),
            "line 1: found more than 65536 bytes, expected a label and 256 values",
        );
    }

    #[test]
    fn a_text_past_the_limit_is_refused_and_one_up_to_it_is_read() {
        let text = row("1", &[]).repeat(3);
        let limit = text.len() as u64;
        let parse = |limit| parse(text.as_bytes(), Path::new("zip.test"), limit);
        assert_eq!(parse(limit).unwrap().len(), 3);
        let message = parse(limit - 1).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!(
                "zip.test: line 3: found more than {} bytes up to here",
                limit - 1
            )),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_refused_or_read_but_never_panics(text in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse_text(&text);
        }
    }
}
