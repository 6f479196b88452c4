//! The verdict on the essay's "another ~100X", of one run and of a race, in sentences made of their numbers.

use crate::data::Source;
use crate::experiment::record::{Contestant, ContestantKind, RaceRecord, Standing};

/// Seconds the essay's PyTorch script took for 23 epochs of batch 1 on an M1 laptop's CPU.
pub const ESSAY_SECONDS: f64 = 90.0;
/// Gain over those seconds that the essay expects of the full batch on a GPU.
pub const ESSAY_CLAIM: f64 = 100.0;
/// Test misses of the essay's reproduction.
pub const TARGET: u32 = 82;

/// What a training time says about the essay's claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing, for these reasons: it is not compared with the essay's time.
    Incomparable(String),
    /// Nothing: the net misses this many test digits, more than [`TARGET`].
    NoAnswer(f64),
    /// The essay's seconds over the training time: [`ESSAY_CLAIM`] or more.
    Reached(f64),
    /// The essay's seconds over the training time: less than [`ESSAY_CLAIM`].
    NotReached(f64),
}

impl Verdict {
    /// The verdict on a run, or on the median seconds and mean test misses of several.
    pub fn of(seconds: f64, misses: f64, source: Source, restrictions: &[String]) -> Self {
        let factor = ESSAY_SECONDS / seconds;
        if !restrictions.is_empty() {
            Self::Incomparable(restrictions.join("; "))
        } else if source != Source::Mnist1989 {
            Self::Incomparable("other digits than the essay's".into())
        } else if misses > f64::from(TARGET) {
            Self::NoAnswer(misses)
        } else if factor >= ESSAY_CLAIM {
            Self::Reached(factor)
        } else {
            Self::NotReached(factor)
        }
    }

    /// The essay's seconds over the training time, where that is an answer to its claim.
    pub fn over_essay(&self) -> Option<f64> {
        match self {
            Self::Reached(factor) | Self::NotReached(factor) => Some(*factor),
            Self::Incomparable(_) | Self::NoAnswer(_) => None,
        }
    }

    /// The verdict in words that follow a training time.
    pub fn words(&self) -> String {
        match self {
            Self::Incomparable(why) => format!("not compared with the essay's 90 s ({why})"),
            Self::NoAnswer(misses) => format!(
                "no answer to the claim, with {misses:.0} test misses where the essay's reproduction has {TARGET}"
            ),
            Self::Reached(factor) => {
                format!("{} the essay's 90 s (~100X reached)", speed_than(*factor))
            }
            Self::NotReached(factor) => {
                format!("{} the essay's 90 s (~100X not reached)", speed_than(*factor))
            }
        }
    }
}

/// A contestant that finished a run.
type Finisher<'a> = (&'a Contestant, &'a Standing);

/// The sentences on a race whose standings are filled in.
pub fn of_race(race: &RaceRecord) -> Vec<String> {
    let finishers: Vec<Finisher> = race
        .contestants
        .iter()
        .filter_map(|one| Some((one, one.standing.as_ref()?)))
        .collect();
    let mut sentences = vec![claim(race, &finishers)];
    sentences.extend(race.contestants.iter().filter_map(|one| out(race, one)));
    sentences.extend(framework(race, &finishers));
    sentences.extend(parts(&finishers));
    sentences
}

/// Whether ~100X is reached, and by which contestants.
fn claim(race: &RaceRecord, finishers: &[Finisher]) -> String {
    if !race.restrictions.is_empty() {
        return format!(
            "This race is restricted ({}) and says nothing about the essay's ~{ESSAY_CLAIM:.0}X: nothing is compared with \
             its {ESSAY_SECONDS:.0} s.",
            race.restrictions.join("; ")
        );
    }
    let what = format!(
        "The essay's ~{ESSAY_CLAIM:.0}X over its {ESSAY_SECONDS:.0} s, at a mean of {} misses or fewer,",
        race.rule.target_misses.min(TARGET)
    );
    let mut answers: Vec<(f64, String)> = finishers
        .iter()
        .filter(|(_, found)| found.qualifies)
        .filter_map(|(one, found)| {
            let factor = found.over_essay?;
            let time = seconds(found.train.median);
            Some((factor, format!("{} in {time}, {}", one.name, speed(factor))))
        })
        .collect();
    answers.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let Some((_, nearest)) = answers.first() else {
        return format!("{what} is not reached: no contestant qualifies.");
    };
    let reached = answers.iter().filter(|(factor, _)| *factor >= ESSAY_CLAIM);
    let reached: Vec<&str> = reached.map(|(_, text)| text.as_str()).collect();
    if reached.is_empty() {
        format!("{what} is not reached: nearest is {nearest}.")
    } else {
        format!("{what} is reached by {}.", reached.join("; "))
    }
}

/// The reason why a contestant does not qualify.
fn out(race: &RaceRecord, one: &Contestant) -> Option<String> {
    let name = &one.name;
    let Some(found) = &one.standing else {
        return Some(format!("{name} does not qualify: all of its runs failed."));
    };
    let (mean, target) = (found.misses.mean, race.rule.target_misses);
    match one.failed.len() {
        _ if found.qualifies => None,
        0 => Some(format!(
            "{name} does not qualify: its mean of {mean:.1} test misses is above {target}, so its time is no answer."
        )),
        failed => Some(format!("{name} does not qualify: {failed} of its runs failed.")),
    }
}

