//! The checkpoint of a run in progress, with which a run that was interrupted resumes.

use std::path::PathBuf;
use std::time::Duration;

use web_time::Instant;

use super::Job;
use crate::checkpoint::{self, Origin};
use crate::cpu::processor;
use crate::cpu::simd::Level;
use crate::engine::{Engine, EngineKind, State};
use crate::error::Result;
use crate::train::History;

/// Least time between two checkpoints of a run: most runs end before their first.
const EVERY: Duration = Duration::from_secs(60);

/// Place of a run in progress that is saved, once a minute and when it is interrupted.
pub struct Saving<'a> {
    /// Its checkpoint's file.
    pub file: PathBuf,
    /// Takes a line about a checkpoint that was found.
    pub note: &'a dyn Fn(&str) -> Result<()>,
}

/// Writer of a run's checkpoints.
pub(super) struct Keeper<'a> {
    saving: Saving<'a>,
    origin: Origin,
    latest: Instant,
    /// True once the run is to end: it is saved whenever it was saved last.
    pub is_ending: bool,
}

impl<'a> Keeper<'a> {
    /// A writer of the checkpoints of a job on this engine.
    pub fn new(
        saving: Saving<'a>,
        job: &Job,
        engine: &dyn Engine,
        kernels: Option<String>,
    ) -> Self {
        let device = match engine.kind() {
            // Without the number of threads, which changes no bit.
            EngineKind::Cpu => format!("{}, {}", processor(), Level::best().name()),
            _ => engine.device(),
        };
        let origin = Origin {
            version: env!("CARGO_PKG_VERSION").into(),
            engine: engine.kind(),
            device,
            kernels,
            recipe: job.recipe.clone(),
            digits: job.identity.digits.clone(),
        };
        Self {
            saving,
            origin,
            latest: Instant::now(),
            is_ending: false,
        }
    }

    /// The run's course so far, with the engine put there, if the file has a checkpoint of this very run on this very
    /// device: another one would end with other bytes.
    ///
    /// # Errors
    /// Those of the engine, and of whoever takes the lines.
    pub fn resume(&self, engine: &mut dyn Engine) -> Result<Option<History>> {
        let Saving { file, note } = &self.saving;
        if !file.exists() {
            return Ok(None);
        }
        let found = match checkpoint::load(file) {
            Ok(found) => found,
            Err(refused) => {
                note(&format!("{refused}; starting the run anew"))?;
                return Ok(None);
            }
        };
        if found.origin != self.origin {
            note(&format!(
                "{}: found a checkpoint of another run, device or version, expected one of this run; starting it anew",
                file.display()
            ))?;
            return Ok(None);
        }
        note(&format!(
            "{}: resumes from step {}",
            file.display(),
            found.past.step
        ))?;
        engine.restore(&found.state)?;
        Ok(Some(found.past))
    }

    /// Writes a checkpoint, if it is time.
    ///
    /// # Errors
    /// [`Error::File`](crate::error::Error::File) if it cannot be written.
    pub fn keep(&mut self, state: &State, past: &History) -> Result<()> {
        if self.is_ending || self.latest.elapsed() >= EVERY {
            checkpoint::save(&self.saving.file, &self.origin, state, past)?;
            self.latest = Instant::now();
        }
        Ok(())
    }
}
