//! The runs of a table that its shares have left in a folder.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::{Error, Result, plural};
use crate::experiment::folder::Folder;
use crate::experiment::record::RunRecord;
use crate::experiment::run::Job;

/// Seeds that a line about missing runs names at most.
const NAMED: usize = 5;

/// The runs that are there.
#[derive(Debug)]
pub struct Collected {
    /// Their records, in the order of the jobs.
    pub records: Vec<RunRecord>,
    /// The runs that are not there, row by row.
    pub missing: Vec<Missing>,
}

/// Runs of a row that are not there.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// The row.
    pub row: String,
    /// Its runs in all.
    pub runs: usize,
    /// Seeds of those that are missing.
    pub seeds: Vec<u64>,
    /// Why the first record of one, if there is a record, cannot be used.
    pub refused: Option<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            row, runs, seeds, ..
        } = self;
        let named: Vec<String> = seeds.iter().take(NAMED).map(u64::to_string).collect();
        let more = if seeds.len() > NAMED { ", …" } else { "" };
        let s = if seeds.len() == 1 { "" } else { "s" };
        let (missing, runs) = (seeds.len(), plural(*runs, "run"));
        write!(
            f,
            "missing: {row} {missing} of {runs} (seed{s} {}{more})",
            named.join(", ")
        )?;
        match &self.refused {
            Some(why) => write!(f, "; {why}"),
            None => Ok(()),
        }
    }
}

/// The records of these jobs that the folder has, of any engine and adapter.
///
/// # Errors
/// [`Error::File`] if a row has runs of different engines or adapters.
pub fn collect(jobs: &[Job], folder: &Folder) -> Result<Collected> {
    let mut collected = Collected {
        records: Vec::new(),
        missing: Vec::new(),
    };
    let mut rows: Vec<&str> = jobs.iter().map(|job| &*job.identity.row).collect();
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(*row));
    for row in rows {
        let of_row = || jobs.iter().filter(|job| job.identity.row == row);
        let mut missing = Missing {
            row: row.into(),
            runs: of_row().count(),
            seeds: Vec::new(),
            refused: None,
        };
        let mut devices = BTreeSet::new();
        for job in of_row() {
            match folder.look_up(&job.identity, job.keeps_weights, true) {
                Ok(Some(run)) => {
                    let identity = &run.identity;
                    let engine = identity.engine.to_string();
                    devices.insert(identity.adapter.clone().unwrap_or(engine));
                    collected.records.push(run);
                }
                Ok(None) => missing.seeds.push(job.identity.seed),
                Err(why) => {
                    missing.seeds.push(job.identity.seed);
                    missing.refused.get_or_insert(why);
                }
            }
        }
        if devices.len() > 1 {
            let devices: Vec<String> = devices.into_iter().collect();
            let problem = format!(
                "found runs of {row} on {}, expected one engine and adapter for a row",
                devices.join(" and on ")
            );
            return Err(Error::file(folder.path(), problem));
        }
        if !missing.seeds.is_empty() {
            collected.missing.push(missing);
        }
    }
    Ok(collected)
}
