//! The record of a race from the rounds that its shares have run, where none of its devices need be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rounds::{Entered, Start};
use super::{Race, entrant};
use crate::data::DigitsRecord;
use crate::error::{Error, Result};
use crate::experiment::folder::{Folder, differing};
use crate::experiment::record::{Contestant, Identity, RaceRecord, RunRecord};

/// The rounds of a race that are there.
#[derive(Debug)]
pub struct Collected {
    /// Their record; none without a round.
    pub record: Option<RaceRecord>,
    /// Number and seed of each round that is not there as a whole.
    pub missing: Vec<(usize, u64)>,
}

impl Race<'_> {
    /// The record of the rounds in this folder. Reading, tuning and machine are those of the share that ran the first round;
    /// rounds on different devices, and missing ones, are restrictions.
    ///
    /// # Errors
    /// If the folder has no race, another one, or shares with different contestants.
    pub fn collect(mut self, folder: &Folder) -> Result<Collected> {
        let digits = DigitsRecord::of(self.digits);
        let start = self.found(&digits, folder)?;
        let seeds = self.rule.seeds.iter().copied().enumerate();
        let (mut rounds, mut missing) = (Vec::new(), Vec::new());
        for (number, seed) in seeds {
            match round(&start.entered, seed, folder) {
                Some(records) => rounds.push((number, records)),
                None => missing.push((number, seed)),
            }
        }
        if rounds.is_empty() {
            let record = None;
            return Ok(Collected { record, missing });
        }
        let mut contestants = Vec::new();
        let entered = start.entered.into_iter().zip(start.tuned).enumerate();
        for (place, (entered, tuned)) in entered {
            let mut one: Contestant = entered.contestant;
            one.tuning = tuned.tuning;
            for (number, records) in &rounds {
                entrant::add(&mut one, *number, &records[place]);
            }
            contestants.push(one);
        }
        self.restrictions.extend(mixed(&rounds));
        if !missing.is_empty() {
            let (missing, all) = (missing.len(), self.rule.seeds.len());
            self.restrictions
                .push(format!("{missing} of {all} rounds are missing"));
        }
        self.reading = start.reading;
        self.stamp.machine = start.machine;
        let record = Some(self.record(digits, contestants));
        Ok(Collected { record, missing })
    }

    /// The start of the share with the first round, or of the first share that is there.
    fn found(&self, digits: &DigitsRecord, folder: &Folder) -> Result<Start> {
        let refuse = |problem: String| Err(Error::file(folder.path(), problem));
        let plans = folder.plans()?;
        let Some((name, first)) = plans.first() else {
            return refuse("found no race that has begun, expected shares of one".into());
        };
        for (other, found) in &plans {
            let mut terms = found.plan.clone();
            let contestants = take(&mut terms, "contestants");
            take(&mut terms, "machine");
            let wanted = self.terms(digits);
            if terms != wanted {
                return refuse(format!("found {}", differing(&terms, &wanted)));
            }
            if contestants != first.plan["contestants"] {
                return refuse(format!(
                    "found other contestants in {other} than in {name}, expected the same of all shares"
                ));
            }
        }
        serde_json::from_value(first.start.clone()).map_err(|error| {
            let problem =
                format!("found no measurements in it ({error}), expected those of a race");
            Error::file(folder.path().join(name), problem)
        })
    }
}

fn take(plan: &mut Value, field: &str) -> Value {
    let fields = plan.as_object_mut();
    fields
        .and_then(|fields| fields.remove(field))
        .unwrap_or(Value::Null)
}

/// The records of a round, one of each entrant, if it is there as a whole.
fn round(entered: &[Entered], seed: u64, folder: &Folder) -> Option<Vec<RunRecord>> {
    let record = |entered: &Entered| {
        let mut wanted = Identity {
            seed,
            ..entered.identity.clone()
        };
        wanted.recipe["seed"] = json!(seed);
        folder.look_up(&wanted, false, false).ok().flatten()
    };
    entered.iter().map(record).collect()
}

/// The devices of a contestant, if its rounds ran on different ones.
fn mixed(rounds: &[(usize, Vec<RunRecord>)]) -> Option<String> {
    let contestants = rounds.first().map_or(0, |(_, records)| records.len());
    let devices = (0..contestants).map(|place| {
        let devices = rounds.iter().map(|(_, records)| &*records[place].device);
        devices.collect::<BTreeSet<&str>>()
    });
    let devices = devices.into_iter().find(|devices| devices.len() > 1)?;
    let devices: Vec<&str> = devices.into_iter().collect();
    Some(format!(
        "rounds on different devices: {}",
        devices.join("; ")
    ))
}
