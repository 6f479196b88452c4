//! The folder of finished runs, which are not run again.

mod lock;
mod plan;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use self::lock::Locks;
use super::missed::missed;
use super::run::Job;
use super::share::Part;
use crate::error::{Error, Result};
use crate::experiment::record::{Identity, RECORD_LIMIT, Refused, RunRecord, SCHEMA, json, parse};
use crate::net::Parameters;
use crate::recipe::differing_field;
use crate::{file, weights};

pub use self::plan::{Experiment, Plan, differing};

/// Ending of the checkpoint of a run in progress.
const CHECKPOINT: &str = "checkpoint";

/// A folder that only this process uses, or several shares at the same time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    part: Part,
    locks: Locks,
}

impl Folder {
    /// Creates the folder if need be, but not to collect from, and locks it for a process that does this part of its runs.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be created or written to, or another process uses it or does the same share.
    pub fn open(path: &Path, part: Part) -> Result<Self> {
        if part != Part::Nothing {
            file::create_folder(path)?;
        } else if !path.is_dir() {
            let problem = "found no such folder, expected the one that the shares write to";
            return Err(Error::file(path, problem));
        }
        let locks = Locks::of(path, part)?;
        if part == Part::All {
            file::remove_leftovers_in(path);
        }
        Ok(Self {
            path: path.to_owned(),
            part,
            locks,
        })
    }

    /// The part of its runs that this process does.
    pub fn part(&self) -> Part {
        self.part
    }

    /// A line to print about a file system without locks.
    pub fn warning(&self) -> Option<&str> {
        self.locks.warning.as_deref()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks a run up.
    ///
    /// # Errors
    /// A line that says why the file with its record cannot be used.
    pub fn find(&self, job: &Job) -> std::result::Result<Option<RunRecord>, String> {
        self.look_up(&job.identity, job.keeps_weights, false)
    }

    /// Looks a run up by its identity, on any engine and adapter if so wanted; it may have to have its weights.
    ///
    /// # Errors
    /// As [`Folder::find`].
    pub fn look_up(
        &self,
        wanted: &Identity,
        keeps_weights: bool,
        on_any_device: bool,
    ) -> std::result::Result<Option<RunRecord>, String> {
        let path = self.path.join(wanted.file("json"));
        if !path.exists() {
            return Ok(None);
        }
        let usable = || {
            let record: RunRecord = read(&path)?;
            let mut wanted = wanted.clone();
            if on_any_device {
                wanted.engine = record.identity.engine;
                wanted.adapter.clone_from(&record.identity.adapter);
            }
            self.usable(record, &wanted, keeps_weights)
        };
        let refuse = |why| format!("{}: found {why}", path.display());
        usable().map(Some).map_err(refuse)
    }

    /// The record, or why it cannot be used for this run.
    fn usable(
        &self,
        record: RunRecord,
        wanted: &Identity,
        keeps_weights: bool,
    ) -> std::result::Result<RunRecord, String> {
        if let Some(difference) = difference(&record.identity, wanted) {
            return Err(format!("a run with {difference}"));
        }
        if record.failed.is_none() && record.last().map(|point| point.step) != Some(record.steps) {
            return Err("a run without its last evaluation, expected a whole one".into());
        }
        let kept = |name: &String| self.path.join(name).is_file();
        let complete = record.missed.is_some() && record.weights.as_ref().is_some_and(kept);
        if keeps_weights && record.failed.is_none() && !complete {
            return Err(
                "a run without its weights or missed examples, expected them of the first seed"
                    .into(),
            );
        }
        Ok(record)
    }

    /// Removes what a killed process left of the files of a run, before it is run anew. A whole folder was tidied when it was opened.
    pub fn tidy(&self, job: &Job) {
        if self.part == Part::All {
            return;
        }
        for ending in ["json", "safetensors", CHECKPOINT] {
            file::remove_leftovers(&self.path.join(job.file(ending)));
        }
    }

    /// Keeps a finished run, if the job says so with its weights and missed examples, in place of its checkpoint. Returns the
    /// record as kept.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn keep(
        &self,
        job: &Job,
        mut record: RunRecord,
        parameters: Option<&Parameters>,
    ) -> Result<RunRecord> {
        if let Some(parameters) = parameters.filter(|_| job.keeps_weights) {
            let name = job.file("safetensors");
            weights::save(&self.path.join(&name), parameters, (&job.recipe).into())?;
            record.weights = Some(name);
            record.missed = Some(missed(parameters, &job.recipe, &job.digits.test));
        }
        self.write(&job.file("json"), &json(&record))?;
        self.remove_checkpoint(job)?;
        Ok(record)
    }

    /// Removes the checkpoint of a finished run, if it is there.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be removed.
    pub fn remove_checkpoint(&self, job: &Job) -> Result<()> {
        self.remove(&job.file(CHECKPOINT))
    }

    /// Tells whether it has all of these runs.
    pub fn has(&self, jobs: &[Job]) -> bool {
        jobs.iter().all(|job| matches!(self.find(job), Ok(Some(_))))
    }

    /// Removes the records of these jobs.
    ///
    /// # Errors
    /// [`Error::File`] if one cannot be removed.
    pub fn forget<'a>(&self, jobs: impl IntoIterator<Item = &'a Job>) -> Result<()> {
        for job in jobs {
            self.remove(&job.file("json"))?;
        }
        Ok(())
    }

    /// Removes a file, if it is there.
    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if path.exists() => {
                let expected = "expected a writable folder";
                let problem = format!("found that it cannot be removed ({error}), {expected}");
                Err(Error::file(&path, problem))
            }
            _ => Ok(()),
        }
    }

    /// The file that a run in progress is saved in.
    pub fn checkpoint(&self, job: &Job) -> PathBuf {
        self.path.join(job.file(CHECKPOINT))
    }

    /// Writes a file of text, as a whole or not at all; returns its path.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        file::write_atomically(&path, format!("{text}{end}").as_bytes())?;
        Ok(path)
    }
}

/// A document of this program, or why it is none.
fn read<T: DeserializeOwned>(path: &Path) -> std::result::Result<T, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("no record ({error}), expected the record of a run")
    };
    let bytes = file::read(path, RECORD_LIMIT, "a record").map_err(|e| unreadable(&e))?;
    parse(&bytes).map_err(|refused| match refused {
        Refused::Form(form) => format!("a record of form {form}, expected form {SCHEMA}"),
        other => unreadable(&other),
    })
}

/// The difference of one run from another.
fn difference(found: &Identity, expected: &Identity) -> Option<String> {
    if found == expected {
        return None;
    }
    type Text = fn(&Identity) -> String;
    let fields: [(&str, Text); 5] = [
        ("row", |one| one.row.clone()),
        ("seed", |one| one.seed.to_string()),
        ("engine", |one| one.engine.to_string()),
        ("adapter", |one| {
            one.adapter.clone().unwrap_or("none".into())
        }),
        ("digits", |one| one.digits.to_string()),
    ];
    let mut texts = fields
        .map(|(name, text)| (name, text(found), text(expected)))
        .into_iter();
    if let Some((name, found, expected)) = texts.find(|(_, found, expected)| found != expected) {
        return Some(format!("the {name} {found}, expected {expected}"));
    }
    Some(match differing_field(&found.recipe, &expected.recipe) {
        Some((name, found, expected)) => {
            format!("the recipe's {name} {found}, expected {expected}")
        }
        None => "other fields than expected in digits or recipe".into(),
    })
}
