//! Ctrl-C, and what else asks a process to end: a run finishes its step first.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gpu_train::error::{Error, Result};

/// Some tools (`timeout`) send a signal twice at once; only a person's second Ctrl-C is meant as one.
const AT_ONCE: Duration = Duration::from_millis(500);

/// When the process was asked to end.
static ASKED: OnceLock<Instant> = OnceLock::new();

/// From here on an interruption is only noted; a second one ends the process at once.
///
/// # Errors
/// [`Error::Device`] if the system refuses.
pub fn notice() -> Result<()> {
    ctrlc::set_handler(|| {
        let first = ASKED.get_or_init(Instant::now);
        if first.elapsed() > AT_ONCE {
            std::process::exit(130);
        }
    })
    .map_err(|error| Error::Device(format!("Ctrl-C cannot be noticed here: {error}")))
}

/// Fails once an interruption has been noted; whoever knows how to go on fills in the text.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check() -> Result<()> {
    match ASKED.get() {
        Some(_) => Err(Error::Interrupted(String::new())),
        None => Ok(()),
    }
}
