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

use gpu_train::experiment::record::{Machine, SCHEMA, Stamp};

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
