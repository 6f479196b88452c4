//! The comparison accepts rounding and rejects all else.

use libtest_mimic::Trial;

use crate::common::compare::{Tolerance, close, identical};

pub fn trials() -> Vec<Trial> {
    let expected: Vec<f64> = (0..100).map(|i| f64::from(i - 50) / 7.0).collect();
    let rounded: Vec<f32> = expected.iter().map(|&value| value as f32).collect();
    let mut changed = rounded.clone();
    changed[17] += 1e-3;
    let not_a_number = |at: usize| {
        let mut values = rounded.clone();
        values[at] = f32::NAN;
        values
    };
    let mut infinite = rounded.clone();
    infinite[3] = f32::INFINITY;
    let other: Vec<f32> = rounded.iter().rev().copied().collect();
    let longer = [rounded.clone(), vec![0.0]].concat();
    let cases = [
        ("accepts_rounding", rounded.clone(), true),
        ("rejects_a_changed_element", changed, false),
        ("rejects_nan_at_the_start", not_a_number(0), false),
        ("rejects_nan_at_the_end", not_a_number(99), false),
        ("rejects_infinity", infinite, false),
        ("rejects_another_tensor", other, false),
        ("rejects_a_shorter_tensor", rounded[1..].to_vec(), false),
        ("rejects_a_longer_tensor", longer, false),
        ("rejects_nothing_for_something", Vec::new(), false),
    ];
    let mut trials: Vec<_> = cases
        .into_iter()
        .map(|(name, found, accepted)| {
            let (expected, rounded) = (expected.clone(), rounded.clone());
            Trial::test(format!("comparison::{name}"), move || {
                let with = Tolerance::of(1e-6, 1e-5);
                let verdicts = [
                    close("values", &found, &expected, with).is_ok(),
                    identical("values", &found, &rounded).is_ok(),
                ];
                if verdicts == [accepted; 2] {
                    return Ok(());
                }
                Err(format!("found {verdicts:?}, expected {accepted}").into())
            })
        })
        .collect();
    trials.extend(expectations());
    trials
}

/// (name, found, expected, tolerance, whether that is accepted)
type Expectation = (&'static str, [f32; 2], [f64; 2], Tolerance, bool);

/// An expectation that is not finite excuses nothing, zeros are equal without a tolerance, and each
/// part of a tolerance counts.
fn expectations() -> Vec<Trial> {
    let with = Tolerance::of(1e-6, 1e-5);
    let absolute = Tolerance::absolute(0.1);
    let cases: [Expectation; 9] = [
        ("an_expected_nan", [1.0, 2.0], [1.0, f64::NAN], with, false),
        ("nan_for_nan", [1.0, f32::NAN], [1.0, f64::NAN], with, false),
        (
            "an_expected_infinity",
            [1.0, 2.0],
            [5.0, f64::INFINITY],
            with,
            false,
        ),
        ("zeros", [0.0, -0.0], [0.0, 0.0], with, true),
        ("something_for_zeros", [0.0, 1e-30], [0.0, 0.0], with, false),
        ("within_the_floor", [1.09, 0.0], [1.0, 0.0], absolute, true),
        ("beyond_the_floor", [1.11, 0.0], [1.0, 0.0], absolute, false),
        (
            "within_the_largest",
            [1e-4, 100.0],
            [0.0, 100.0],
            with,
            true,
        ),
        (
            "beyond_the_largest",
            [1.2e-4, 100.0],
            [0.0, 100.0],
            with,
            false,
        ),
    ];
    let trial = |(name, found, expected, with, accepted): Expectation| {
        Trial::test(format!("comparison::{name}"), move || {
            match (close("values", &found, &expected, with), accepted) {
                (Ok(()), true) | (Err(_), false) => Ok(()),
                (verdict, _) => Err(format!("found {verdict:?}").into()),
            }
        })
    };
    cases.into_iter().map(trial).collect()
}
