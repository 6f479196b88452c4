//! The records that `gpu-train reproduce` and `gpu-train race` write; pictures and pages are made from them.
//!
//! All of it is JSON that this program writes and reads. A recipe is kept as the JSON it was written as: records
//! outlive its fields.

mod bench;
mod race;
mod reproduce;
mod run;
mod stamp;

pub use super::statistics::{Distribution, Spread, Statistics};
pub use bench::{BenchReport, EngineReport, KernelReport};
pub use race::{
    Contestant, ContestantKind, PublishedTime, RaceRecord, RaceRule, RaceRun, Standing,
};
pub use reproduce::{
    CurvePoint, FailedRun, Identity, MissedExample, Published, RunRecord, Table, TableRow,
};
pub use run::{Seconds, SplitReport};
pub use stamp::{Machine, Stamp};

/// Version of the form of all records. A record of another one is not used.
pub const SCHEMA: u32 = 1;
