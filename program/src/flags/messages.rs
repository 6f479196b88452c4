//! Flags that choose how much is printed, and the log.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::{ArgAction, Args};
use tracing::Level;
use tracing_subscriber::fmt::time::uptime;

use crate::terminal::{Output, columns};

/// Amount of output.
#[derive(Debug, Args)]
#[group(id = "message-flags")]
#[command(next_help_heading = "Messages")]
pub struct Arguments {
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Log the actions of the program and of wgpu to standard error; -vv for more, -vvv for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

static QUIET: AtomicBool = AtomicBool::new(false);

impl Arguments {
    /// Applies the flags to the whole process.
    pub fn apply(&self) {
        QUIET.store(self.quiet, Ordering::Relaxed);
        let level = match self.verbose {
            0 => return,
            1 => Level::INFO,
            2 => Level::DEBUG,
            _ => Level::TRACE,
        };
        // wgpu logs through the `log` crate; its messages are included.
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_timer(uptime())
            .with_ansi(columns::has_colours())
            .with_writer(std::io::stderr)
            .init();
    }
}

/// Destination of progress messages: standard error if standard output carries JSON.
pub fn progress(json: bool) -> Output {
    if QUIET.load(Ordering::Relaxed) {
        return Output::Quiet;
    }
    results(json)
}

/// Destination of human-readable results: none if only JSON is wanted.
pub fn results(json: bool) -> Output {
    match (json, QUIET.load(Ordering::Relaxed)) {
        (true, true) => Output::Quiet,
        (true, false) => Output::Error,
        (false, _) => Output::Standard,
    }
}
