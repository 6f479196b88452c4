//! The text of zip-code digits.

use std::path::Path;

use gpu_train::data::{Dataset, zip_code::parse};
use gpu_train::error::Result;
use gpu_train::file::quoted;
use proptest::prelude::*;

fn row(label: &str, values: &[&str]) -> String {
    let mut row = label.to_owned();
    for i in 0..256 {
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
    let text = row("9.0000", &["-1.0000", "1.0000", "-0.6310", "0.0001", "0.5"]) + &row("0", &[]);
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
    let all: Vec<u16> = (0..=20_000).collect();
    for expected in all.chunks(256) {
        let value = |&code: &u16| format!("{:.4}", f64::from(code) / 10_000.0 - 1.0);
        let words: Vec<String> = expected.iter().map(value).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let set = parse_text(row("0", &words).as_bytes()).unwrap();
        assert_eq!(set.codes()[..expected.len()], *expected);
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
    assert_refused("7\n", "line 1: found 1 value, expected 257");
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
        let expected = format!("line 1: found the label {bad}, expected an integer from 0 to 9");
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
