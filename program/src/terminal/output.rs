//! Writing to the terminal without panicking when it goes away.

use std::io::{self, IsTerminal, Write};

use indicatif::ProgressDrawTarget;

use gpu_train::error::{Error, Result};

/// Where a command's text for people goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Standard,
    /// Standard error, because standard output carries JSON.
    Error,
    /// Nowhere: only results and errors are wanted.
    Quiet,
}

impl Output {
    /// Where lines that change are drawn: on standard error if that is a terminal.
    pub(super) fn draw_target(self) -> ProgressDrawTarget {
        if self == Self::Quiet || !io::stderr().is_terminal() {
            return ProgressDrawTarget::hidden();
        }
        ProgressDrawTarget::stderr()
    }

    /// Writes one line (or several).
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has gone, [`Error::File`] if the device behind it is full.
    pub fn line(self, text: &str) -> Result<()> {
        let written = match self {
            Self::Standard => writeln!(io::stdout().lock(), "{text}"),
            Self::Error => writeln!(io::stderr().lock(), "{text}"),
            Self::Quiet => Ok(()),
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::OutputClosed,
            _ => Error::file("standard output", error),
        })
    }
}
