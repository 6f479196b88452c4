//! The command line: one file a subcommand, its arguments and what it prints.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::terminal::Output;
use gpu_train::error::{Error, Result};

mod bench;
mod completions;
pub mod data;
mod devices;
mod export;
mod man;
mod predict;
mod race;
mod report;
mod reproduce;
mod search;
mod train;

/// Trains the 1989 zip-code convnet over the whole training set at once, on a GPU or on all CPU cores, and compares
/// that with training it one example at a time.
#[derive(Debug, Parser)]
#[command(name = "gpu-train", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    train: train::Arguments,
    #[command(flatten)]
    messages: crate::flags::messages::Arguments,
}

/// The whole command line, for completions and the manual.
fn command() -> clap::Command {
    Arguments::command()
}

const EXAMPLES: &str = "\
Examples:
  gpu-train --full-batch                  the comparison, on a GPU if there is one
  gpu-train --per-example                 the essay's stage 0: batch 1, 23 passes
  gpu-train --recipe full-batch-modern --save net.safetensors --checkpoint run.ckpt
  gpu-train --resume run.ckpt --save net.safetensors
                                          goes on where that was broken off";

#[derive(Debug, Subcommand)]
enum Command {
    /// List the adapters, what each offers, and which would be chosen.
    Devices(devices::Arguments),
    /// Measure the engines: time a step, share of the device's peak, time of each kernel.
    Bench(Box<bench::Arguments>),
    /// Choose a recipe's numbers on folds of the training set, never on the test set.
    Search(Box<search::Arguments>),
    /// Reproduce the essay's table: every recipe over several seeds, beside the published misses.
    Reproduce(Box<reproduce::Arguments>),
    /// Race the engines to the reproduction's test misses.
    Race(Box<race::Arguments>),
    /// Recognise your own digits: PNG, JPEG, PGM, PPM or BMP, of any size, one digit a picture.
    Predict(predict::Arguments),
    /// Draw pictures and write a page from the records of reproduce and race.
    Report(report::Arguments),
    /// Write a trained net in another program's format.
    Export(export::Arguments),
    /// Make the digits' files.
    Data(data::Args),
    /// Print a shell's completions.
    Completions(completions::Arguments),
    /// Print or write the manual's pages.
    Man(man::Arguments),
}

/// Runs the program on the process's arguments.
///
/// Exit codes: 0 for success, 1 for failure, 2 for bad usage.
pub fn main() -> ExitCode {
    let started = std::time::Instant::now();
    let arguments = Arguments::parse();
    arguments.messages.apply();
    match run(arguments, started) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Error::OutputClosed) => ExitCode::SUCCESS,
        // What the user wanted is no error.
        Err(error @ Error::Interrupted(_)) => end(&error, ""),
        Err(error @ Error::Reported) => ExitCode::from(error.exit_code()),
        Err(error) => end(&error, "error: "),
    }
}

fn end(error: &Error, what: &str) -> ExitCode {
    // Where standard error is closed too, the exit code says it.
    let _ = Output::Error.line(&format!("{what}{error}"));
    ExitCode::from(error.exit_code())
}

fn run(arguments: Arguments, started: std::time::Instant) -> Result<()> {
    match arguments.command {
        None => train::run(arguments.train, started),
        Some(Command::Devices(arguments)) => devices::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Search(arguments)) => search::run(&arguments),
        Some(Command::Reproduce(arguments)) => reproduce::run(*arguments),
        Some(Command::Race(arguments)) => race::run(&arguments, started),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
        Some(Command::Report(arguments)) => report::run(&arguments),
        Some(Command::Export(arguments)) => export::run(&arguments),
        Some(Command::Data(arguments)) => data::run(&arguments),
        Some(Command::Completions(arguments)) => completions::run(&arguments),
        Some(Command::Man(arguments)) => man::run(&arguments),
    }
}
