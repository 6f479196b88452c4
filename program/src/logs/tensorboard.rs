//! `--tensorboard DIR`: the reproduction's scalars as an event file of TensorBoard.
//!
//! A file is a sequence of records: length (u64), its checksum, the message, its checksum; all little-endian. The messages
//! are declared here field by field, because the Rust crate for the format is no longer maintained.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc, Table};
use prost::Message;

use gpu_train::error::{Error, Result};
use gpu_train::recipe::Recipe;
use gpu_train::train::Point;

/// CRC-32C, the checksum of the format.
const CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
/// Version string in the first record of a file.
const FILE_VERSION: &str = "brain.Event:2";

/// Record: `tensorflow.Event` with the fields used here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
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

/// `tensorflow.Summary.Value` of one number.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    // Optional, because a plain field omits zero, and zero misses is a value.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An open event file.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
    recipe: Recipe,
    examples: usize,
}

impl TensorBoard {
    /// Creates the folder if it is missing, and an event file with a new name in it, for a run of this recipe on `examples`
    /// training examples.
    ///
    /// # Errors
    /// [`Error::File`] if they cannot be written.
    pub fn create(folder: &Path, recipe: &Recipe, examples: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| {
            let problem =
                format!("found that it cannot be created ({error}), expected a folder for events");
            Error::file(folder, problem)
        })?;
        let path = folder.join(file_name());
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| Error::file(&path, error))?;
        let mut board = Self {
            path,
            file,
            recipe: recipe.clone(),
            examples,
        };
        board.write(&Event {
            wall_time: now(),
            file_version: Some(FILE_VERSION.into()),
            ..Event::default()
        })?;
        Ok(board)
    }

    /// Writes one evaluation: error in percent and loss of both splits under the reproduction's tags, and the learning rate of
    /// the latest update. As in the reproduction, the step is the epoch, counted from 0.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn row(&mut self, point: &Point) -> Result<()> {
        let last = u64::from(point.step).saturating_sub(1);
        let epoch = last / self.recipe.updates_per_epoch(self.examples);
        let rate = self.recipe.learning_rate_at(last, self.examples);
        let scalar = |tag: &str, value: f64| Scalar {
            tag: tag.into(),
            simple_value: Some(value as f32),
        };
        let value = vec![
            scalar("error/train", 100.0 * point.train.error()),
            scalar("loss/train", point.train.loss),
            scalar("error/test", 100.0 * point.test.error()),
            scalar("loss/test", point.test.loss),
            scalar("learning_rate", rate),
        ];
        self.write(&Event {
            wall_time: now(),
            // Below 2³², because the number of updates is.
            step: epoch as i64,
            summary: Some(Summary { value }),
            ..Event::default()
        })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        // One write per record: a reader never sees a partial record.
        self.file
            .write_all(&record(&event.encode_to_vec()))
            .and_then(|()| self.file.flush())
            .map_err(|error| Error::file(&self.path, error))
    }
}

/// File name that sorts by time and is unique per run. TensorBoard looks for `tfevents` in it.
fn file_name() -> String {
    let host = gethostname::gethostname();
    let host = host.to_string_lossy().replace(['/', '\\'], "_");
    let (seconds, process) = (now() as u64, std::process::id());
    format!("events.out.tfevents.{seconds:010}.{host}.{process}")
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |duration| duration.as_secs_f64())
}

/// Message with its frame.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked_checksum(&length).to_le_bytes(),
        message,
        &masked_checksum(message).to_le_bytes(),
    ]
    .concat()
}

/// CRC-32C, rotated and offset so that checksums of data that contains checksums stay useful.
fn masked_checksum(bytes: &[u8]) -> u32 {
    CRC32C
        .checksum(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}
