//! What a race says about the essay's "another ~100X", in sentences made of its numbers.

use crate::experiment::record::{Contestant, ContestantKind, RaceRecord, Standing};

/// Seconds the essay's PyTorch script took for 23 passes of batch 1 on an M1 laptop's CPU.
pub const ESSAY_SECONDS: f64 = 90.0;
/// What the essay expects full batch on a GPU to gain over those seconds.
pub const ESSAY_CLAIM: f64 = 100.0;

/// A contestant that ended a run.
type Stood<'a> = (&'a Contestant, &'a Standing);

/// The sentences, of a race whose standings are filled in.
pub fn verdict(race: &RaceRecord) -> Vec<String> {
    let stood: Vec<Stood> = race
        .contestants
        .iter()
        .filter_map(|one| Some((one, one.standing.as_ref()?)))
        .collect();
    let mut sentences = Vec::new();
    if !race.restrictions.is_empty() {
        sentences.push(format!(
            "This race is restricted ({}) and says nothing about the claim: the sentences below only show its form.",
            race.restrictions.join("; ")
        ));
    }
    sentences.push(claim(race, &stood));
    sentences.extend(race.contestants.iter().filter_map(|one| out(race, one)));
    sentences.extend(parts(race, &stood));
    sentences
}

/// Whether ~100X is reached, and by whom.
fn claim(race: &RaceRecord, stood: &[Stood]) -> String {
    let what = format!(
        "The essay's ~{ESSAY_CLAIM:.0}X over its {ESSAY_SECONDS:.0} s, at a mean of {} misses or fewer,",
        race.rule.target_misses
    );
    let mut qualified: Vec<&Stood> = stood.iter().filter(|(_, found)| found.qualifies).collect();
    qualified.sort_by(|(_, a), (_, b)| a.train.median.total_cmp(&b.train.median));
    let Some(fastest) = qualified.first() else {
        return format!("{what} is not reached: no contestant qualifies.");
    };
    let reached: Vec<String> = qualified
        .iter()
        .filter(|(_, found)| found.over_essay >= ESSAY_CLAIM)
        .map(|one| figures(one))
        .collect();
    if reached.is_empty() {
        format!("{what} is not reached: nearest is {}.", figures(fastest))
    } else {
        format!("{what} is reached by {}.", reached.join("; "))
    }
}

fn figures((one, found): &Stood) -> String {
    format!(
        "{} in {}, {:.0} times",
        one.name,
        seconds(found.train.median),
        found.over_essay
    )
}

/// Why a contestant does not qualify, if it does not.
fn out(race: &RaceRecord, one: &Contestant) -> Option<String> {
    let name = &one.name;
    let Some(found) = &one.standing else {
        return Some(format!("{name} does not qualify: all of its runs failed."));
    };
    if found.qualifies {
        return None;
    }
    let fast = if found.over_essay >= ESSAY_CLAIM {
        format!(", though it is fast enough ({:.0} times)", found.over_essay)
    } else {
        String::new()
    };
    let (mean, target) = (found.misses.mean, race.rule.target_misses);
    Some(match one.failed.len() {
        0 => format!(
            "{name} does not qualify{fast}: its mean of {mean:.1} test misses is above {target}."
        ),
        failed => format!("{name} does not qualify{fast}: {failed} of its runs failed."),
    })
}

/// Where the factor comes from: program and machine, the full batch, the cores, the GPU.
fn parts(race: &RaceRecord, stood: &[Stood]) -> Vec<String> {
    let mut sentences = Vec::new();
    let of = |kind: ContestantKind| stood.iter().filter(move |(one, _)| one.kind == kind);
    let per_example = of(ContestantKind::PerExample).next();
    if let Some((_, found)) = per_example {
        sentences.push(format!(
            "Leaving the framework: still one example at a time, {} is {} than the essay's {ESSAY_SECONDS:.0} s. That is \
             another program without a framework's overhead for each example, and another machine; how much is which cannot \
             be told here: the essay's was an M1 laptop, this is {}.",
            seconds(found.train.median),
            faster(ESSAY_SECONDS / found.train.median),
            race.machine.processor
        ));
    }
    let Some(recipe) = chain_recipe(stood) else {
        return sentences;
    };
    let with_recipe = |kind| of(kind).filter(|(one, _)| one.recipe_name == recipe);
    let one_core = with_recipe(ContestantKind::Cpu).find(|(one, _)| one.cores == Some(1));
    let all_cores = with_recipe(ContestantKind::Cpu).max_by_key(|(one, _)| one.cores);
    if let (Some((_, before)), Some((_, after))) = (per_example, one_core) {
        sentences.push(format!(
            "The full batch (recipe {recipe}): on one core as well, {}.",
            change(before, after)
        ));
    }
    if let (Some((_, before)), Some((one, after))) = (one_core, all_cores)
        && one.cores > Some(1)
    {
        let cores = one.cores.unwrap_or(1);
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
    if of(ContestantKind::Software).next().is_some() {
        sentences.push(
            "A software adapter is the processor running a GPU's kernels: its time says nothing about GPUs."
                .into(),
        );
    }
    sentences
}

/// The recipe whose way from batch 1 to a GPU is told: the fastest that qualifies on a real GPU, else on the processor,
/// else the first.
fn chain_recipe<'a>(stood: &[Stood<'a>]) -> Option<&'a str> {
    let of = |kind: ContestantKind| {
        fastest(
            stood
                .iter()
                .filter(move |(one, found)| one.kind == kind && found.qualifies),
        )
    };
    let any = || {
        stood
            .iter()
            .find(|(one, _)| one.kind != ContestantKind::PerExample)
    };
    let (one, _) = of(ContestantKind::Gpu)
        .or_else(|| of(ContestantKind::Cpu))
        .or_else(any)?;
    Some(&one.recipe_name)
}

fn fastest<'a, 'b: 'a>(stood: impl Iterator<Item = &'a Stood<'b>>) -> Option<&'a Stood<'b>> {
    stood.min_by(|(_, a), (_, b)| a.train.median.total_cmp(&b.train.median))
}

/// From one time to another, in words.
fn change(before: &Standing, after: &Standing) -> String {
    let (from, to) = (before.train.median, after.train.median);
    format!("{} to {}, {}", seconds(from), seconds(to), speed(from / to))
}

/// A speed-up in words: "12.3 times as fast".
pub fn speed(speedup: f64) -> String {
    if speedup >= 1.0 {
        format!("{speedup:.1} times as fast")
    } else {
        format!("{:.1} times slower", 1.0 / speedup)
    }
}

/// "12.3 times faster" or "2.0 times slower", in front of "than".
fn faster(speedup: f64) -> String {
    if speedup >= 1.0 {
        format!("{speedup:.1} times faster")
    } else {
        format!("{:.1} times slower", 1.0 / speedup)
    }
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
