//! The race to the reproduction's misses: its rule, one run against the clock, and where the contestants stand.

use std::time::Instant;

use crate::engine::{Engine, Split};
use crate::error::{Error, Result};
use crate::experiment::record::{
    Contestant, ContestantKind, PublishedTime, RaceRule, RaceRun, Spread, Standing, Statistics,
};
use crate::experiment::verdict::ESSAY_SECONDS;
use crate::recipe::Recipe;
use crate::train::refuse_divergence;

/// Test misses of the essay's reproduction.
pub const TARGET: u32 = 82;

/// Published times of 23 passes of batch 1.
const PUBLISHED: [(&str, f64, bool); 4] = [
    ("the 1989 paper, SUN-4/260", 3.0 * 86_400.0, true),
    ("the essay (2022), PyTorch, M1 CPU", ESSAY_SECONDS, true),
    ("tinygrad, Metal", 190.0, false),
    ("plain JavaScript, Node", 27.0, true),
];

/// One run, timed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    /// Seconds from the first submission until the final weights were read back.
    pub seconds: f64,
    /// Test examples missed at the end.
    pub test_misses: u32,
    /// Training examples missed at the end.
    pub train_misses: u32,
}

/// Trains an engine that stands at the start of a run to its end, against the clock: all updates, and reading the
/// weights back, with the check that the device has counted them. Evaluation follows the clock.
///
/// # Errors
/// [`Error::Diverged`] if a loss or a weight is not finite; what the engine returns.
pub fn run(engine: &mut dyn Engine, recipe: &Recipe, examples: usize) -> Result<Timed> {
    let steps = recipe.validate_updates(examples)?;
    let started = Instant::now();
    let losses = engine.train(steps)?;
    let state = engine.state()?;
    let seconds = started.elapsed().as_secs_f64();
    if state.step != steps || losses.len() != steps as usize {
        return Err(Error::Device(format!(
            "{}: found {} updates done and {} losses, expected {steps}",
            engine.device(),
            state.step,
            losses.len()
        )));
    }
    refuse_divergence(recipe, examples, 0, &losses)?;
    if !state
        .parameters
        .flat()
        .iter()
        .all(|value| value.is_finite())
    {
        return Err(Error::Diverged(
            "training diverged: a weight is not finite after the last step".into(),
        ));
    }
    Ok(Timed {
        seconds,
        test_misses: engine.evaluate(Split::Test)?.misses,
        train_misses: engine.evaluate(Split::Train)?.misses,
    })
}

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
            "Apart from it: set-up (the engine, its kernels compiled, the digits uploaded) and tuning (measuring kernels, \
             always done anew here). The cold total is reading, tuning, set-up and training of the first round; what a \
             driver keeps compiled from before is out of our hands."
                .into(),
            "Rounds: each contestant runs each seed once, in turn, a round a seed, another one first in each; nothing \
             else of this program runs meanwhile."
                .into(),
        ],
        seeds,
    }
}

/// The published times.
pub fn published() -> Vec<PublishedTime> {
    let time = |(name, seconds, about): (&str, f64, bool)| PublishedTime {
        name: name.into(),
        seconds,
        about,
    };
    PUBLISHED.map(time).into()
}

impl Spread {
    /// Of these samples; none if there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
            _ => sorted[middle],
        };
        Some(Self { median, min, max })
    }
}

/// Fills in where each contestant stands; `reading` is what reading the digits took, in seconds.
pub fn stand(contestants: &mut [Contestant], target: u32, reading: f64) {
    let is_baseline = |one: &&Contestant| one.kind == ContestantKind::PerExample;
    let baseline = contestants.iter().find(is_baseline);
    let baseline = baseline.map_or(Vec::new(), |one| one.runs.clone());
    for one in contestants {
        one.standing = standing(one, &baseline, target, reading);
    }
}

