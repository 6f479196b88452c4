//! The flags that keep checkpoints and go on from them.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::flags::usage;
use crate::terminal::context::command_to_resume;
use gpu_train::checkpoint::{self, Checkpoint, Origin};
use gpu_train::data::Digits;
use gpu_train::data::DigitsRecord;
use gpu_train::engine::{Engine, State};
use gpu_train::error::{Error, Result};
use gpu_train::file;
use gpu_train::recipe::{Batch, Recipe};
use gpu_train::train::{self, History};

/// Where checkpoints go, and which one to go on from.
#[derive(Debug, Default, Args)]
#[group(id = "checkpoint-flags")]
#[command(next_help_heading = "Checkpoints")]
pub struct Arguments {
    /// Keep all that it takes to go on in FILE, written anew at each checkpoint as a whole or not at all; it must not
    /// exist yet [default: the file of --resume]
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,
    /// Checkpoint every N updates with --full-batch, every N passes with --per-example, at the start, at the end and
    /// at Ctrl-C [default: a tenth of the run; every pass]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_every: Option<u32>,
    /// Go on from a checkpoint, to the same end: same digits and recipe (flags that say otherwise are refused), on the
    /// same device unless a flag names another, where the end differs by rounding
    #[arg(long, value_name = "FILE.safetensors")]
    resume: Option<PathBuf>,
}

impl Arguments {
    /// The checkpoint to go on from.
    ///
    /// # Errors
    /// If its file is not one; [`Error::Usage`] for flags that do not fit together.
    pub fn load(&self) -> Result<Option<Checkpoint>> {
        if self.checkpoint_every.is_some() && self.file().is_none() {
            return Err(usage(
                "--checkpoint-every: found without --checkpoint or --resume, expected one of them",
            ));
        }
        self.resume.as_deref().map(checkpoint::load).transpose()
    }

    /// Where checkpoints go.
    fn file(&self) -> Option<&PathBuf> {
        self.checkpoint.as_ref().or(self.resume.as_ref())
    }

    /// Refuses to write over a checkpoint that is not gone on from, and to begin where nothing can be written.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn check_target(&self) -> Result<()> {
        let Some(path) = self.file() else {
            return Ok(());
        };
        file::check_target(path)?;
        if self.resume.as_ref() != Some(path) && path.exists() {
            let found = match checkpoint::load(path) {
                Ok(found) => format!("the checkpoint of step {}", found.state.step),
                Err(_) => "a file".into(),
            };
            return Err(Error::file(
                path,
                format!(
                    "found {found}, expected nothing there: go on from it with --resume, or remove it"
                ),
            ));
        }
        file::remove_leftovers(path);
        Ok(())
    }

    /// Updates between checkpoints.
    pub fn every(&self, recipe: &Recipe, examples: usize) -> Result<Option<u32>> {
        let wanted = self.file();
        let interval = wanted.map(|_| train::interval(recipe, examples, self.checkpoint_every));
        interval.transpose()
    }

    /// The digits as checkpoints name them, if there are any: their hash takes a moment.
    pub fn describe(&self, digits: &Digits) -> Option<DigitsRecord> {
        self.file().map(|_| DigitsRecord::of(digits))
    }

    /// Refuses a checkpoint that was made on other digits.
    ///
    /// # Errors
    /// [`Error::File`], saying what differs.
    pub fn check_digits(&self, checkpoint: &Checkpoint, here: &DigitsRecord) -> Result<()> {
        let there = &checkpoint.origin.digits;
        if (&there.sha256, there.train_examples) == (&here.sha256, here.train_examples) {
            return Ok(());
        }
        Err(self.refuse(format!(
            "a checkpoint of a run on {there}, expected one on {here} (--mnist and --zip-code choose the digits)"
        )))
    }

    /// Refuses flags that ask for another recipe than the checkpoint's.
    ///
    /// # Errors
    /// [`Error::File`], saying what differs.
    pub fn check_recipe(&self, checkpoint: &Checkpoint, asked: &Recipe) -> Result<()> {
        match checkpoint::difference(&checkpoint.origin.recipe, asked) {
            None => Ok(()),
            Some(difference) => Err(self.refuse(format!(
                "a checkpoint whose recipe has {difference} by the flags given: leave the recipe's flags out"
            ))),
        }
    }

    fn refuse(&self, found: String) -> Error {
        let path = self.resume.as_deref().unwrap_or("--resume".as_ref());
        Error::file(path, format!("found {found}"))
    }

    /// Where the run goes on from, and whether by another engine.
    pub fn note(&self, checkpoint: &Checkpoint, engine: &dyn Engine) -> String {
        let Checkpoint { origin, state, .. } = checkpoint;
        let from = self.resume.as_deref().unwrap_or("".as_ref()).display();
        let here = (engine.kind(), engine.device());
        let how = if (origin.engine, &origin.device) == (here.0, &here.1) {
            "as if it had not been broken off".into()
        } else {
            format!(
                "begun by {} on {}, so its end will differ by rounding",
                origin.engine, origin.device
            )
        };
        format!("{from}: goes on from step {}, {how}", state.step)
    }

    /// Writes the checkpoints of a run on these digits, if any are wanted.
    pub fn keeper(
        &self,
        engine: &dyn Engine,
        kernels: Option<String>,
        recipe: &Recipe,
        digits: Option<DigitsRecord>,
    ) -> Option<Keeper> {
        let path = self.file()?.clone();
        let origin = Origin {
            version: env!("CARGO_PKG_VERSION").into(),
            engine: engine.kind(),
            device: engine.device(),
            kernels,
            recipe: recipe.clone(),
            digits: digits?,
        };
        Some(Keeper {
            path,
            origin,
            last: None,
        })
    }
}

