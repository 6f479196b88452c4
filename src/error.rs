//! Errors, each as one line that names the flag, file or device, what was found and what was expected.
//!
//! ```
//! use gpu_train::error::Error;
//!
//! let error = Error::file("net.safetensors", "found 3 tensors, expected 8");
//! assert_eq!(error.to_string(), "net.safetensors: found 3 tensors, expected 8");
//! assert_eq!(error.exit_code(), 1);
//! assert_eq!(Error::Usage("--steps: found 0, expected 1 or more".into()).exit_code(), 2);
//! ```

use std::path::{Path, PathBuf};

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that does not make sense.
    #[error("{0}")]
    Usage(String),
    /// A file is missing, unreadable, or does not hold what it should.
    #[error("{}: {}", printable(&path.to_string_lossy()), printable(problem))]
    File {
        /// The file.
        path: PathBuf,
        /// Description of what was found and what was expected.
        problem: String,
    },
    /// A device is missing, lacks something, or failed.
    #[error("{0}")]
    Device(String),
    /// Training produced a loss that is not a number.
    #[error("{0}")]
    Diverged(String),
    /// The user ended a run; the text says where it is and how to resume.
    #[error("{0}")]
    Interrupted(String),
    /// Some of many things failed; a line for each has been printed.
    #[error("some failed, as said before")]
    Reported,
    /// Whoever read standard output has closed it.
    #[error("standard output was closed")]
    OutputClosed,
}

impl Error {
    /// A problem with a file.
    pub fn file(path: impl AsRef<Path>, problem: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.as_ref().to_owned(),
            problem: problem.to_string(),
        }
    }

    /// The process's exit code: 2 for usage, 130 for an interruption (as of a process ended by Ctrl-C), 1 for failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted(_) => 130,
            _ => 1,
        }
    }
}

/// Text with its control characters escaped: a terminal would obey them.
pub fn printable(text: &str) -> String {
    let escaped = |c: char| c.escape_debug().to_string();
    let shown = |c: char| if c.is_control() { escaped(c) } else { c.into() };
    text.chars().map(shown).collect()
}

/// A count with its noun: "1 seed", "3 seeds".
pub fn plural(count: usize, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

/// A result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_file_has_no_control_characters() {
        let error = Error::file("a\u{1b}[31m", "found \u{9b}31m é\nbelow");
        let text = error.to_string();
        assert_eq!(text, "a\\u{1b}[31m: found \\u{9b}31m é\\nbelow");
    }
}
