//! `--tensorboard`: the scalars have the reproduction's tags and steps, and equal `--metrics`.

use std::collections::BTreeMap;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use prost::Message;
use serde_json::Value;

use super::{gpu_train, python};

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// CRC-32C, computed bit by bit, with the mask of the format.
fn masked_checksum(bytes: &[u8]) -> u32 {
    let mut register = u32::MAX;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = register & 1;
            register = (register >> 1) ^ (carry * 0x82f6_3b78);
        }
    }
    let crc = !register;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Reads the events of a file and verifies every checksum.
fn events(mut bytes: &[u8]) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or("a torn length")?;
        let (checksum, rest) = rest.split_first_chunk::<4>().ok_or("a torn checksum")?;
        if masked_checksum(length) != u32::from_le_bytes(*checksum) {
            return Err(format!("record {}: the length's checksum", events.len()));
        }
        let length = u64::from_le_bytes(*length) as usize;
        let (message, rest) = rest.split_at_checked(length).ok_or("a torn message")?;
        let (checksum, rest) = rest.split_first_chunk::<4>().ok_or("a torn checksum")?;
        if masked_checksum(message) != u32::from_le_bytes(*checksum) {
            return Err(format!("record {}: the message's checksum", events.len()));
        }
        events.push(Event::decode(message).map_err(|error| error.to_string())?);
        bytes = rest;
    }
    Ok(events)
}

/// Returns the only file of a folder.
fn only_file(folder: &Path) -> Result<std::path::PathBuf, Failed> {
    let files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    match &files[..] {
        [file] => Ok(file.path()),
        _ => Err(format!("{} files in {}", files.len(), folder.display()).into()),
    }
}

/// Runs with events and metrics. Returns the rows of metrics after the first.
fn log(folder: &Path, arguments: &[&str]) -> Result<Vec<Value>, Failed> {
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let (metrics, events) = (path("metrics.jsonl"), path("runs/a"));
    let logs = [
        "--no-baseline",
        "--metrics",
        &metrics,
        "--tensorboard",
        &events,
    ];
    gpu_train(&[arguments, &logs].concat())?;
    let rows = std::fs::read_to_string(&metrics)?;
    let rows: Result<Vec<Value>, _> = rows.lines().skip(1).map(serde_json::from_str).collect();
    Ok(rows?)
}

/// Compares the events of a run with its metrics; `epochs` are the expected steps, `rates` the learning rates.
fn compare(arguments: &[&str], epochs: &[i64], rates: &[f32]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let rows = log(folder.path(), arguments)?;
    let file = only_file(&folder.path().join("runs/a"))?;
    let name = file.file_name().expect("a name").to_string_lossy();
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    let bytes = std::fs::read(&file)?;
    let events = events(&bytes)?;
    assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
    assert!(events.iter().all(|event| event.wall_time > 1.7e9));
    let events = &events[1..];
    assert_eq!(
        (events.len(), rows.len()),
        (epochs.len(), epochs.len()),
        "evaluations"
    );
    for (((event, row), epoch), rate) in events.iter().zip(&rows).zip(epochs).zip(rates) {
        assert_eq!(event.step, *epoch);
        let values = &event.summary.as_ref().expect("scalars").value;
        let got: BTreeMap<_, _> = values
            .iter()
            .map(|value| (value.tag.as_str(), value.simple_value.expect("a value")))
            .collect();
        let number = |split: &str, key: &str| row[split][key].as_f64().expect("a number");
        let error = |split| (100.0 * number(split, "error")) as f32;
        let loss = |split| number(split, "loss") as f32;
        let want = BTreeMap::from([
            ("error/test", error("test")),
            ("error/train", error("train")),
            ("learning_rate", *rate),
            ("loss/test", loss("test")),
            ("loss/train", loss("train")),
        ]);
        assert_eq!(got, want);
    }
    Ok(())
}

fn an_epoch_of_batch_1_is_a_step() -> Result<(), Failed> {
    let arguments = ["--per-example", "--passes", "2"];
    compare(&arguments, &[0, 1], &[0.03, 0.03])
}

fn an_update_of_the_full_batch_is_a_step() -> Result<(), Failed> {
    let arguments = "--full-batch --device cpu --steps 3 --eval-every 2 --optimizer adamw \
        --schedule linear --warmup 0 --learning-rate 0.03 --final-learning-rate 0.01";
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    // The rates of the second and the third of three updates.
    compare(&arguments, &[1, 2], &[0.02, 0.01])
}

fn a_flipped_bit_is_detected() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    log(
        folder.path(),
        &["--full-batch", "--device", "cpu", "--steps", "1"],
    )?;
    let whole = std::fs::read(only_file(&folder.path().join("runs/a"))?)?;
    events(&whole)?;
    for index in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 4;
        if events(&damaged).is_ok() {
            return Err(format!("a bit of byte {index} was flipped: found no error").into());
        }
    }
    Ok(())
}

fn a_folder_that_cannot_be_created_is_named() -> Result<(), Failed> {
    let file = tempfile::NamedTempFile::new()?;
    let path = file.path().to_str().expect("UTF-8");
    let arguments = ["--device", "cpu", "--steps", "1", "--tensorboard", path];
    let error = gpu_train(&arguments).expect_err("no folder can be there");
    let message = error.message().unwrap_or_default();
    assert!(
        message.contains("expected a folder for events"),
        "{message}"
    );
    Ok(())
}

fn tensorboard_reads_them(python: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    log(folder.path(), &["--per-example", "--passes", "2"])?;
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let arguments = [&path("runs/a")[..], &path("metrics.jsonl")];
    let text = python::run(python, "check-tensorboard.py", &arguments)?;
    assert!(text.contains("2 evaluations"), "{text}");
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "tensorboard::an_epoch_of_batch_1_is_a_step",
            an_epoch_of_batch_1_is_a_step,
        ),
        Trial::test(
            "tensorboard::an_update_of_the_full_batch_is_a_step",
            an_update_of_the_full_batch_is_a_step,
        ),
        Trial::test(
            "tensorboard::a_flipped_bit_is_detected",
            a_flipped_bit_is_detected,
        ),
        Trial::test(
            "tensorboard::a_folder_that_cannot_be_created_is_named",
            a_folder_that_cannot_be_created_is_named,
        ),
        python::trial(
            "tensorboard::tensorboard_reads_them",
            "tensorboard",
            tensorboard_reads_them,
        ),
    ]
}
