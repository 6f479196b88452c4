//! `gpu-train data`: makes the files of digits.

use std::path::PathBuf;

use crate::terminal::Output;
use gpu_train::data::{mnist1989, prepare};
use gpu_train::error::Result;

/// Make the files of the embedded digits.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Sample MNIST as of 1989 from MNIST: 7,291 training and 2,007 test digits, resized to 16×16 pixels.
    ///
    /// Writes four gzipped IDX files, each replaced atomically, and prints their SHA-256. The same input and seed give the
    /// same bytes.
    Prepare(Prepare),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct Prepare {
    /// Folder of MNIST's four IDX files, plain or gzipped (train-images-idx3-ubyte.gz and so on).
    #[arg(long, value_name = "DIR")]
    mnist: PathBuf,
    /// Folder to write into; created if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seed of the sample, 0 to 4294967295; the default gives the sample of the reproduction.
    #[arg(long, value_name = "SEED", default_value_t = mnist1989::SEED)]
    seed: u32,
}

const EXAMPLES: &str = "\
Examples:
  gpu-train data prepare --mnist mnist --out data              the embedded digits, bit for bit
  gpu-train data prepare --mnist mnist --out other --seed 1    another sample of the same sizes
  gpu-train --mnist mnist                                      trains on MNIST directly";

/// Runs the command. Prints one line per file to standard output: SHA-256, size in bytes, path.
///
/// # Errors
/// [`gpu_train::error::Error::File`] if MNIST cannot be read or a file cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let Command::Prepare(args) = &args.command;
    let written = prepare::run(&args.mnist, &args.out, args.seed)?;
    for file in written {
        let path = file.path.display();
        Output::Standard.line(&format!("{}  {:>9} bytes  {path}", file.sha256, file.bytes))?;
    }
    Ok(())
}
