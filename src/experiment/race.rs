//! The race to the reproduction's misses: its rule, its entrants, its rounds and its standings. One run is in
//! [`run`](super::run), the verdict in [`verdict`].

mod entrant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::queue::Queue;
use super::run::Job;
use super::statistics::Sample;
use super::verdict::{self, ESSAY_SECONDS, TARGET, Verdict};
use crate::data::{Digits, DigitsRecord, Source};
use crate::error::Result;
use crate::experiment::record::{
    Contestant, ContestantKind, PublishedTime, RaceRecord, RaceRule, RaceRun, RunRecord, Stamp,
    Standing, Statistics,
};

use self::entrant::Tuned;
pub use self::entrant::{Entrant, entrants};

/// The rule of a race over these seeds (at least one), in numbers and in sentences.
pub fn rule(target: u32, test_examples: usize, seeds: Vec<u64>) -> RaceRule {
    let whose = match target {
        TARGET => ", those of the essay's reproduction",
        _ => "",
    };
    let over = match (seeds.as_slice(), seeds.first(), seeds.last()) {
        ([one], _, _) => format!("seed {one} alone"),
        (all, Some(first), Some(last)) => format!("{} seeds, {first} to {last}", all.len()),
        _ => String::new(),
    };
    RaceRule {
        target_misses: target,
        test_examples: test_examples as u32,
        text: vec![
            format!(
                "Target: mean test misses of at most {target} of {test_examples}{whose}, over {over}. A contestant qualifies \
                 if the mean's whole 95% interval is at most that; where the interval straddles it, the race is undecided."
            ),
            "Fixed beforehand: the seeds, and each recipe's number of steps and hyper-parameters; nothing stops at or is \
             chosen by the test digits."
                .into(),
            "Clock: computing the starting point, if it is not drawn, and from the first training submission until the \
             final weights are read back and the device's count of steps is checked; evaluation comes after."
                .into(),
            "Separately: set-up (the engine, its kernels compiled, the digits uploaded) and tuning (measuring kernels, \
             always done anew here). The cold total is reading, tuning, set-up and training of the first round; what a \
             driver keeps compiled from before is out of our hands."
                .into(),
            "Rounds: each contestant runs each seed once, in turn, one round per seed, another contestant first in each; \
             nothing else of this program runs meanwhile. An interrupted race resumes at the start of the interrupted \
             round, as times are compared within a round."
                .into(),
        ],
        seeds,
    }
}

/// A race before its first round.
pub struct Race<'a> {
    /// The head of its record.
    pub stamp: Stamp,
    /// The digits.
    pub digits: &'a Digits,
    /// Their source.
    pub source: Source,
    /// The reasons why it may not be compared with published times, in words.
    pub restrictions: Vec<String>,
    /// Seconds from the start of the process until the digits were in memory.
    pub reading: f64,
    /// The rule.
    pub rule: RaceRule,
    /// The entrants, the baseline first.
    pub entrants: Vec<Entrant>,
}

/// Measurements before the first round.
#[derive(Serialize, Deserialize)]
struct Start {
    reading: f64,
    tuned: Vec<Tuned>,
}

