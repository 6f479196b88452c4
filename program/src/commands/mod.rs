//! The command line: one file per subcommand, with its arguments and its output.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::ranks::{self, Joined};
use crate::terminal::Output;
use clap::error::{ContextKind, ContextValue};
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

/// Trains the 1989 zip-code convnet over the full batch, on a GPU or on all CPU cores, and compares that with training
/// one example at a time.
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

const EXAMPLES: &str = "\
Examples:
  gpu-train --full-batch                  the comparison, on a GPU if there is one
  gpu-train --per-example                 the essay's stage 0: batch 1, 23 epochs
  gpu-train --recipe full-batch-modern --save net.safetensors --checkpoint run.ckpt
  gpu-train --resume run.ckpt --save net.safetensors
                                          resumes that run after an interruption";

#[derive(Debug, Subcommand)]
enum Command {
    /// List the adapters, their features and limits, and the one that --device auto uses.
    Devices(devices::Arguments),
    /// Measure the engines: time per step, share of the device's peak, time per kernel.
    Bench(Box<bench::Arguments>),
    /// Search for a recipe's hyperparameters, never on the test set.
    Search(Box<search::Arguments>),
    /// Reproduce the essay's table: every recipe over several seeds, compared with the published misses.
    Reproduce(Box<reproduce::Arguments>),
    /// Race the engines to the test misses of the reproduction.
    Race(Box<race::Arguments>),
    /// Recognise your own digits: PNG, JPEG, PGM, PPM or BMP, of any size, one digit per picture.
    Predict(predict::Arguments),
    /// Draw pictures and write an HTML page from the records of reproduce and race.
    Report(report::Arguments),
    /// Write a trained net in the format of another program.
    Export(export::Arguments),
    /// Make the files of the embedded digits.
    Data(data::Args),
    /// Print the completion script of a shell.
    Completions(completions::Arguments),
    /// Print or write the manual pages.
    Man(man::Arguments),
}

/// Runs the program with the arguments of the process.
///
/// Exit codes: 0 for success, 1 for failure, 2 for bad usage, 130 for an interruption.
pub fn main() -> ExitCode {
    let started = std::time::Instant::now();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let error = with_a_tip(error);
            return of_one_rank(error.exit_code() as u8, || error.print());
        }
    };
    arguments.messages.apply();
    let joined = match &arguments.command {
        None | Some(Command::Bench(_)) => ranks::join(),
        // Processes of these have nothing to say to each other.
        Some(_) => Ok(None),
    };
    let joined = match joined {
        Ok(joined) => joined,
        Err(error) => return of_one_rank(error.exit_code(), || end(&error, "error: ")),
    };
    match run(arguments, joined.as_ref(), started) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it.
        Err(Error::OutputClosed) => ExitCode::SUCCESS,
        // An interruption by the user is not reported as an error.
        Err(error @ Error::Interrupted(_)) => end(&error, ""),
        Err(error @ Error::Reported) => ExitCode::from(error.exit_code()),
        Err(error) => match joined {
            None => end(&error, "error: "),
            // The other ranks would wait for this one.
            Some(joined) => {
                end(&error, &format!("error: rank {}: ", joined.rank()));
                joined.abort(error.exit_code())
            }
        },
    }
}

/// Adds, to an unknown command that resembles none of ours, that training is no command: `gpu-train train` is an obvious guess.
fn with_a_tip(mut error: clap::Error) -> clap::Error {
    let is_unknown = error.kind() == clap::error::ErrorKind::InvalidSubcommand;
    if is_unknown && error.get(ContextKind::SuggestedSubcommand).is_none() {
        let tip = "training needs no command, e.g. gpu-train --full-batch".into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// Ends before MPI has begun, where every process of an MPI's launcher has the same to say, such as help: the first says it.
fn of_one_rank<T>(exit_code: u8, say: impl FnOnce() -> T) -> ExitCode {
    let others_say_it = |launched: ranks::Launched| launched.is_of_mpi && launched.rank > 0;
    if !ranks::launched().is_some_and(others_say_it) {
        let _ = say();
    }
    ExitCode::from(exit_code)
}

fn end(error: &Error, what: &str) -> ExitCode {
    // If standard error is closed too, only the exit code reports the failure.
    let _ = Output::Error.line(&format!("{what}{error}"));
    ExitCode::from(error.exit_code())
}

fn run(arguments: Arguments, joined: Option<&Joined>, started: std::time::Instant) -> Result<()> {
    match arguments.command {
        None => train::run(arguments.train, joined, started),
        Some(Command::Devices(arguments)) => devices::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments, joined),
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
