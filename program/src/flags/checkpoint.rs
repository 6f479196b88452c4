//! Flags that write checkpoints and resume from them.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::flags::usage;
use crate::terminal::context::command_to_resume;
use gpu_train::checkpoint::{self, Checkpoint, Origin};
use gpu_train::data::{Digits, DigitsRecord};
use gpu_train::engine::{Engine, State};
use gpu_train::error::{Error, Result};
use gpu_train::file::{self, Claim};
use gpu_train::recipe::{self, Batch, Recipe};
use gpu_train::train::{self, History};

/// Files of the checkpoints to write and to resume from.
#[derive(Debug, Default, Args)]
#[group(id = "checkpoint-flags")]
#[command(next_help_heading = "Checkpoints")]
pub struct Arguments {
    /// Write everything needed to resume the run to FILE, replaced atomically at each checkpoint; FILE must not exist yet
    /// [default: the file of --resume]
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,
    /// Write a checkpoint every N updates with --full-batch, every N epochs with --per-example, and at the start, the end
    /// and Ctrl-C [default: a tenth of the run; every epoch]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_every: Option<u32>,
    /// Resume from a checkpoint with its digits and recipe (contradicting flags are refused), on the same device unless a
    /// flag names another; the result equals that of an uninterrupted run, on another device up to rounding
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "start")]
    resume: Option<PathBuf>,
}

impl Arguments {
    /// Loads the checkpoint to resume from.
    ///
    /// # Errors
    /// If the file is not a checkpoint; [`Error::Usage`] for flags that contradict each other.
    pub fn load(&self) -> Result<Option<Checkpoint>> {
        if self.checkpoint_every.is_some() && self.file().is_none() {
            return Err(usage(
                "--checkpoint-every: found without --checkpoint or --resume, expected one of them",
            ));
        }
        self.resume.as_deref().map(checkpoint::load).transpose()
    }

    /// Tells whether the recipe is a checkpoint's.
    pub fn resumes(&self) -> bool {
        self.resume.is_some()
    }

    /// File that checkpoints are written to.
    fn file(&self) -> Option<&PathBuf> {
        self.checkpoint.as_ref().or(self.resume.as_ref())
    }

    /// Claims the file of the checkpoints. Refuses one that exists, unless the run resumes from it, one that another process
    /// has claimed, and a place that cannot be written to.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn claim(&self) -> Result<Option<Claim>> {
        let Some(path) = self.file() else {
            return Ok(None);
        };
        file::check_target(path)?;
        let claim = Claim::of(path)?;
        if self.resume.as_ref() != Some(path) && path.exists() {
            let found = match checkpoint::load(path) {
                Ok(found) => format!("the checkpoint of step {}", found.state.step),
                Err(_) => "a file".into(),
            };
            let problem = format!(
                "found {found}, expected no such file yet: resume from it with --resume, or remove it"
            );
            return Err(Error::file(path, problem));
        }
        Ok(Some(claim))
    }

    /// Number of updates between checkpoints.
    pub fn every(&self, recipe: &Recipe, examples: usize) -> Result<Option<u32>> {
        let interval = |_| train::interval(recipe, examples, self.checkpoint_every);
        self.file().map(interval).transpose()
    }

    /// Record of the digits, if checkpoints are written. Hashing the digits takes a moment.
    pub fn describe(&self, digits: &Digits) -> Option<DigitsRecord> {
        self.file().map(|_| DigitsRecord::of(digits))
    }

    /// Refuses a checkpoint of a run on other digits.
    ///
    /// # Errors
    /// [`Error::File`], naming the difference.
    pub fn check_digits(&self, checkpoint: &Checkpoint, here: &DigitsRecord) -> Result<()> {
        let there = &checkpoint.origin.digits;
        if (&there.sha256, there.train_examples) == (&here.sha256, here.train_examples) {
            return Ok(());
        }
        Err(self.refuse(format!(
            "a checkpoint of a run on {there}, expected one on {here} (--mnist and --zip-code choose the digits)"
        )))
    }

    /// Refuses flags that contradict the checkpoint's recipe.
    ///
    /// # Errors
    /// [`Error::File`], naming the difference.
    pub fn check_recipe(&self, checkpoint: &Checkpoint, asked: &Recipe) -> Result<()> {
        match recipe::difference(&checkpoint.origin.recipe, asked) {
            None => Ok(()),
            Some(difference) => Err(self.refuse(format!(
                "a checkpoint whose recipe has {difference} by the given flags: omit the recipe flags"
            ))),
        }
    }

    fn refuse(&self, found: String) -> Error {
        let path = self.resume.as_deref().unwrap_or("--resume".as_ref());
        Error::file(path, format!("found {found}"))
    }

    /// Message that names the step the run resumes from, and the original engine if it was another.
    pub fn note(&self, checkpoint: &Checkpoint, engine: &dyn Engine) -> String {
        let Checkpoint { origin, state, .. } = checkpoint;
        let from = self.resume.as_deref().unwrap_or("".as_ref()).display();
        let here = (engine.kind(), engine.device());
        let how = if (origin.engine, &origin.device) == (here.0, &here.1) {
            "on the same device, with the same result as an uninterrupted run".into()
        } else {
            format!(
                "started by {} on {}, so the result will differ by rounding",
                origin.engine, origin.device
            )
        };
        format!("{from}: resumes from step {}, {how}", state.step)
    }

    /// Writer of the checkpoints of this run, if the flags ask for checkpoints.
    pub fn keeper(
        &self,
        engine: &dyn Engine,
        kernels: Option<String>,
        recipe: &Recipe,
        digits: Option<DigitsRecord>,
        claim: Option<Claim>,
    ) -> Option<CheckpointWriter> {
        let claim = claim?;
        let origin = Origin {
            version: env!("CARGO_PKG_VERSION").into(),
            engine: engine.kind(),
            device: engine.device(),
            kernels,
            recipe: recipe.clone(),
            digits: digits?,
        };
        Some(CheckpointWriter {
            claim,
            origin,
            last: None,
        })
    }
}

