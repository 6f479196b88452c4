//! The folder of finished runs: what is there is not run again.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Job, missed};
use crate::data::Digits;
use crate::error::{Error, Result};
use crate::experiment::record::{Identity, RunRecord, SCHEMA};
use crate::named::Named;
use crate::net::Parameters;
use crate::recipe::differing_field;
use crate::{file, weights};

/// A record takes some 20 kB.
const RECORD_LIMIT: u64 = 16 << 20;
/// The file that is locked while the folder is in use.
const LOCK: &str = ".lock";

/// A folder that this process alone uses.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Unlocked when it is closed, or the process ends however it does.
    _lock: File,
}

/// What the folder has of a run.
#[derive(Debug)]
pub enum Found {
    /// The run itself.
    Same(Box<RunRecord>),
    /// Nothing.
    Nothing,
    /// Something that cannot be used, and why.
    Unusable(String),
}

impl Folder {
    /// Creates the folder if need be and locks it.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be created or written to, or another process uses it.
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| {
            Error::file(
                path,
                format!(
                    "found that it cannot be created ({error}), expected a folder to write into"
                ),
            )
        })?;
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
                "found another gpu-train reproduce at work in it, expected one at a time: wait for it, or give another --out",
            )),
            Err(TryLockError::Error(error)) => Err(Error::file(
                &lock_path,
                format!(
                    "found that it cannot be locked ({error}), expected a file system with locks"
                ),
            )),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it has of a run.
    pub fn find(&self, job: &Job) -> Found {
        let path = self.path.join(job.record_file());
        if !path.exists() {
            return Found::Nothing;
        }
        match self.usable(&path, job) {
            Ok(record) => Found::Same(Box::new(record)),
            Err(why) => Found::Unusable(format!("{}: found {why}", path.display())),
        }
    }

    /// The record in this file, or why it cannot be used for the job.
    fn usable(&self, path: &Path, job: &Job) -> std::result::Result<RunRecord, String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            format!("what is no record ({error}), expected the record of a run")
        };
        let bytes = file::read(path, RECORD_LIMIT, "a record").map_err(|e| unreadable(&e))?;
        // The form first: another one need not have the same fields.
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|e| unreadable(&e))?;
        file::refuse_control_characters(&value).map_err(|e| unreadable(&e))?;
        if value["schema"] != SCHEMA {
            let found = &value["schema"];
            return Err(format!("a record of form {found}, expected form {SCHEMA}"));
        }
        let record: RunRecord = serde_json::from_value(value).map_err(|e| unreadable(&e))?;
        if let Some(difference) = difference(&record.identity, &job.identity) {
            return Err(format!("a run with {difference}"));
        }
        if record.failed.is_none() && record.last().map(|point| point.step) != Some(record.steps) {
            return Err("a run without its last evaluation, expected a whole one".into());
        }
        let kept = |name: &String| self.path.join(name).is_file();
        let complete = record.missed.is_some() && record.weights.as_ref().is_some_and(kept);
        if job.first && record.failed.is_none() && !complete {
            return Err(
                "a run without its weights or missed examples, expected them of the first seed"
                    .into(),
            );
        }
        Ok(record)
    }

    /// Keeps a finished run: of a row's first seed its weights and missed examples too. Returns the record as kept.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn keep(
        &self,
        job: &Job,
        digits: &Digits,
        mut record: RunRecord,
        parameters: Option<&Parameters>,
    ) -> Result<RunRecord> {
        if let Some(parameters) = parameters.filter(|_| job.first) {
            let name = job.weights_file();
            weights::save(&self.path.join(&name), parameters, (&job.recipe).into())?;
            record.weights = Some(name);
            record.missed = Some(missed(parameters, &job.recipe, &digits.test));
        }
        let json = serde_json::to_string_pretty(&record).expect("a record has only plain fields");
        self.write(&job.record_file(), &json)?;
        Ok(record)
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

/// In what one run differs from another, if it does.
fn difference(found: &Identity, expected: &Identity) -> Option<String> {
    if found == expected {
        return None;
    }
    let named = |what: &str, found: &str, expected: &str| {
        (found != expected).then(|| format!("the {what} {found}, expected {expected}"))
    };
    let adapter = |identity: &Identity| identity.adapter.clone().unwrap_or("none".into());
    let digits = |identity: &Identity| identity.digits.to_string();
    named("row", &found.row, &expected.row)
        .or_else(|| {
            let seeds = [found, expected].map(|identity| identity.seed.to_string());
            named("seed", &seeds[0], &seeds[1])
        })
        .or_else(|| named("engine", found.engine.name(), expected.engine.name()))
        .or_else(|| named("adapter", &adapter(found), &adapter(expected)))
        .or_else(|| named("digits", &digits(found), &digits(expected)))
        .or_else(|| {
            let (name, found, expected) = differing_field(&found.recipe, &expected.recipe)?;
            Some(format!("the recipe's {name} {found}, expected {expected}"))
        })
        .or(Some(
            "other fields than expected in digits or recipe".into(),
        ))
}