fn standing(one: &Contestant, baseline: &[RaceRun], target: u32, reading: f64) -> Option<Standing> {
    let of = |value: fn(&RaceRun) -> f64| {
        let values: Vec<f64> = one.runs.iter().map(value).collect();
        Spread::of(&values)
    };
    let train = of(|run| run.train)?;
    let first = one.runs.first()?;
    let misses: Vec<u32> = one.runs.iter().map(|run| run.test_misses).collect();
    let misses = Statistics::of(&misses)?;
    // Both ran within a round, under the same conditions.
    let ratios: Vec<f64> = one
        .runs
        .iter()
        .filter_map(|run| {
            let other = baseline.iter().find(|other| other.round == run.round)?;
            Some(other.train / run.train)
        })
        .collect();
    Some(Standing {
        train,
        setup: of(|run| run.setup)?,
        cold_total: reading + one.tuning + first.setup + first.train,
        qualifies: one.failed.is_empty() && misses.mean <= f64::from(target),
        misses,
        over_per_example: Spread::of(&ratios).map(|ratios| ratios.median),
        over_essay: ESSAY_SECONDS / train.median,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::FullBatch;
    use crate::data::embedded;
    use crate::experiment::record::FailedRun;
    use crate::recipe::{Length, Name};

    fn contestant(kind: ContestantKind, runs: &[(u32, f64, u32)]) -> Contestant {
        let run = |&(round, train, test_misses): &(u32, f64, u32)| RaceRun {
            round,
            seed: u64::from(round),
            setup: 0.5,
            train,
            test_misses,
            train_misses: 0,
        };
        Contestant {
            name: format!("{kind:?}"),
            kind,
            recipe_name: "full-batch".into(),
            recipe: serde_json::Value::Null,
            device: "a device".into(),
            cores: None,
            kernels: None,
            steps: 140,
            presentations: 1,
            tuning: 4.0,
            runs: runs.iter().map(run).collect(),
            failed: Vec::new(),
            standing: None,
        }
    }

    /// Ratios within the rounds are 2, 4 and 3: their median is 3, while that of the medians would be 2.
    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut all = [
            contestant(
                ContestantKind::PerExample,
                &[(0, 2.0, 80), (1, 8.0, 82), (2, 1.5, 84)],
            ),
            contestant(
                ContestantKind::Gpu,
                &[(0, 1.0, 70), (1, 2.0, 83), (2, 0.5, 92)],
            ),
        ];
        stand(&mut all, 82, 0.1);
        let [baseline, gpu] = all.map(|one| one.standing.expect("runs"));
        assert_eq!((baseline.train.median, gpu.train.median), (2.0, 1.0));
        assert_eq!((gpu.train.min, gpu.train.max), (0.5, 2.0));
        assert_eq!(gpu.over_per_example, Some(3.0));
        assert_eq!(baseline.over_per_example, Some(1.0));
        assert_eq!(gpu.over_essay, 90.0);
        assert!((gpu.cold_total - 5.6).abs() < 1e-12);
        // Means of 82 and 81⅔.
        assert!(baseline.qualifies && gpu.qualifies);
    }

    #[test]
    fn who_misses_more_or_fails_does_not_qualify() {
        let qualifies = |misses: &[u32], failures: usize| {
            let runs: Vec<_> = misses.iter().zip(0..).map(|(&m, r)| (r, 1.0, m)).collect();
            let mut one = contestant(ContestantKind::Cpu, &runs);
            let failure = FailedRun {
                seed: 9,
                message: "diverged".into(),
            };
            one.failed = vec![failure; failures];
            let mut all = [one];
            stand(&mut all, 82, 0.0);
            all[0].standing.as_ref().map(|standing| standing.qualifies)
        };
        assert_eq!(qualifies(&[82, 82], 0), Some(true));
        assert_eq!(qualifies(&[82, 83], 0), Some(false));
        assert_eq!(qualifies(&[70], 1), Some(false));
        assert_eq!(qualifies(&[], 1), None);
    }

    #[test]
    fn medians_of_even_numbers_are_means_of_two() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).expect("samples");
        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of(&[]), None);
    }

    fn raced(recipe: &Recipe) -> Result<Timed> {
        let mut digits = embedded::digits();
        digits.train = digits.train.truncated(64);
        digits.test = digits.test.truncated(32);
        let start = recipe.initial_parameters();
        let mut engine =
            FullBatch::new(digits, recipe.clone(), &start).expect("a full-batch recipe");
        let timed = run(&mut engine, recipe, 64)?;
        let again = engine.evaluate(Split::Test)?.misses;
        assert_eq!((timed.test_misses, engine.state()?.step), (again, 7));
        Ok(timed)
    }

    #[test]
    fn a_run_goes_to_its_end_and_one_that_diverges_is_an_error() {
        let recipe = Recipe {
            length: Length::Steps(7),
            ..Recipe::named(Name::FullBatch)
        };
        assert!(raced(&recipe).expect("a run").seconds > 0.0);
        let wild = Recipe {
            learning_rate: 1e30,
            warmup: 0,
            ..recipe
        };
        let error = raced(&wild).expect_err("diverged");
        assert!(matches!(error, Error::Diverged(_)), "{error}");
    }
}
