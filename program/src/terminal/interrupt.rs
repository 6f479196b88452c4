//! Ctrl-C and termination signals: a run finishes its step first.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gpu_train::error::{Error, Result};

/// A second signal within this time is ignored, because some tools (`timeout`) send a signal twice at once.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Time of the first signal.
static ASKED: OnceLock<Instant> = OnceLock::new();

/// Installs the handler: the first signal is only recorded, a second one ends the process immediately.
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
    .map_err(|error| Error::Device(format!("cannot handle Ctrl-C: {error}")))
}

/// Fails after a signal. A caller that knows how to resume fills in the text.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn check() -> Result<()> {
    match ASKED.get() {
        Some(_) => Err(Error::Interrupted(String::new())),
        None => Ok(()),
    }
}
