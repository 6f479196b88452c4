//! The flags that choose what is trained on.

use std::path::PathBuf;

use clap::Args;

use crate::data::{self, Digits};
use crate::error::{Error, Result};

/// Where the digits come from; without a flag, the embedded sample.
#[derive(Debug, Default, Args)]
#[group(id = "digits-flags")]
#[command(next_help_heading = "Digits")]
pub struct Arguments {
    /// Train on MNIST's four IDX files in DIR (plain or .gz), resized to 16×16
    #[arg(long, value_name = "DIR", conflicts_with = "zip_code")]
    mnist: Option<PathBuf>,
    /// With --mnist: train on the first N of its 60,000 training images
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    train_examples: usize,
    /// Train on the real zip-code digits, zip.train.gz and zip.test.gz in DIR (or without .gz)
    #[arg(long, value_name = "DIR")]
    zip_code: Option<PathBuf>,
}

impl Arguments {
    /// Reads the digits these flags ask for.
    ///
    /// # Errors
    /// What the readers find wrong, naming the file.
    pub fn read(&self) -> Result<Digits> {
        match (&self.mnist, &self.zip_code) {
            (Some(directory), _) => data::mnist1989::mnist(directory, self.train_examples),
            (None, Some(directory)) => data::zip_code::zip_code(directory),
            (None, None) if self.train_examples != 50_000 => Err(Error::Usage(
                "--train-examples: found without --mnist, expected together with it".into(),
            )),
            (None, None) => Ok(data::embedded::digits()),
        }
    }
}
