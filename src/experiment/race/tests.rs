use super::*;
use crate::data::embedded;
use crate::experiment::folder::Folder;
use crate::experiment::queue::{Observer, Unseen};
use crate::experiment::record::Machine;
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

fn over_essay(seconds: f64, misses: f64) -> Option<f64> {
    Verdict::of(seconds, misses, Source::Mnist1989, &[]).over_essay()
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
    stand(&mut all, 82, 0.1, over_essay);
    let [baseline, gpu] = all.map(|one| one.standing.expect("runs"));
    assert_eq!((baseline.train.median, gpu.train.median), (2.0, 1.0));
    assert_eq!((gpu.train.min, gpu.train.max), (0.5, 2.0));
    assert_eq!(gpu.over_per_example, Some(3.0));
    assert_eq!(baseline.over_per_example, Some(1.0));
    assert_eq!(gpu.over_essay, Some(90.0));
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
        stand(&mut all, 82, 0.0, over_essay);
        all[0].standing.as_ref().map(|standing| standing.qualifies)
    };
    assert_eq!(qualifies(&[82, 82], 0), Some(true));
    assert_eq!(qualifies(&[82, 83], 0), Some(false));
    assert_eq!(qualifies(&[70], 1), Some(false));
    assert_eq!(qualifies(&[], 1), None);
}
