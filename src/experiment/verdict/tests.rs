use super::*;
use crate::data::DigitsRecord;
use crate::experiment::race::{published, rule, stand};
use crate::experiment::record::{Machine, RaceRun, SCHEMA, Stamp};

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
    let restrictions: Vec<String> = restrictions.iter().map(|&text| text.into()).collect();
    stand(&mut contestants, 82, 0.0, |seconds, misses| {
        Verdict::of(seconds, misses, Source::Mnist1989, &restrictions).over_essay()
    });
    of_race(&RaceRecord {
        stamp: Stamp {
            schema: SCHEMA,
            version: "0".into(),
            date: "2026-01-01".into(),
            command: "gpu-train race".into(),
            machine: Machine {
                processor: "Some CPU".into(),
                cores: 2,
                os: "linux".into(),
            },
        },
        digits: DigitsRecord {
            source: "test".into(),
            sha256: "00".into(),
            train_examples: 1,
            test_examples: 2_007,
        },
        reading: 0.0,
        rule: rule(82, 2_007, vec![1]),
        restrictions,
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
             1.50 s, 60.0 times as fast.",
            "Leaving the framework: still one example at a time, 1.50 s is 60.0 times as fast as the essay's 90 s. \
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
    assert!(found[0].ends_with("is reached by gpu in 0.0500 s, 1800 times as fast."));
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
    assert!(found[4].starts_with("The GPU: no real one raced"));
    assert!(found[5].starts_with("A software adapter is the processor"));
    let found = sentences(all, &["1 epoch"]);
    assert!(found[0].starts_with("This race is restricted (1 epoch)"));
    assert!(found[1].starts_with("The full batch (recipe full-batch)"));
    // Nothing but the first sentence names the essay, to say that it is not compared with.
    assert!(
        found[1..].iter().all(|text| !text.contains("essay")),
        "{found:?}"
    );
}

#[test]
fn a_run_is_an_answer_on_the_essays_digits_unrestricted_and_with_few_enough_misses() {
    let of = |seconds, misses, source, restrictions: &[String]| {
        Verdict::of(seconds, misses, source, restrictions)
    };
    let essay = Source::Mnist1989;
    assert_eq!(of(0.9, 82.0, essay, &[]), Verdict::Reached(100.0));
    assert_eq!(of(9.0, 82.0, essay, &[]), Verdict::NotReached(10.0));
    assert_eq!(of(0.001, 82.5, essay, &[]), Verdict::NoAnswer(82.5));
    for source in [Source::Mnist(50_000), Source::ZipCode] {
        let found = of(0.001, 10.0, source, &[]);
        assert!(matches!(found, Verdict::Incomparable(_)), "{found:?}");
        assert!(!found.words().contains("reached"));
    }
    let restricted = of(0.001, 10.0, essay, &["1 epoch".into()]);
    assert_eq!(restricted, Verdict::Incomparable("1 epoch".into()));
    assert_eq!(
        (
            restricted.over_essay(),
            of(9.0, 1.0, essay, &[]).over_essay()
        ),
        (None, Some(10.0))
    );
}

#[test]
fn factors_are_legible_on_both_sides_of_one() {
    let found = [1800.4, 99.94, 12.34, 1.0, 0.45, 0.0123, 0.000_45].map(factor);
    assert_eq!(
        found,
        ["1800", "99.9", "12.3", "1.0", "0.45", "0.012", "0.00045"]
    );
    assert_eq!(speed_than(12.34), "12.3 times as fast as");
    assert_eq!(speed_than(0.125), "8.0 times slower than");
    assert!(
        Verdict::NotReached(0.3)
            .words()
            .starts_with("3.3 times slower than the essay's 90 s")
    );
}
