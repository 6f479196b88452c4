use serde_json::json;

use super::*;
use crate::experiment::record::FailedRun;

fn contestant(kind: ContestantKind, cores: Option<u32>, runs: &[(f64, u32)]) -> Contestant {
    let is_baseline = kind == ContestantKind::PerExample;
    let recipe_name = match is_baseline {
        true => "reproduction",
        false => "full-batch",
    };
    let device = match kind {
        ContestantKind::Gpu => "Some GPU (Vulkan, discrete GPU)",
        _ => "Some CPU",
    };
    let run = |(round, &(train, misses)): (u32, &(f64, u32))| {
        json!({
            "round": round, "seed": round, "setup": 0.5, "train": train, "test_misses": misses, "train_misses": 0,
        })
    };
    let name = match cores {
        Some(cores) if !is_baseline => format!("cpu, {cores}"),
        _ => format!("{kind:?}").to_lowercase(),
    };
    let contestant = json!({
        "name": name, "kind": kind, "recipe_name": recipe_name, "recipe": null, "device": device, "cores": cores,
        "kernels": null, "steps": 140, "presentations": 1, "tuning": 4.0,
        "runs": (0..).zip(runs).map(run).collect::<Vec<_>>(), "failed": [], "standing": null,
    });
    serde_json::from_value(contestant).expect("a contestant")
}

/// A race that these contestants have finished.
fn race(contestants: Vec<Contestant>, restrictions: &[&str]) -> RaceRecord {
    let race = json!({
        "schema": 1, "version": "0", "date": "2026-01-01", "command": "gpu-train race",
        "machine": {"processor": "Some CPU", "cores": 2, "os": "linux"},
        "digits": {"source": "test", "sha256": "00", "train_examples": 1, "test_examples": 2_007},
        "reading": 0.1, "rule": rule(82, 2_007, vec![1]), "restrictions": restrictions, "contestants": contestants,
        "published": published(), "verdict": [],
    });
    let mut race = serde_json::from_value(race).expect("a record");
    stand(&mut race, Source::Mnist1989);
    race
}

#[test]
fn the_rule_names_its_target_and_its_seeds() {
    let target = |target, seeds| rule(target, 2_007, seeds).text.swap_remove(0);
    let essays = target(82, vec![5, 6, 7]);
    assert!(
        essays.starts_with(
            "Target: mean test misses of at most 82 of 2007, those of the essay's reproduction, over 3 seeds, 5 to 7."
        ),
        "{essays}"
    );
    let other = target(70, vec![4]);
    assert!(
        other.starts_with("Target: mean test misses of at most 70 of 2007, over seed 4 alone."),
        "{other}"
    );
}

#[test]
fn the_published_times_are_those_of_three_days_and_ninety_seconds() {
    let times = published().into_iter().map(|time| time.seconds);
    assert_eq!(times.collect::<Vec<_>>(), [259_200.0, 90.0, 190.0, 27.0]);
}

/// Ratios within the rounds are 2, 4 and 3: their median is 3, while that of the medians would be 2.
#[test]
fn ratios_are_taken_within_a_round() {
    let baseline = [(2.0, 80), (8.0, 82), (1.5, 84)];
    let gpu = [(1.0, 70), (2.0, 83), (0.5, 92)];
    let all = vec![
        contestant(ContestantKind::PerExample, None, &baseline),
        contestant(ContestantKind::Gpu, None, &gpu),
    ];
    let standings = race(all, &[]).contestants.into_iter();
    let standings: Vec<_> = standings.filter_map(|one| one.standing).collect();
    let [baseline, gpu] = standings.try_into().expect("two standings");
    assert_eq!((baseline.train.median, gpu.train.median), (2.0, 1.0));
    assert_eq!((gpu.train.min, gpu.train.max), (0.5, 2.0));
    assert_eq!(gpu.over_per_example, Some(3.0));
    assert_eq!(baseline.over_per_example, Some(1.0));
    assert_eq!(gpu.over_essay, Some(90.0));
    assert!((gpu.cold_total - 5.6).abs() < 1e-12);
    // Means of 82 and 81⅔: three seeds cannot tell.
    assert!(baseline.undecided && gpu.undecided);
}

#[test]
fn who_misses_more_or_fails_does_not_qualify() {
    let qualifies = |misses: &[u32], failures: usize| {
        let runs: Vec<_> = misses.iter().map(|&misses| (1.0, misses)).collect();
        let mut one = contestant(ContestantKind::Cpu, None, &runs);
        let failure = FailedRun {
            seed: 9,
            message: "diverged".into(),
        };
        one.failed = vec![failure; failures];
        let race = race(vec![one], &[]);
        let standing = race.contestants[0].standing.as_ref();
        standing.map(|standing| (standing.qualifies, standing.undecided))
    };
    assert_eq!(qualifies(&[82, 82], 0), Some((true, false)));
    assert_eq!(qualifies(&[70, 72, 71], 0), Some((true, false)));
    assert_eq!(qualifies(&[82, 83], 0), Some((false, true)));
    assert_eq!(qualifies(&[80, 83], 0), Some((false, true)));
    assert_eq!(qualifies(&[90, 92, 91], 0), Some((false, false)));
    assert_eq!(qualifies(&[70], 1), Some((false, false)));
    assert_eq!(qualifies(&[], 1), None);
    let undecided = contestant(ContestantKind::Cpu, Some(1), &[(1.0, 80), (1.0, 83)]);
    let undecided = sentences(vec![undecided], &[]).swap_remove(1);
    let expected = "cpu, 1 is undecided: the interval of its mean, 81.5 test misses, straddles 82;";
    assert!(undecided.starts_with(expected), "{undecided}");
}

