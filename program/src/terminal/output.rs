//! Output without a panic when the terminal or a pipe is closed.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use gpu_train::error::{Error, Result};

/// Destination of a command's human-readable text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Standard,
    /// Standard error, because standard output carries JSON.
    Error,
    /// Nowhere: only results and errors are printed.
    Quiet,
}

impl Output {
    /// A progress line on standard error if that is a terminal.
    pub(super) fn progress_bar(self, template: &str) -> ProgressBar {
        let target = match self == Self::Quiet || !io::stderr().is_terminal() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let style = ProgressStyle::with_template(template).expect("a valid template");
        ProgressBar::with_draw_target(None, target).with_style(style)
    }

    /// Writes one or more lines.
    ///
    /// # Errors
    /// [`Error::OutputClosed`] if the reader has closed the pipe, [`Error::File`] if the output cannot be written.
    pub fn line(self, text: &str) -> Result<()> {
        // In one piece: other processes may write to the same terminal.
        let lines = format!("{text}\n");
        let written = match self {
            Self::Standard => io::stdout().write_all(lines.as_bytes()),
            Self::Error => io::stderr().write_all(lines.as_bytes()),
            Self::Quiet => Ok(()),
        };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::OutputClosed,
            _ => Error::file("standard output", error),
        })
    }
}
