//! The race to the reproduction's misses: its rule, its entrants, its rounds and its standings. One run is in
//! [`run`](super::run), the verdict in [`verdict`].

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plural;
use super::queue::Queue;
use super::run::Job;
use super::statistics::Sample;
use super::verdict::{self, ESSAY_SECONDS, TARGET, Verdict};
use crate::data::{Digits, DigitsRecord, Source};
use crate::error::{Error, Result};
use crate::experiment::record::{
    Contestant, ContestantKind, FailedRun, PublishedTime, RaceRecord, RaceRule, RaceRun, RunRecord,
    Stamp, Standing, Statistics,
};
use crate::gpu::{Kernels, Kind};
use crate::recipe::Recipe;
use crate::target::{Adapter, Target};

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
                "Target: mean test misses of at most {target} of {test_examples}{whose}, over {over}."
            ),
            "Fixed beforehand: the seeds, and each recipe's number of steps and hyper-parameters; nothing stops at or is \
             chosen by the test digits."
                .into(),
            "Clock: from the first training submission until the final weights are read back and the device's count of \
             steps is checked; evaluation comes after."
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

/// A contestant, and what it takes to run it.
#[derive(Debug, Clone)]
pub struct Entrant {
    contestant: Contestant,
    recipe: Recipe,
    target: Target,
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

/// The entrants: the baseline, then each recipe on one core, on all, and on each adapter.
///
/// # Errors
/// If a recipe has too many updates.
pub fn entrants(
    baseline: &Recipe,
    recipes: &[Recipe],
    adapters: Vec<Adapter>,
    (cores, examples): (usize, usize),
) -> Result<Vec<Entrant>> {
    let mut cpus = vec![Target::Cpu(1), Target::Cpu(cores)];
    cpus.truncate(cores.min(2));
    let mut entrants = vec![Entrant::new(baseline, &Target::PerExample, examples)?];
    let mut pairs = Vec::new();
    for recipe in recipes {
        pairs.extend(cpus.iter().map(|target| (recipe, target.clone())));
    }
    for adapter in adapters {
        let target = Target::Adapter(adapter);
        pairs.extend(recipes.iter().map(|recipe| (recipe, target.clone())));
    }
    for (recipe, target) in &pairs {
        let entrant = Entrant::new(recipe, target, examples)?;
        // Two flags may choose the same adapter.
        if entrants.iter().all(|other| other.name() != entrant.name()) {
            entrants.push(entrant);
        }
    }
    Ok(entrants)
}

/// A contestant's kernels, and the seconds spent on measuring them before the first round.
#[derive(Default, Serialize, Deserialize)]
struct Tuned {
    kernels: Option<String>,
    tuning: f64,
}

impl Entrant {
    fn new(recipe: &Recipe, target: &Target, examples: usize) -> Result<Self> {
        let steps = recipe.validate_updates(examples)?;
        let (kind, place, cores) = match target {
            Target::Cpu(threads) => {
                let place = format!("cpu, {}", plural(*threads, "core"));
                (ContestantKind::Cpu, place, Some(*threads as u32))
            }
            Target::Adapter(found) => {
                let kind = match found.description.kind {
                    Kind::Software => ContestantKind::Software,
                    _ => ContestantKind::Gpu,
                };
                (kind, found.description.to_string(), None)
            }
            Target::PerExample | Target::Reference => {
                (ContestantKind::PerExample, String::new(), Some(1))
            }
        };
        let contestant = Contestant {
            name: match kind {
                ContestantKind::PerExample => "per-example".into(),
                _ => format!("{place}: {}", recipe.name),
            },
            kind,
            recipe_name: recipe.name.clone(),
            recipe: serde_json::Value::Null,
            device: place,
            cores,
            kernels: None,
            steps,
            presentations: recipe.presentations(steps, examples),
            tuning: 0.0,
            runs: Vec::new(),
            failed: Vec::new(),
            standing: None,
        };
        Ok(Self {
            contestant,
            recipe: recipe.clone(),
            target: target.clone(),
        })
    }

    /// Its name in the race.
    pub fn name(&self) -> &str {
        &self.contestant.name
    }

    /// Settles an adapter's kernels, by measuring where its options ask for that.
    fn tune(&self, first: &Job, queue: &Queue) -> Result<Tuned> {
        let Target::Adapter(adapter) = &self.target else {
            return Ok(Tuned::default());
        };
        let device = &self.contestant.device;
        queue
            .observer
            .note(&format!("choosing kernels on {device}"))?;
        let (digits, recipe) = (&first.digits, &first.recipe);
        let start = recipe.initial_parameters();
        let (adapter, tuning) = adapter.clone().settled(digits, recipe, &start)?;
        let kernels = match adapter.options.kernels {
            Kernels::Fixed(variant) => Some(variant.to_string()),
            _ => None,
        };
        Ok(Tuned { kernels, tuning })
    }

    /// Takes the kernels that were settled.
    fn settle(&mut self, tuned: &Tuned) -> Result<()> {
        if let (Target::Adapter(adapter), Some(kernels)) = (&mut self.target, &tuned.kernels) {
            let variant = kernels.parse().map_err(|_| {
                Error::Device(format!(
                    "found the kernels {kernels:?} in the race's folder, expected a form known here"
                ))
            })?;
            adapter.options.kernels = Kernels::Fixed(variant);
        }
        self.contestant.tuning = tuned.tuning;
        Ok(())
    }

    fn job(&self, digits: (&Digits, &DigitsRecord), seed: u64) -> Job {
        let recipe = Recipe {
            seed,
            ..self.recipe.clone()
        };
        Job::new(self.name(), digits, recipe, self.target.clone())
    }

    fn add(&mut self, round: usize, run: &RunRecord) {
        let seed = run.identity.seed;
        let one = &mut self.contestant;
        if round == 0 {
            one.recipe = run.identity.recipe.clone();
        }
        one.device.clone_from(&run.device);
        one.kernels.clone_from(&run.kernels);
        if let Some(message) = run.failed.clone() {
            one.failed.push(FailedRun { seed, message });
        } else if let Some(end) = run.last() {
            one.runs.push(RaceRun {
                round: round as u32,
                seed,
                setup: run.seconds.setup,
                train: run.seconds.train,
                test_misses: end.test.misses,
                train_misses: end.train.misses,
            });
        }
    }
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
        let mut record = RaceRecord {
            stamp: self.stamp,
            digits,
            reading: self.reading,
            rule: self.rule,
            restrictions: self.restrictions,
            contestants: entrants.map(|one| one.contestant).collect(),
            published: published(),
            verdict: Vec::new(),
        };
        stand(&mut record, self.source);
        record.verdict = verdict::of_race(&record);
        record
    }
}

/// Published times of 23 epochs of batch 1.
fn published() -> Vec<PublishedTime> {
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
    // Both ran within a round, under the same conditions.
    let ratios = one.runs.iter().filter_map(|run| {
        let other = baseline.iter().find(|other| other.round == run.round)?;
        Some(other.train / run.train)
    });
    Some(Standing {
        train: sample(|run| run.train)?.into(),
        setup: sample(|run| run.setup)?.into(),
        cold_total: reading + one.tuning + first.setup + first.train,
        qualifies: one.failed.is_empty() && misses.mean <= f64::from(target),
        misses,
        over_per_example: Sample::of(ratios).map(|ratios| ratios.median()),
        over_essay: None,
    })
}

#[cfg(test)]
mod tests;
