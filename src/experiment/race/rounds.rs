//! The rounds of a race: measurements before the first, and the runs of each.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entrant::Tuned;
use super::{Entrant, Race};
use crate::data::DigitsRecord;
use crate::error::Result;
use crate::experiment::folder::Plan;
use crate::experiment::queue::Queue;
use crate::experiment::record::{Contestant, Identity, Machine, RunRecord};
use crate::experiment::run::Job;
use crate::experiment::share::Part;

/// Measurements of a race, or of a share of one, before its first round.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    pub reading: f64,
    pub tuned: Vec<Tuned>,
    pub machine: Machine,
    /// All that collecting the race takes, without the entrants' devices.
    pub entered: Vec<Entered>,
}

/// An entrant before its first run.
#[derive(Serialize, Deserialize)]
pub(super) struct Entered {
    pub contestant: Contestant,
    /// Identity of its run with the first seed.
    pub identity: Identity,
}

/// A round's number, from 0, and its jobs.
type Round = (usize, Vec<Job>);

impl Race<'_> {
    /// Races the rounds that the folder is open for, where it lacks them; returns their records.
    pub(super) fn race(
        &mut self,
        digits: &DigitsRecord,
        queue: &Queue,
    ) -> Result<Vec<(usize, Vec<RunRecord>)>> {
        // More shares than rounds.
        if self.rounds(digits, queue.folder.part()).is_empty() {
            return Ok(Vec::new());
        }
        let start = self.start(digits, queue)?;
        self.reading = start.reading;
        for (entrant, tuned) in self.entrants.iter_mut().zip(&start.tuned) {
            entrant.settle(tuned)?;
        }
        let rounds = self.rounds(digits, queue.folder.part());
        let mut jobs = Vec::new();
        for (_, round) in &rounds {
            if !queue.folder.has(round) {
                queue.folder.forget(round)?;
            }
            jobs.extend_from_slice(round);
        }
        let records = queue.run(&jobs, 1)?;
        let records = records.chunks(self.entrants.len()).map(<[_]>::to_vec);
        let numbers = rounds.iter().map(|(number, _)| *number);
        Ok(numbers.zip(records).collect())
    }

    /// The rounds of this part; the contestant that is second in one is first in the next.
    fn rounds(&self, digits: &DigitsRecord, part: Part) -> Vec<Round> {
        let count = self.entrants.len();
        let is_own = |round: usize| match part {
            Part::All => true,
            Part::Share(share) => round % share.count() == share.index(),
            Part::Nothing => false,
        };
        let seeds = self.rule.seeds.iter().enumerate();
        let seeds = seeds.filter(|(round, _)| is_own(*round));
        seeds
            .map(|(round, &seed)| {
                let turns = (0..count).map(|turn| &self.entrants[(round + turn) % count]);
                let jobs = turns.map(|one| one.job((self.digits, digits), seed));
                (round, jobs.collect())
            })
            .collect()
    }

    /// Identity of the race but for who races.
    pub(super) fn terms(&self, digits: &DigitsRecord) -> Value {
        json!({
            "seeds": self.rule.seeds, "target": self.rule.target_misses,
            "restrictions": self.restrictions, "digits": digits, "version": self.stamp.version,
        })
    }

    /// Identity of the race, or of a share of it.
    fn identity(&self, digits: &DigitsRecord, part: Part) -> Value {
        let contestants = self.entrants.iter().map(|one| {
            let kernels = one.target.adapter().map(|found| &found.options.kernels);
            json!([one.name(), one.recipe, format!("{kernels:?}")])
        });
        let mut plan = self.terms(digits);
        plan["contestants"] = contestants.collect();
        // A share may resume on another machine: its rounds are compared each within itself.
        if part == Part::All {
            plan["machine"] = json!(self.stamp.machine);
        }
        plan
    }

    /// Measures what comes before the first round, or takes it from the race in the folder.
    fn start(&self, digits: &DigitsRecord, queue: &Queue) -> Result<Start> {
        let part = queue.folder.part();
        let file: Plan = match part {
            Part::Share(share) => queue.folder.plan_of(share)?,
            _ => queue.folder.plan(),
        };
        let plan = self.identity(digits, part);
        let rounds = self.rounds(digits, part);
        let found = file.find(&plan)?;
        // The first round has the times from a cold start: without it there is nothing to resume.
        let begun = found.filter(|found| !found.finished && queue.folder.has(&rounds[0].1));
        if let Some(start) = begun.and_then(|begun| serde_json::from_value(begun.start).ok()) {
            return Ok(start);
        }
        let seed = self.rule.seeds[0];
        let entrants = self.entrants.iter();
        let tuned = entrants.map(|one| one.tune(&one.job((self.digits, digits), seed), queue));
        let start = Start {
            reading: self.reading,
            tuned: tuned.collect::<Result<_>>()?,
            machine: self.stamp.machine.clone(),
            entered: self
                .entrants
                .iter()
                .map(|one| self.entered(one, digits))
                .collect(),
        };
        queue
            .folder
            .forget(rounds.iter().flat_map(|(_, jobs)| jobs))?;
        file.begin(plan, json!(start))?;
        Ok(start)
    }

    fn entered(&self, one: &Entrant, digits: &DigitsRecord) -> Entered {
        Entered {
            contestant: one.contestant.clone(),
            identity: one.job((self.digits, digits), self.rule.seeds[0]).identity,
        }
    }
}