fn of_kind<'a, 'b>(
    finishers: &'a [Finisher<'b>],
    kind: ContestantKind,
) -> impl Iterator<Item = &'a Finisher<'b>> {
    finishers.iter().filter(move |(one, _)| one.kind == kind)
}

/// The part of the factor that another program on another machine has, still at batch 1.
fn framework(race: &RaceRecord, finishers: &[Finisher]) -> Option<String> {
    let (_, found) = of_kind(finishers, ContestantKind::PerExample).next()?;
    Some(format!(
        "Leaving the framework: still one example at a time, {} is {} the essay's {ESSAY_SECONDS:.0} s. That is \
         another program without a framework's overhead for each example, and another machine; how much is which cannot be \
         told here: the essay's was an M1 laptop, this is {}.",
        seconds(found.train.median),
        speed_than(found.over_essay?),
        race.stamp.machine.processor
    ))
}

/// The other parts of the factor: the full batch, the cores, the GPU.
fn parts(finishers: &[Finisher]) -> Vec<String> {
    let mut sentences = Vec::new();
    let Some(recipe) = chain_recipe(finishers) else {
        return sentences;
    };
    let with_recipe = |kind| of_kind(finishers, kind).filter(|(one, _)| one.recipe_name == recipe);
    let per_example = of_kind(finishers, ContestantKind::PerExample).next();
    let one_core = with_recipe(ContestantKind::Cpu).find(|(one, _)| one.cores == Some(1));
    let all_cores = with_recipe(ContestantKind::Cpu).max_by_key(|(one, _)| one.cores);
    if let (Some((_, before)), Some((_, after))) = (per_example, one_core) {
        sentences.push(format!(
            "The full batch (recipe {recipe}): on one core as well, {}.",
            change(before, after)
        ));
    }
    if let (Some((_, before)), Some((one, after))) = (one_core, all_cores)
        && let Some(cores @ 2..) = one.cores
    {
        sentences.push(format!(
            "The cores: on {cores} instead of one, {}.",
            change(before, after)
        ));
    }
    match (all_cores, fastest(with_recipe(ContestantKind::Gpu))) {
        (Some((_, before)), Some((one, after))) => sentences.push(format!(
            "The GPU: on {} instead of all cores, {}.",
            one.device,
            change(before, after)
        )),
        _ => sentences
            .push("The GPU: no real one raced, so what one adds is not measured here.".into()),
    }
    if of_kind(finishers, ContestantKind::Software).next().is_some() {
        sentences.push(
            "A software adapter is the processor running a GPU's kernels: its time says nothing about GPUs."
                .into(),
        );
    }
    sentences
}

/// The recipe that is followed from batch 1 to a GPU: the fastest that qualifies on a real GPU, else on the processor,
/// else the first.
fn chain_recipe<'a>(finishers: &[Finisher<'a>]) -> Option<&'a str> {
    let of = |kind| fastest(of_kind(finishers, kind).filter(|(_, found)| found.qualifies));
    let any = || {
        finishers
            .iter()
            .find(|(one, _)| one.kind != ContestantKind::PerExample)
    };
    let (one, _) = of(ContestantKind::Gpu)
        .or_else(|| of(ContestantKind::Cpu))
        .or_else(any)?;
    Some(&one.recipe_name)
}

fn fastest<'a, 'b: 'a>(
    finishers: impl Iterator<Item = &'a Finisher<'b>>,
) -> Option<&'a Finisher<'b>> {
    finishers.min_by(|(_, a), (_, b)| a.train.median.total_cmp(&b.train.median))
}

/// From one time to another, in words.
fn change(before: &Standing, after: &Standing) -> String {
    let (from, to) = (before.train.median, after.train.median);
    format!("{} to {}, {}", seconds(from), seconds(to), speed(from / to))
}

/// A speed-up in words: "12.3 times as fast", or "2.0 times slower".
pub fn speed(speedup: f64) -> String {
    if speedup >= 1.0 {
        format!("{} times as fast", factor(speedup))
    } else {
        format!("{} times slower", factor(1.0 / speedup))
    }
}

/// The same in front of what it is compared with: "12.3 times as fast as", or "2.0 times slower than".
pub fn speed_than(speedup: f64) -> String {
    let than = if speedup >= 1.0 { "as" } else { "than" };
    format!("{} {than}", speed(speedup))
}

/// A factor with a decimal up to 100, and two significant digits below 1.
pub fn factor(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        1.0.. => 1,
        _ if value > 0.0 => 1 - value.log10().floor() as i32,
        _ => 1,
    };
    format!("{value:.*}", decimals as usize)
}

