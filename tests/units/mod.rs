//! Unit tests of public items, each file of the module of its name.

mod checkpoint;
mod draw;
mod file;
mod folder;
mod idx;
mod programs;
mod queue;
mod race;
mod reproduce;
mod run_loop;
mod saving;
mod search;
mod simd;
mod start;
mod tilings;
mod verdict;
mod weights;
mod whitening;
mod zip_code;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use gpu_train::error::{Error, Result};
use gpu_train::experiment::queue::Observer;
use gpu_train::experiment::record::{Machine, RunRecord, SCHEMA, Stamp};

/// The head of a record.
fn stamp() -> Stamp {
    Stamp {
        schema: SCHEMA,
        version: "0".into(),
        date: "2026-01-01".into(),
        command: "gpu-train".into(),
        machine: Machine {
            processor: "Some CPU".into(),
            cores: 2,
            os: "linux".into(),
        },
    }
}

/// Counts runs, and interrupts after some.
struct Counted {
    ran: AtomicUsize,
    most: usize,
}

impl Counted {
    fn new(most: usize) -> Self {
        let ran = AtomicUsize::new(0);
        Self { ran, most }
    }
}

impl Observer for Counted {
    fn begin(&self, _: &Path, _: usize, _: usize, _: u64) -> Result<()> {
        Ok(())
    }

    fn advance(&self, _: u64) -> Result<()> {
        match self.ran.load(Ordering::Relaxed) >= self.most {
            true => Err(Error::Interrupted(String::new())),
            false => Ok(()),
        }
    }

    fn finish(&self, _: &RunRecord) -> Result<()> {
        self.ran.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn note(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