impl Race<'_> {
    /// Races, or resumes this very race where the queue's folder has whole rounds of it.
    ///
    /// # Errors
    /// If the folder has another race that has not finished; what the queue returns.
    pub fn run(mut self, queue: &Queue) -> Result<RaceRecord> {
        let digits = DigitsRecord::of(self.digits);
        let start = self.start(&digits, queue)?;
        self.reading = start.reading;
        for (entrant, tuned) in self.entrants.iter_mut().zip(&start.tuned) {
            entrant.settle(tuned)?;
        }
        let rounds = self.rounds(&digits);
        for round in &rounds {
            if !queue.folder.has(round) {
                queue.folder.forget(round)?;
            }
        }
        let records = queue.run(&rounds.concat(), 1)?;
        for (round, records) in records.chunks(self.entrants.len()).enumerate() {
            for entrant in &mut self.entrants {
                let is_own = |run: &&RunRecord| run.identity.row == entrant.name();
                let run = records.iter().find(is_own).expect("each ran");
                entrant.add(round, run);
            }
        }
        Ok(self.record(digits))
    }

    /// The jobs of each round; the contestant that is second in one is first in the next.
    fn rounds(&self, digits: &DigitsRecord) -> Vec<Vec<Job>> {
        let count = self.entrants.len();
        let seeds = self.rule.seeds.iter().enumerate();
        seeds
            .map(|(round, &seed)| {
                let turns = (0..count).map(|turn| &self.entrants[(round + turn) % count]);
                turns
                    .map(|one| one.job((self.digits, digits), seed))
                    .collect()
            })
            .collect()
    }

    /// Measures what comes before the first round, or takes it from the race in the folder.
    fn start(&self, digits: &DigitsRecord, queue: &Queue) -> Result<Start> {
        let contestants = self.entrants.iter().map(|one| {
            let kernels = one.target.adapter().map(|found| &found.options.kernels);
            json!([one.name(), one.recipe, format!("{kernels:?}")])
        });
        let plan = json!({
            "seeds": self.rule.seeds, "target": self.rule.target_misses,
            "restrictions": self.restrictions, "digits": digits,
            "machine": self.stamp.machine, "version": self.stamp.version,
            "contestants": contestants.collect::<Vec<_>>(),
        });
        let rounds = self.rounds(digits);
        let found = queue.folder.experiment(&plan)?;
        // The first round has the times from a cold start: without it there is nothing to resume.
        let begun = found.filter(|found| !found.finished && queue.folder.has(&rounds[0]));
        if let Some(start) = begun.and_then(|begun| serde_json::from_value(begun.start).ok()) {
            return Ok(start);
        }
        let firsts = self.entrants.iter().zip(&rounds[0]);
        let tuned = firsts.map(|(one, job)| one.tune(job, queue));
        let start = Start {
            reading: self.reading,
            tuned: tuned.collect::<Result<_>>()?,
        };
        queue.folder.forget(rounds.iter().flatten())?;
        queue.folder.begin(plan, json!(start))?;
        Ok(start)
    }

    fn record(self, digits: DigitsRecord) -> RaceRecord {
        let entrants = self.entrants.into_iter();
        let record = RaceRecord {
            stamp: self.stamp,
            digits,
            reading: self.reading,
            rule: self.rule,
            restrictions: self.restrictions,
            contestants: entrants.map(|one| one.contestant).collect(),
            published: published(),
            verdict: Vec::new(),
        };
        judged(record, self.source)
    }
}

/// The record of a race on digits of this source whose contestants have run, with their standings and the verdict.
#[must_use]
pub fn judged(mut record: RaceRecord, source: Source) -> RaceRecord {
    stand(&mut record, source);
    record.verdict = verdict::of_race(&record);
    record
}

/// Published times of 23 epochs of batch 1.
pub fn published() -> Vec<PublishedTime> {
    let times = [
        ("the 1989 paper, SUN-4/260", 3.0 * 86_400.0, true),
        ("the essay (2022), PyTorch, M1 CPU", ESSAY_SECONDS, true),
        ("tinygrad, Metal", 190.0, false),
        ("plain JavaScript, Node", 27.0, true),
    ];
    let time = |(name, seconds, about): (&str, f64, bool)| PublishedTime {
        name: name.into(),
        seconds,
        about,
    };
    times.map(time).into()
}

/// Fills in the contestants' standings in a race on digits of this source.
fn stand(race: &mut RaceRecord, source: Source) {
    let is_baseline = |one: &&Contestant| one.kind == ContestantKind::PerExample;
    let baseline = race.contestants.iter().find(is_baseline);
    let baseline = baseline.map_or(Vec::new(), |one| one.runs.clone());
    for one in &mut race.contestants {
        one.standing = standing(one, &baseline, race.rule.target_misses, race.reading);
        if let Some(found) = one.standing.as_mut().filter(|_| one.failed.is_empty()) {
            let (seconds, misses) = (found.train.median, found.misses.mean);
            found.over_essay =
                Verdict::of(seconds, misses, source, &race.restrictions).over_essay();
        }
    }
}

fn standing(one: &Contestant, baseline: &[RaceRun], target: u32, reading: f64) -> Option<Standing> {
    let sample = |value: fn(&RaceRun) -> f64| Sample::of(one.runs.iter().map(value));
    let first = one.runs.first()?;
    let misses: Vec<u32> = one.runs.iter().map(|run| run.test_misses).collect();
    let misses = Statistics::of(&misses)?;
    let [low, high] = misses.mean_interval.unwrap_or([misses.mean; 2]);
    let (none_failed, target) = (one.failed.is_empty(), f64::from(target));
    // Both ran within a round, under the same conditions.
    let ratios = one.runs.iter().filter_map(|run| {
        let other = baseline.iter().find(|other| other.round == run.round)?;
        Some(other.train / run.train)
    });
    Some(Standing {
        train: sample(|run| run.train)?.into(),
        start: sample(|run| run.start)?.median(),
        setup: sample(|run| run.setup)?.into(),
        cold_total: reading + one.tuning + first.setup + first.train,
        qualifies: none_failed && high <= target,
        undecided: none_failed && low <= target && target < high,
        misses,
        over_per_example: Sample::of(ratios).map(|ratios| ratios.median()),
        over_essay: None,
    })
}

#[cfg(test)]
mod tests;
