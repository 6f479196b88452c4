//! What `gpu-train reproduce` and `gpu-train race` leave behind, as data: pictures and pages are made of it.
//!
//! All of it is JSON that this program writes and reads. A recipe is kept as the JSON it was written as: records
//! outlive its fields.

mod race;
mod reproduce;
mod statistics;

pub use race::{
    Contestant, ContestantKind, PublishedTime, RaceRecord, RaceRule, RaceRun, Spread, Standing,
};
pub use reproduce::{
    CurvePoint, DigitsRecord, FailedRun, Identity, MissedExample, Published, RunRecord, Table,
    TableRow, differing_field,
};
pub use statistics::Statistics;

/// Version of the form of all records. A record of another one is not used.
pub const SCHEMA: u32 = 1;
