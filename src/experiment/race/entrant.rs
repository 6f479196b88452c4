//! The entrants of a race: a recipe each, and where it trains.

use serde::{Deserialize, Serialize};

use crate::data::{Digits, DigitsRecord};
use crate::error::{Error, Result, plural};
use crate::experiment::queue::Queue;
use crate::experiment::record::{Contestant, ContestantKind, FailedRun, RaceRun, RunRecord};
use crate::experiment::run::Job;
use crate::gpu::{Kernels, Kind};
use crate::recipe::{Batch, Recipe};
use crate::target::{Adapter, Target};

/// A contestant, and what it takes to run it.
#[derive(Debug, Clone)]
pub struct Entrant {
    pub(super) contestant: Contestant,
    pub(super) recipe: Recipe,
    pub(super) target: Target,
}

/// The entrants: the baseline, then each recipe, one for batch 1 on one core, one for the full batch on one core, on all,
/// and on each adapter.
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
    let of_batch = |batch| recipes.iter().filter(move |recipe| recipe.batch == batch);
    let mut pairs = vec![(baseline, Target::PerExample)];
    pairs.extend(of_batch(Batch::PerExample).map(|recipe| (recipe, Target::PerExample)));
    for recipe in of_batch(Batch::Full) {
        pairs.extend(cpus.iter().map(|target| (recipe, target.clone())));
    }
    for adapter in adapters {
        let target = Target::Adapter(adapter);
        pairs.extend(of_batch(Batch::Full).map(|recipe| (recipe, target.clone())));
    }
    let mut entrants: Vec<Entrant> = Vec::new();
    for (recipe, target) in pairs {
        let entrant = Entrant::new(recipe, &target, examples)?;
        // Two flags may choose the same adapter.
        if entrants.iter().all(|other| other.name() != entrant.name()) {
            entrants.push(entrant);
        }
    }
    Ok(entrants)
}

/// A contestant's kernels, and the seconds spent on measuring them before the first round.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Tuned {
    kernels: Option<String>,
    pub tuning: f64,
}

impl Entrant {
    fn new(recipe: &Recipe, target: &Target, examples: usize) -> Result<Self> {
        let steps = recipe.validate_updates(examples)?;
        let (kind, place, cores) = match target {
            Target::Cpu(threads) => {
                let place = format!("cpu, {}", plural(*threads, "core"));
                (ContestantKind::Cpu, place, Some(*threads as u32))
            }
            Target::Ranks(ranks) => {
                let cores = ranks.count() * ranks.threads();
                (
                    ContestantKind::Cpu,
                    format!("{ranks:?}"),
                    Some(cores as u32),
                )
            }
            Target::Adapter(found) => {
                let kind = match found.description.kind {
                    Kind::Software => ContestantKind::Software,
                    _ => ContestantKind::Gpu,
                };
                (kind, found.description.to_string(), None)
            }
            Target::PerExample | Target::Reference => {
                (ContestantKind::PerExample, "batch 1".into(), Some(1))
            }
        };
        let contestant = Contestant {
            name: format!("{place}: {}", recipe.name),
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
    pub(super) fn tune(&self, first: &Job, queue: &Queue) -> Result<Tuned> {
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
    pub(super) fn settle(&mut self, tuned: &Tuned) -> Result<()> {
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

    pub(super) fn job(&self, digits: (&Digits, &DigitsRecord), seed: u64) -> Job {
        let recipe = Recipe {
            seed,
            ..self.recipe.clone()
        };
        Job::new(self.name(), digits, recipe, self.target.clone())
    }
}

/// Adds a run to a contestant's.
pub(super) fn add(one: &mut Contestant, round: usize, run: &RunRecord) {
    let seed = run.identity.seed;
    if one.recipe.is_null() {
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
            start: run.seconds.start,
            test_misses: end.test.misses,
            train_misses: end.train.misses,
        });
    }
}
