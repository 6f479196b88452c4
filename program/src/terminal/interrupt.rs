//! Ctrl-C, termination signals and, on Unix, SIGUSR1, by which Slurm announces the end of a job: a run finishes its step first.

use std::sync::OnceLock;
#[cfg(unix)]
use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

use gpu_train::error::{Error, Result};

/// A second signal within this time is ignored, because some tools (`timeout`) send a signal twice at once.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Time of the first signal.
static ASKED: OnceLock<Instant> = OnceLock::new();

/// True once SIGUSR1 has come, once or several times.
#[cfg(unix)]
static ANNOUNCED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Installs the handler: the first signal is only recorded, a second one ends the process immediately.
///
/// # Errors
/// [`Error::Device`] if the system refuses.
pub fn notice() -> Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, ANNOUNCED.clone())
        .map_err(|error| Error::Device(format!("cannot handle SIGUSR1: {error}")))?;
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
    #[cfg(unix)]
    let is_announced = ANNOUNCED.load(Ordering::Relaxed);
    #[cfg(not(unix))]
    let is_announced = false;
    match ASKED.get().is_some() || is_announced {
        true => Err(Error::Interrupted(String::new())),
        false => Ok(()),
    }
}