/// Writer of the checkpoints of one run. It remembers the latest step written, for errors.
pub struct CheckpointWriter {
    claim: Claim,
    origin: Origin,
    last: Option<u32>,
}

impl CheckpointWriter {
    /// Writes a checkpoint.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written; the previous checkpoint then remains.
    pub fn keep(&mut self, state: &State, past: &History) -> Result<()> {
        checkpoint::save_claimed(&mut self.claim, &self.origin, state, past)?;
        self.last = Some(state.step);
        Ok(())
    }
}

/// Adds to the error that ended a run the last checkpoint and the command that resumes.
pub fn explain(
    error: Error,
    keeper: Option<&CheckpointWriter>,
    unsaved: Option<&Path>,
    recipe: &Recipe,
    step: u32,
) -> Error {
    let kept = keeper.and_then(|keeper| Some((keeper.claim.path(), keeper.last?)));
    let last = match kept {
        Some((path, step)) => format!("{} holds step {step}, the last good one", path.display()),
        None => "no checkpoint was written (--checkpoint FILE writes them)".into(),
    };
    match error {
        Error::Interrupted(_) => Error::Interrupted(interrupted(kept, recipe, step)),
        Error::Diverged(text) => Error::Diverged(format!("{text}; {last}")),
        Error::Device(text) => Error::Device(format!("{text}; {last}")),
        Error::File { path, problem } if kept.is_some() => {
            Error::file(path, format!("{problem}; {last}"))
        }
        // A closed reader is no error, but requested files are missing.
        Error::OutputClosed if kept.is_some() || unsaved.is_some() => {
            let missing = unsaved.map_or(String::new(), |path| {
                format!("; {} was not written", path.display())
            });
            let problem = format!(
                "found closed after step {step}, before the end of the run{missing}; {last}"
            );
            Error::file("standard output", problem)
        }
        other => other,
    }
}

fn interrupted(kept: Option<(&Path, u32)>, recipe: &Recipe, step: u32) -> String {
    let what = match recipe.batch {
        Batch::Full => "step",
        Batch::PerExample => "example",
    };
    match kept {
        Some((path, _)) => format!(
            "interrupted after {what} {step}, saved in {}; resume with\n  {}",
            path.display(),
            command_to_resume(path)
        ),
        None => format!(
            "interrupted after {what} {step}; nothing was saved: a run with --checkpoint FILE can be resumed"
        ),
    }
}