fn one(kind: ContestantKind, cores: Option<u32>, seconds: f64, misses: u32) -> Contestant {
    contestant(kind, cores, &[(seconds, misses)])
}

fn sentences(contestants: Vec<Contestant>, restrictions: &[&str]) -> Vec<String> {
    verdict::of_race(&race(contestants, restrictions))
}

/// The recipes of a whole race: batch 1 in all three, the full batch from drawn weights and from the start.
fn whole(one_core: f64, two_cores: f64) -> Vec<Contestant> {
    let of = |recipe: &str, kind, seconds, misses| Contestant {
        recipe_name: recipe.into(),
        name: recipe.into(),
        ..one(kind, Some(1), seconds, misses)
    };
    let mut all = cpus(one_core, two_cores);
    all.extend([
        of("per-example", ContestantKind::PerExample, 0.15, 78),
        of(
            "per-example-closed-form",
            ContestantKind::PerExample,
            0.1,
            77,
        ),
        of("full-batch-random", ContestantKind::Cpu, 0.6, 76),
    ]);
    all
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
             1.50 s, 60.0 times as fast.",
            "Leaving the framework: still one example at a time, 1.50 s is 60.0 times as fast as the essay's 90 s. \
             That is another program without a framework's overhead for each example, and another machine; how much is \
             which cannot be told here: the essay's was an M1 laptop, this is Some CPU.",
            "The cores (full-batch): on 2 instead of one, 4.00 s to 2.00 s, 2.0 times as fast (65.0 and 65.0 misses).",
            "The GPU: no real one raced, so what one adds is not measured here.",
        ]
    );
}

#[test]
fn a_whole_race_changes_one_thing_at_a_time() {
    let found = sentences(whole(0.12, 0.06), &[]);
    let expected = [
        "The recipe (functions, rate and length searched, still batch 1): on one core, 1.50 s to 0.150 s, 10.0 times as \
         fast (80.0 and 78.0 misses).",
        "The closed-form start, at batch 1: on one core, 0.150 s to 0.100 s, 1.5 times as fast (78.0 and 77.0 misses).",
        "The full batch, from the closed-form start: on one core, 0.100 s to 0.120 s, 1.2 times slower (77.0 and 65.0 \
         misses).",
        "The full batch, from drawn weights: on one core, 0.150 s to 0.600 s, 4.0 times slower (78.0 and 76.0 misses).",
        "The closed-form start, over the full batch: on one core, 0.600 s to 0.120 s, 5.0 times as fast (76.0 and 65.0 \
         misses).",
    ];
    assert_eq!(found[2..7], expected);
    assert!(found[7].starts_with("The full batch brings the update rule"));
    assert!(found[8].starts_with("The cores (full-batch): on 2 instead of one"));
}

#[test]
fn a_gpu_that_reaches_it_is_named_with_its_share() {
    let mut all = cpus(4.0, 2.0);
    all.push(one(ContestantKind::Gpu, None, 0.05, 66));
    let found = sentences(all, &[]);
    assert!(found[0].ends_with("is reached by gpu in 0.0500 s, 1800 times as fast."));
    assert_eq!(
        found[3],
        "The GPU (full-batch): on Some GPU (Vulkan, discrete GPU) instead of all cores, 2.00 s to 0.0500 s, 40.0 times as \
         fast (65.0 and 66.0 misses)."
    );
    assert_eq!(found.len(), 4);
}

#[test]
fn who_does_not_qualify_has_not_reached_it_however_fast() {
    let mut all = cpus(4.0, 2.0);
    all.push(one(ContestantKind::Gpu, None, 0.05, 90));
    let found = sentences(all, &[]);
    assert!(found[0].contains("is not reached: nearest is perexample"));
    assert_eq!(
        found[1],
        "gpu does not qualify: its mean of 90.0 test misses is above 82, so its time is no answer."
    );
    let nobody = sentences(vec![one(ContestantKind::PerExample, Some(1), 0.1, 83)], &[]);
    assert!(nobody[0].ends_with("is not reached: no contestant qualifies."));
}

#[test]
fn software_adapters_are_not_gpus_and_restricted_races_say_so() {
    let mut all = cpus(4.0, 0.5);
    all.push(one(ContestantKind::Software, None, 30.0, 65));
    let found = sentences(all.clone(), &[]);
    assert!(found[0].contains("is reached by cpu, 2 in 0.500 s, 180 times as fast."));
    assert!(found[3].starts_with("The GPU: no real one raced"));
    assert!(found[4].starts_with("A software adapter is the processor"));
    let found = sentences(all, &["1 epoch"]);
    assert!(found[0].starts_with("This race is restricted (1 epoch)"));
    assert!(found[1].starts_with("The cores (full-batch)"));
    // Nothing but the first sentence names the essay, to say that it is not compared with.
    assert!(
        found[1..].iter().all(|text| !text.contains("essay")),
        "{found:?}"
    );
}
