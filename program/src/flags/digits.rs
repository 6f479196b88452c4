//! Flags that choose the digits.

use std::path::PathBuf;

use clap::Args;

use super::usage;
use gpu_train::data::{self, Digits, Source};
use gpu_train::error::Result;

/// Source of the digits; without a flag, the embedded sample.
#[derive(Debug, Default, Args)]
#[group(id = "digits-flags")]
#[command(next_help_heading = "Digits")]
pub struct Arguments {
    /// Train on MNIST's four IDX files in DIR (plain or .gz), resized to 16×16
    #[arg(long, value_name = "DIR", conflicts_with = "zip_code")]
    mnist: Option<PathBuf>,
    /// With --mnist: train on the first N of its 60,000 training images [default: 50000]
    #[arg(long, value_name = "N")]
    train_examples: Option<usize>,
    /// Train on the real zip-code digits, zip.train.gz and zip.test.gz in DIR (or without .gz)
    #[arg(long, value_name = "DIR")]
    zip_code: Option<PathBuf>,
}

/// Default number of MNIST training images, as in the essay.
pub const MNIST_EXAMPLES: usize = 50_000;

impl Arguments {
    /// Source of the digits these flags ask for, as published figures distinguish them.
    pub fn source(&self) -> Source {
        match (&self.mnist, &self.zip_code) {
            (Some(_), _) => Source::Mnist(self.train_examples.unwrap_or(MNIST_EXAMPLES)),
            (None, Some(_)) => Source::ZipCode,
            (None, None) => Source::Mnist1989,
        }
    }

    /// Reads the digits these flags ask for.
    ///
    /// # Errors
    /// [`gpu_train::error::Error::File`] from the readers.
    pub fn read(&self) -> Result<Digits> {
        self.read_for(None)
    }

    /// Reads the digits of a search on MNIST: in place of the test set, training images of MNIST that are not trained on, this
    /// many or [`data::mnist1989::VALIDATION`]. None without --mnist.
    ///
    /// # Errors
    /// As [`data::mnist1989::held_out`], and of usage for a number without --mnist.
    pub fn held_out(&self, validation: Option<usize>) -> Result<Option<Digits>> {
        match (&self.mnist, validation) {
            (Some(folder), _) => {
                data::mnist1989::held_out(folder, self.train_examples, validation).map(Some)
            }
            (None, Some(_)) => Err(usage(
                "--validation-examples: found without --mnist, expected together with it",
            )),
            (None, None) => Ok(None),
        }
    }

    /// Reads the digits, limited to `examples` training examples if that many are enough.
    ///
    /// # Errors
    /// As [`Arguments::read`].
    pub fn read_for(&self, examples: Option<usize>) -> Result<Digits> {
        match (&self.mnist, &self.zip_code) {
            (Some(directory), _) => {
                let count = self.train_examples.or(examples).unwrap_or(MNIST_EXAMPLES);
                data::mnist1989::mnist(directory, count)
            }
            (None, _) if self.train_examples.is_some() => Err(usage(
                "--train-examples: found without --mnist, expected together with it",
            )),
            (None, Some(directory)) => data::zip_code::zip_code(directory),
            (None, None) => Ok(data::embedded::digits()),
        }
    }
}
