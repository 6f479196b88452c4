//! The race to the reproduction's misses: its rule, its entrants, its rounds and its standings. One run is in
//! [`run`](super::run), the verdict in [`verdict`].

mod collect;
mod entrant;
mod rounds;

use super::queue::Queue;
use super::statistics::Sample;
use super::verdict::{self, ESSAY_SECONDS, TARGET, Verdict};
use crate::data::{Digits, DigitsRecord, Source};
use crate::error::Result;
use crate::experiment::record::{
    Contestant, ContestantKind, PublishedTime, RaceRecord, RaceRule, RaceRun, RunRecord, Stamp,
    Standing, Statistics,
};

pub use self::collect::Collected;
pub use self::entrant::{Entrant, entrants};

/// The rule of a race over these seeds, in numbers and in sentences.
///
/// # Panics
/// If there is no seed.
pub fn rule(target: u32, test_examples: usize, seeds: Vec<u64>) -> RaceRule {
    let whose = match target {
        TARGET => ", those of the essay's reproduction",
        _ => "",
    };
    let over = match seeds.as_slice() {
        [first, .., last] => format!("{} seeds, {first} to {last}", seeds.len()),
        one => format!("seed {} alone", one[0]),
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
    /// The entrants, the baseline first. None to collect a race: those of the folder are taken.
    pub entrants: Vec<Entrant>,
}

impl Race<'_> {
    /// Races, or resumes this very race where the queue's folder has whole rounds of it.
    ///
    /// # Errors
    /// If the folder has another race that has not finished; what the queue returns.
    pub fn run(mut self, queue: &Queue) -> Result<RaceRecord> {
        let digits = DigitsRecord::of(self.digits);
        for (round, records) in self.race(&digits, queue)? {
            for entrant in &mut self.entrants {
                let is_own = |run: &&RunRecord| run.identity.row == entrant.name();
                let run = records.iter().find(is_own).expect("each ran");
                entrant::add(&mut entrant.contestant, round, run);
            }
        }
        let entrants = std::mem::take(&mut self.entrants).into_iter();
        let contestants = entrants.map(|one| one.contestant).collect();
        Ok(self.record(digits, contestants))
    }

    /// Races the rounds of the share that the queue's folder was opened for, whole ones, so that times are compared on one
    /// machine; resumes as [`Race::run`]. Returns how many they are.
    ///
    /// # Errors
    /// As [`Race::run`].
    pub fn run_share(mut self, queue: &Queue) -> Result<usize> {
        let digits = DigitsRecord::of(self.digits);
        Ok(self.race(&digits, queue)?.len())
    }

    fn record(self, digits: DigitsRecord, contestants: Vec<Contestant>) -> RaceRecord {
        let record = RaceRecord {
            stamp: self.stamp,
            digits,
            reading: self.reading,
            rule: self.rule,
            restrictions: self.restrictions,
            contestants,
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