/// Writes the checkpoints of one run, and says in errors what it has written.
pub struct Keeper {
    path: PathBuf,
    origin: Origin,
    last: Option<u32>,
}

impl Keeper {
    /// Writes a checkpoint.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written; the one before is then still there.
    pub fn keep(&mut self, state: &State, past: &History) -> Result<()> {
        checkpoint::save(&self.path, &self.origin, state, past)?;
        self.last = Some(state.step);
        Ok(())
    }
}

/// An error that ended a run, with what is left of the run and how to go on.
pub fn explain(
    error: Error,
    keeper: Option<&Keeper>,
    unsaved: Option<&Path>,
    recipe: &Recipe,
    step: u32,
) -> Error {
    let kept = keeper.and_then(|keeper| Some((keeper.path.as_path(), keeper.last?)));
    let last = match kept {
        Some((path, step)) => format!("{} holds step {step}, the last good one", path.display()),
        None => "no checkpoint was kept (--checkpoint FILE keeps them)".into(),
    };
    match error {
        Error::Interrupted(_) => Error::Interrupted(interrupted(kept, recipe, step)),
        Error::Diverged(text) => Error::Diverged(format!("{text}; {last}")),
        Error::Device(text) => Error::Device(format!("{text}; {last}")),
        Error::File { path, problem } if kept.is_some() => {
            Error::file(path, format!("{problem}; {last}"))
        }
        // A reader that leaves has seen enough, but files that were asked for are not there.
        Error::OutputClosed if kept.is_some() || unsaved.is_some() => {
            let missing = unsaved.map_or(String::new(), |path| {
                format!("; {} was not written", path.display())
            });
            Error::file(
                "standard output",
                format!(
                    "found closed after step {step}, before the end of the run{missing}; {last}"
                ),
            )
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
            "interrupted after {what} {step}, kept in {}; go on with\n  {}",
            path.display(),
            command_to_resume(path)
        ),
        None => format!(
            "interrupted after {what} {step}; nothing was kept: with --checkpoint FILE a run can go on"
        ),
    }
}