/// Seconds, to three figures where they are few.
pub fn seconds(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0} s"),
        value if value >= 10.0 => format!("{value:.1} s"),
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 0.1 => format!("{value:.3} s"),
        value => format!("{value:.4} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DigitsRecord;
    use crate::experiment::race::{published, rule, stand};
    use crate::experiment::record::Machine;
    use crate::experiment::record::{RaceRun, SCHEMA};

    fn one(kind: ContestantKind, cores: Option<u32>, seconds: f64, misses: u32) -> Contestant {
        let batch_1 = kind == ContestantKind::PerExample;
        let device = match kind {
            ContestantKind::Gpu => "Some GPU (Vulkan, discrete GPU)",
            _ => "Some CPU",
        };
        Contestant {
            name: match cores {
                Some(cores) if !batch_1 => format!("cpu, {cores}"),
                _ => format!("{kind:?}").to_lowercase(),
            },
            kind,
            recipe_name: if batch_1 {
                "reproduction"
            } else {
                "full-batch"
            }
            .into(),
            recipe: serde_json::Value::Null,
            device: device.into(),
            cores,
            kernels: None,
            steps: 1,
            presentations: 1,
            tuning: 0.0,
            runs: vec![RaceRun {
                round: 0,
                seed: 1,
                setup: 0.1,
                train: seconds,
                test_misses: misses,
                train_misses: 0,
            }],
            failed: Vec::new(),
            standing: None,
        }
    }

    fn sentences(mut contestants: Vec<Contestant>, restrictions: &[&str]) -> Vec<String> {
        stand(&mut contestants, 82, 0.0);
        verdict(&RaceRecord {
            schema: SCHEMA,
            version: "0".into(),
            date: "2026-01-01".into(),
            command: "gpu-train race".into(),
            machine: Machine {
                processor: "Some CPU".into(),
                cores: 2,
                os: "linux".into(),
            },
            digits: DigitsRecord {
                source: "test".into(),
                sha256: "00".into(),
                train_examples: 1,
                test_examples: 2_007,
            },
            reading: 0.0,
            rule: rule(82, 2_007, vec![1]),
            restrictions: restrictions.iter().map(|&text| text.into()).collect(),
            contestants,
            published: published(),
            verdict: Vec::new(),
        })
    }

    fn cpus(one_core: f64, two_cores: f64) -> Vec<Contestant> {
        vec![
            one(ContestantKind::PerExample, Some(1), 1.5, 80),
            one(ContestantKind::Cpu, Some(1), one_core, 65),
            one(ContestantKind::Cpu, Some(2), two_cores, 65),
        ]
    }

    #[test]
    fn of_processors_alone_it_says_that_no_gpu_raced() {
        let found = sentences(cpus(4.0, 2.0), &[]);
        assert_eq!(
            found,
            [
                "The essay's ~100X over its 90 s, at a mean of 82 misses or fewer, is not reached: nearest is perexample in \
                 1.50 s, 60 times.",
                "Leaving the framework: still one example at a time, 1.50 s is 60.0 times faster than the essay's 90 s. \
                 That is another program without a framework's overhead for each example, and another machine; how much is \
                 which cannot be told here: the essay's was an M1 laptop, this is Some CPU.",
                "The full batch (recipe full-batch): on one core as well, 1.50 s to 4.00 s, 2.7 times slower.",
                "The cores: on 2 instead of one, 4.00 s to 2.00 s, 2.0 times as fast.",
                "The GPU: no real one raced, so what one adds is not measured here.",
            ]
        );
    }

    #[test]
    fn a_gpu_that_reaches_it_is_named_with_its_share() {
        let mut all = cpus(4.0, 2.0);
        all.push(one(ContestantKind::Gpu, None, 0.05, 66));
        let found = sentences(all, &[]);
        assert!(found[0].ends_with("is reached by gpu in 0.0500 s, 1800 times."));
        assert_eq!(
            found[4],
            "The GPU: on Some GPU (Vulkan, discrete GPU) instead of all cores, 2.00 s to 0.0500 s, 40.0 times as fast."
        );
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn who_does_not_qualify_has_not_reached_it_however_fast() {
        let mut all = cpus(4.0, 2.0);
        all.push(one(ContestantKind::Gpu, None, 0.05, 90));
        let found = sentences(all, &[]);
        assert!(found[0].contains("is not reached: nearest is perexample"));
        assert_eq!(
            found[1],
            "gpu does not qualify, though it is fast enough (1800 times): its mean of 90.0 test misses is above 82."
        );
        let nobody = sentences(vec![one(ContestantKind::PerExample, Some(1), 0.1, 83)], &[]);
        assert!(nobody[0].ends_with("is not reached: no contestant qualifies."));
    }

    #[test]
    fn software_adapters_are_not_gpus_and_restricted_races_say_so() {
        let mut all = cpus(4.0, 0.5);
        all.push(one(ContestantKind::Software, None, 30.0, 65));
        let found = sentences(all, &["1 pass"]);
        assert!(found[0].starts_with("This race is restricted (1 pass)"));
        assert!(found[1].contains("is reached by cpu, 2 in 0.500 s, 180 times."));
        assert!(found[5].starts_with("The GPU: no real one raced"));
        assert!(found[6].starts_with("A software adapter is the processor"));
    }
}
