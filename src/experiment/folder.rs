//! The folder of finished runs, which are not run again.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::missed::missed;
use super::run::Job;
use crate::error::{Error, Result};
use crate::experiment::record::{Identity, RECORD_LIMIT, Refused, RunRecord, SCHEMA, json, parse};
use crate::net::Parameters;
use crate::recipe::differing_field;
use crate::{file, weights};

/// The file that is locked while the folder is in use.
const LOCK: &str = ".lock";
/// The file that says which race or search the runs belong to.
const EXPERIMENT: &str = "experiment.json";

/// A folder that only this process uses.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Unlocked when it is closed, or the process ends in any way.
    _lock: File,
}

/// A race or a search that a folder has runs of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Experiment {
    /// Identity of the experiment.
    pub plan: Value,
    /// Measurements made before its first run.
    pub start: Value,
    /// True once it has ended.
    pub finished: bool,
}

impl Folder {
    /// Creates the folder if need be and locks it.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be created or written to, or another process uses it.
    pub fn open(path: &Path) -> Result<Self> {
        file::create_folder(path)?;
        let lock_path = path.join(LOCK);
        let lock = File::create(&lock_path).map_err(|error| {
            Error::file(
                &lock_path,
                format!("found that it cannot be created ({error}), expected a writable folder"),
            )
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::file(
                path,
                "found another gpu-train at work in it, expected one at a time: wait for it, or give another --out",
            )),
            Err(TryLockError::Error(error)) => Err(Error::file(
                &lock_path,
                format!(
                    "found that it cannot be locked ({error}), expected a file system with locks"
                ),
            )),
        }
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
        let path = self.path.join(job.file("json"));
        if !path.exists() {
            return Ok(None);
        }
        let found = self.usable(&path, job);
        let refuse = |why| format!("{}: found {why}", path.display());
        found.map(Some).map_err(refuse)
    }

    /// The record in this file, or why it cannot be used for the job.
    fn usable(&self, path: &Path, job: &Job) -> std::result::Result<RunRecord, String> {
        let record: RunRecord = read(path)?;
        if let Some(difference) = difference(&record.identity, &job.identity) {
            return Err(format!("a run with {difference}"));
        }
        if record.failed.is_none() && record.last().map(|point| point.step) != Some(record.steps) {
            return Err("a run without its last evaluation, expected a whole one".into());
        }
        let kept = |name: &String| self.path.join(name).is_file();
        let complete = record.missed.is_some() && record.weights.as_ref().is_some_and(kept);
        if job.keeps_weights && record.failed.is_none() && !complete {
            return Err(
                "a run without its weights or missed examples, expected them of the first seed"
                    .into(),
            );
        }
        Ok(record)
    }

    /// Keeps a finished run, if the job says so with its weights and missed examples. Returns the record as kept.
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
        Ok(record)
    }

    /// The experiment whose runs the folder has, if it is this one.
    ///
    /// # Errors
    /// [`Error::File`] if it is another one that has not finished: its runs would be lost.
    pub fn experiment(&self, plan: &Value) -> Result<Option<Experiment>> {
        let path = self.path.join(EXPERIMENT);
        if !path.exists() {
            return Ok(None);
        }
        let refuse = |found: String| {
            let wanted =
                "remove the folder, give another --out, or the command that it was begun with";
            Error::file(&self.path, format!("found {found}: {wanted}"))
        };
        let found: Experiment = read(&path).map_err(refuse)?;
        if found.plan == *plan {
            return Ok(Some(found));
        }
        if found.finished {
            return Ok(None);
        }
        let (name, was, now) = differing_field(&found.plan, plan).unwrap_or((
            "plan".into(),
            found.plan.clone(),
            plan.clone(),
        ));
        let [was, now] = [was, now].map(|value| file::quoted(&value.to_string()));
        Err(refuse(format!(
            "an unfinished experiment with another {name} ({was}), expected {now}"
        )))
    }

    /// Begins an experiment whose runs are the same whenever they are done: those that the folder has are taken.
    ///
    /// # Errors
    /// As [`Folder::experiment`] and [`Folder::begin`].
    pub fn begin_or_resume(&self, plan: Value) -> Result<()> {
        match self.experiment(&plan)? {
            Some(_) => Ok(()),
            None => self.begin(plan, Value::Null),
        }
    }

    /// Writes down which experiment the folder has runs of, as one that has begun.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn begin(&self, plan: Value, start: Value) -> Result<()> {
        self.note(&Experiment {
            plan,
            start,
            finished: false,
        })
    }

    /// Writes down that the experiment has ended and its results are stored.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn finish(&self) -> Result<()> {
        let path = self.path.join(EXPERIMENT);
        let found: Experiment =
            read(&path).map_err(|why| Error::file(&path, format!("found {why}")))?;
        self.note(&Experiment {
            finished: true,
            ..found
        })
    }

    fn note(&self, experiment: &Experiment) -> Result<()> {
        self.write(EXPERIMENT, &json(experiment)).map(|_| ())
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
            let path = self.path.join(job.file("json"));
            if let Err(error) = std::fs::remove_file(&path)
                && path.exists()
            {
                let expected = "expected a writable folder";
                let problem = format!("found that it cannot be removed ({error}), {expected}");
                return Err(Error::file(&path, problem));
            }
        }
        Ok(())
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
