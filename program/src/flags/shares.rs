//! Flags of `reproduce`, `race` and `search` for several processes at work in one folder.

use std::path::Path;

use clap::Args;

use crate::terminal::Output;
use crate::terminal::context::command_to_collect;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::share::{Part, Share};

/// The part of the runs that this process does.
#[derive(Debug, Default, Args)]
#[group(id = "share-flags")]
#[command(next_help_heading = "Several machines (docs/clusters.md)")]
pub struct Arguments {
    /// Do one share of the runs only: INDEX (from 0) of COUNT processes that use the same folder, at the same time or not.
    /// Finished runs are kept, so that the same share again resumes; --collect makes the results
    #[arg(long, value_name = "INDEX/COUNT", conflicts_with_all = ["collect", "json"])]
    share: Option<Share>,
    /// Run nothing: make the results from the runs that are there, on any machine, and name those that are missing
    /// (exit code 1)
    #[arg(long)]
    collect: bool,
}

impl Arguments {
    /// The part in words of the program.
    pub fn part(&self) -> Part {
        match self.share {
            Some(share) => Part::Share(share),
            None if self.collect => Part::Nothing,
            None => Part::All,
        }
    }

    /// Opens a folder of runs for this part, and prints a warning where it cannot be locked.
    ///
    /// # Errors
    /// As [`Folder::open`]; if the output cannot be written.
    pub fn open(&self, path: &Path, output: Output) -> Result<Folder> {
        let folder = Folder::open(path, self.part())?;
        folder.warning().map_or(Ok(()), |line| output.line(line))?;
        Ok(folder)
    }
}

/// Prints that a share has done its part.
///
/// # Errors
/// If the output cannot be written.
pub fn ended(output: Output, share: Share, what: &str) -> Result<()> {
    output.line(&format!(
        "share {share}: {what}; once those of every share are:\n  {}",
        command_to_collect()
    ))
}

/// Prints what is missing, and fails if anything is.
///
/// # Errors
/// [`Error::Reported`].
pub fn refuse_missing(missing: &[String]) -> Result<()> {
    for line in missing {
        Output::Error.line(line)?;
    }
    match missing {
        [] => Ok(()),
        _ => Err(Error::Reported),
    }
}
