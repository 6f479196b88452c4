//! The contestants, and the rounds.

use crate::terminal::context::cores;
use crate::terminal::{Output, RunsProgress};
use gpu_train::data::Digits;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::race;
use gpu_train::experiment::record::{Contestant, ContestantKind, FailedRun, RaceRun};
use gpu_train::gpu::Kind;
use gpu_train::recipe::Recipe;
use gpu_train::target::{self, Adapter, Target};

/// A contestant, and what it takes to run it.
pub(super) struct Entrant {
    contestant: Contestant,
    recipe: Recipe,
    target: Target,
}

impl Entrant {
    /// Its name in the race.
    pub(super) fn name(&self) -> &str {
        &self.contestant.name
    }
}

/// What all share.
pub(super) struct Contest<'a> {
    /// What is trained on.
    pub(super) digits: &'a Digits,
    /// A round each.
    pub(super) seeds: &'a [u64],
    /// Where lines go.
    pub(super) output: Output,
}

impl Contest<'_> {
    /// The baseline, then each recipe on one core, on all, and on each adapter, whose kernels are measured now.
    ///
    /// # Errors
    /// If a recipe has too many updates, or an adapter is not there or fails.
    pub(super) fn entrants(
        &self,
        baseline: &Recipe,
        recipes: &[Recipe],
        adapters: Vec<Adapter>,
    ) -> Result<Vec<Entrant>> {
        let mut entrants = vec![self.entrant(
            "per-example".into(),
            ContestantKind::PerExample,
            baseline,
            Target::PerExample,
        )?];
        for recipe in recipes {
            let mut threads = vec![1, cores()];
            threads.dedup();
            for threads in threads {
                let plural = if threads == 1 { "" } else { "s" };
                let name = format!("cpu, {threads} core{plural}: {}", recipe.name);
                entrants.push(self.entrant(
                    name,
                    ContestantKind::Cpu,
                    recipe,
                    Target::Cpu(threads),
                )?);
            }
        }
        for adapter in adapters {
            for recipe in recipes {
                let entrant = self.on_adapter(adapter.clone(), recipe)?;
                if entrants.iter().all(|other| other.name() != entrant.name()) {
                    entrants.push(entrant);
                }
            }
        }
        Ok(entrants)
    }

    fn on_adapter(&self, adapter: Adapter, recipe: &Recipe) -> Result<Entrant> {
        let kind = match adapter.description.kind {
            Kind::Software => ContestantKind::Software,
            _ => ContestantKind::Gpu,
        };
        let device = adapter.description.to_string();
        self.output.line(&format!("choosing kernels on {device}"))?;
        let recipe = self.seeded(recipe, 0);
        let start = recipe.initial_parameters();
        let (adapter, tuning) = adapter.settled(self.digits, &recipe, &start)?;
        let name = format!("{device}: {}", recipe.name);
        let mut entrant = self.entrant(name, kind, &recipe, Target::Adapter(adapter))?;
        entrant.contestant.tuning = tuning;
        entrant.contestant.device = device;
        Ok(entrant)
    }

    fn entrant(
        &self,
        name: String,
        kind: ContestantKind,
        recipe: &Recipe,
        target: Target,
    ) -> Result<Entrant> {
        let examples = self.digits.train.len();
        let steps = recipe.validate_updates(examples)?;
        let recipe = self.seeded(recipe, 0);
        let contestant = Contestant {
            name,
            kind,
            recipe_name: recipe.name.clone(),
            recipe: serde_json::to_value(&recipe).expect("a recipe has only plain fields"),
            device: String::new(),
            cores: match target {
                Target::Cpu(threads) => Some(threads as u32),
                Target::Adapter(_) => None,
                Target::Reference | Target::PerExample => Some(1),
            },
            kernels: None,
            steps,
            presentations: recipe.presentations(steps, examples),
            tuning: 0.0,
            runs: Vec::new(),
            failed: Vec::new(),
            standing: None,
        };
        Ok(Entrant {
            contestant,
            recipe,
            target,
        })
    }

    fn seeded(&self, recipe: &Recipe, round: usize) -> Recipe {
        Recipe {
            seed: self.seeds[round],
            ..recipe.clone()
        }
    }

    /// Runs all rounds; whoever was second in one is first in the next.
    ///
    /// # Errors
    /// What an engine returns, but for divergence, which is a failed run.
    pub(super) fn race(&self, mut entrants: Vec<Entrant>) -> Result<Vec<Contestant>> {
        let work: u64 = entrants
            .iter()
            .map(|entrant| entrant.contestant.presentations)
            .sum();
        let rounds = self.seeds.len();
        let runs = rounds * entrants.len();
        let progress = RunsProgress::new(runs, work * rounds as u64, self.output);
        for round in 0..rounds {
            for turn in 0..entrants.len() {
                let index = (round + turn) % entrants.len();
                let line = self.one(&mut entrants[index], round)?;
                progress.advance(entrants[index].contestant.presentations);
                progress.finish(&format!("round {}/{rounds}, {line}", round + 1))?;
            }
        }
        progress.end();
        let contestants = entrants.into_iter().map(|entrant| entrant.contestant);
        Ok(contestants.collect())
    }

    /// One run; returns a line about it.
    fn one(&self, entrant: &mut Entrant, round: usize) -> Result<String> {
        let recipe = self.seeded(&entrant.recipe, round);
        let examples = self.digits.train.len();
        let start = recipe.initial_parameters();
        let opened = target::open(&entrant.target, self.digits, &recipe, &start)?;
        let mut engine = opened.engine;
        let found = race::run(engine.as_mut(), &recipe, examples);
        let contestant = &mut entrant.contestant;
        contestant.device = engine.device();
        contestant.kernels = opened.kernels;
        let (name, seed) = (&contestant.name, recipe.seed);
        match found {
            Ok(timed) => {
                contestant.runs.push(RaceRun {
                    round: round as u32,
                    seed,
                    setup: opened.set_up,
                    train: timed.seconds,
                    test_misses: timed.test_misses,
                    train_misses: timed.train_misses,
                });
                Ok(format!(
                    "seed {seed}: {name}: {:.4} s, {} test misses",
                    timed.seconds, timed.test_misses
                ))
            }
            Err(Error::Diverged(message)) => {
                let line = format!("seed {seed}: {name}: failed: {message}");
                contestant.failed.push(FailedRun { seed, message });
                Ok(line)
            }
            Err(error) => Err(error),
        }
    }
}
