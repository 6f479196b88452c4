//! The file that says which race or search a folder has runs of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Folder, read};
use crate::error::{Error, Result};
use crate::experiment::record::json;
use crate::experiment::share::Share;
use crate::file;
use crate::recipe::differing_field;

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

/// The file of an [`Experiment`]. Shares that write the same one at the same time write the same bytes.
pub struct Plan<'a> {
    folder: &'a Folder,
    name: String,
}

impl Folder {
    /// The experiment of all its runs.
    pub fn plan(&self) -> Plan<'_> {
        let name = "experiment.json".into();
        Plan { folder: self, name }
    }

    /// The experiment of a share's runs, where each has its own measurements.
    ///
    /// # Errors
    /// [`Error::File`] if the folder has that of a share of another COUNT, whose runs are partly the same.
    pub fn plan_of(&self, share: Share) -> Result<Plan<'_>> {
        let ending = format!("-of-{}.json", share.count());
        let is_other = |name: &String| name.contains("-of-") && !name.ends_with(&ending);
        if let Some(other) = self.plan_names().into_iter().find(is_other) {
            let count = share.count();
            let expected = format!(
                "expected shares of {count}: remove the folder, give another --out, or the same COUNT"
            );
            return Err(Error::file(
                &self.path,
                format!("found {other}, {expected}"),
            ));
        }
        let name = format!("experiment-{}{ending}", share.index());
        Ok(Plan { folder: self, name })
    }

    /// Names of the files of experiments, in the order of the shares.
    fn plan_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_plan = |name: &String| name.starts_with("experiment") && name.ends_with(".json");
        let mut names: Vec<String> = names.filter(is_plan).collect();
        // experiment-2-… before experiment-10-….
        names.sort_by_key(|name| (name.len(), name.clone()));
        names
    }

    /// The experiments that it has, of all runs or of shares, with the names of their files, in the order of the shares.
    ///
    /// # Errors
    /// [`Error::File`] if one cannot be read.
    pub fn plans(&self) -> Result<Vec<(String, Experiment)>> {
        let names = self.plan_names();
        let plans = names.into_iter().map(|name| {
            let path = self.path.join(&name);
            let found = read(&path).map_err(|why| Error::file(&path, format!("found {why}")))?;
            Ok((name, found))
        });
        plans.collect()
    }
}

impl Plan<'_> {
    /// The experiment whose runs the folder has, if it is this one.
    ///
    /// # Errors
    /// [`Error::File`] if it is another one that has not finished: its runs would be lost.
    pub fn find(&self, plan: &Value) -> Result<Option<Experiment>> {
        let path = self.folder.path.join(&self.name);
        if !path.exists() {
            return Ok(None);
        }
        let refuse = |found: String| {
            let wanted =
                "remove the folder, give another --out, or the command that it was begun with";
            Error::file(&self.folder.path, format!("found {found}: {wanted}"))
        };
        let found: Experiment = read(&path).map_err(refuse)?;
        if found.plan == *plan {
            return Ok(Some(found));
        }
        if found.finished {
            return Ok(None);
        }
        Err(refuse(differing(&found.plan, plan)))
    }

    /// Begins an experiment whose runs are the same whenever they are done: those that the folder has are taken.
    ///
    /// # Errors
    /// As [`Plan::find`] and [`Plan::begin`].
    pub fn begin_or_resume(&self, plan: Value) -> Result<()> {
        match self.find(&plan)? {
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
        let path = self.folder.path.join(&self.name);
        let found: Experiment =
            read(&path).map_err(|why| Error::file(&path, format!("found {why}")))?;
        self.note(&Experiment {
            finished: true,
            ..found
        })
    }

    fn note(&self, experiment: &Experiment) -> Result<()> {
        self.folder.write(&self.name, &json(experiment)).map(|_| ())
    }
}

/// In what an unfinished experiment differs from the wanted one.
pub fn differing(found: &Value, wanted: &Value) -> String {
    let (name, was, now) =
        differing_field(found, wanted).unwrap_or(("plan".into(), found.clone(), wanted.clone()));
    let [was, now] = [was, now].map(|value| file::quoted(&value.to_string()));
    format!("an unfinished experiment with another {name} ({was}), expected {now}")
}
