//! An observer of queues of runs that notes how they begin and end and may interrupt them.

use std::path::Path;
use std::sync::Mutex;

use gpu_train::error::{Error, Result};
use gpu_train::experiment::queue::Observer;
use gpu_train::experiment::record::RunRecord;

/// Runs found, runs missing and examples of the missing ones, as a queue begins.
pub type Begun = (usize, usize, u64);

/// Notes how queues begin and the seeds of their runs, and interrupts after some runs or examples.
pub struct Noted {
    begun: Mutex<Vec<Begun>>,
    ended: Mutex<Vec<u64>>,
    shown: Mutex<u64>,
    most_runs: usize,
    most_examples: u64,
}

impl Noted {
    /// Interrupts once this many runs have ended, or this many examples have been shown.
    pub fn new(most_runs: usize, most_examples: u64) -> Self {
        Self {
            begun: Mutex::default(),
            ended: Mutex::default(),
            shown: Mutex::default(),
            most_runs,
            most_examples,
        }
    }

    /// Interrupts nothing.
    pub fn endless() -> Self {
        Self::new(usize::MAX, u64::MAX)
    }

    /// Queues in the order in which they began.
    pub fn begun(&self) -> Vec<Begun> {
        self.begun.lock().expect("no panic").clone()
    }

    /// Seeds of the runs, in the order in which they ended.
    pub fn ended(&self) -> Vec<u64> {
        self.ended.lock().expect("no panic").clone()
    }
}

impl Observer for Noted {
    fn begin(&self, _: &Path, found: usize, missing: usize, examples: u64) -> Result<()> {
        let mut begun = self.begun.lock().expect("no panic");
        begun.push((found, missing, examples));
        Ok(())
    }

    fn advance(&self, examples: u64) -> Result<()> {
        let mut shown = self.shown.lock().expect("no panic");
        *shown += examples;
        match *shown >= self.most_examples || self.ended().len() >= self.most_runs {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        }
    }

    fn finish(&self, record: &RunRecord) -> Result<()> {
        self.ended
            .lock()
            .expect("no panic")
            .push(record.identity.seed);
        Ok(())
    }

    fn note(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
