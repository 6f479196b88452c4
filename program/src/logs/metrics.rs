//! `--metrics FILE.jsonl`: one row of JSON per evaluation.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use gpu_train::engine::Engine;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::SplitReport;
use gpu_train::file;
use gpu_train::recipe::Recipe;
use gpu_train::train::Point;

/// An open metrics file.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    file: File,
    /// Length of the complete rows.
    bytes: u64,
}

impl Metrics {
    /// Creates the file and writes its first row (program, engine, device, digits, recipe). A resumed run also writes the rows
    /// of its past.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn create(
        path: &Path,
        recipe: &Recipe,
        engine: &dyn Engine,
        digits: &str,
        past: &[Point],
    ) -> Result<Self> {
        file::check_target(path)?;
        let file = File::create(path).map_err(|error| Error::file(path, error))?;
        let mut metrics = Self {
            path: path.to_owned(),
            file,
            bytes: 0,
        };
        metrics.write(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "engine": engine.kind(),
            "device": engine.device(),
            "digits": digits,
            "recipe": recipe,
        }))?;
        for point in past {
            metrics.row(point)?;
        }
        Ok(metrics)
    }

    /// Writes one evaluation.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn row(&mut self, point: &Point) -> Result<()> {
        self.write(&json!({
            "step": point.step,
            "seconds": point.seconds,
            "train": SplitReport::from(point.train),
            "test": SplitReport::from(point.test),
        }))
    }

    fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(row).expect("a row has only plain fields");
        line.push('\n');
        // One write per row: a reader never sees a partial row.
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // Removes the part of the row that a full disk accepted, so that the file holds complete rows only.
            let _ = self.file.set_len(self.bytes);
            return Err(Error::file(
                &self.path,
                format!("found that it cannot be written ({error}), expected room for a row"),
            ));
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}
