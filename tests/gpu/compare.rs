//! When two tensors count as equal, and the proof that the comparison can fail.

use libtest_mimic::{Failed, Trial};

/// `|found − expected| ≤ atol + rtol·|expected|` for every element, NaN failing.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// In units of the largest expected magnitude.
    pub atol: f64,
    /// In units of each expected value.
    pub rtol: f64,
}

/// Names the worst element where two tensors differ by more than the tolerance.
pub fn close(name: &str, found: &[f32], expected: &[f64], with: Tolerance) -> Result<(), Failed> {
    if found.len() != expected.len() {
        return Err(format!(
            "{name}: {} values, expected {}",
            found.len(),
            expected.len()
        )
        .into());
    }
    let scale = expected
        .iter()
        .fold(0f64, |most, value| most.max(value.abs()));
    let excess = |index: usize| {
        let (a, b) = (f64::from(found[index]), expected[index]);
        let ratio = (a - b).abs() / (with.atol * scale + with.rtol * b.abs());
        // 0/0: equal zeros of a tensor that is all zero.
        if a == b { 0.0 } else { ratio }
    };
    let mut worst = 0;
    for index in 0..found.len() {
        let ratio = excess(index);
        if ratio.is_nan() || ratio > excess(worst) {
            worst = index;
        }
        if ratio.is_nan() {
            break;
        }
    }
    if std::env::var_os("GPU_TRAIN_SHOW_ERRORS").is_some() {
        println!("{name}: {:.3} of the tolerance", excess(worst));
    }
    if excess(worst) <= 1.0 {
        return Ok(());
    }
    Err(format!(
        "{name}[{worst}]: found {}, expected {} ({:.1} times the tolerance; largest {scale})",
        found[worst],
        expected[worst],
        excess(worst)
    )
    .into())
}

/// Fails unless the bits are the same.
pub fn identical(name: &str, found: &[f32], expected: &[f32]) -> Result<(), Failed> {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
    match found.iter().zip(expected).position(|pair| !same(pair)) {
        None if found.len() == expected.len() => Ok(()),
        None => Err(format!(
            "{name}: {} values, expected {}",
            found.len(),
            expected.len()
        )
        .into()),
        Some(at) => Err(format!(
            "{name}[{at}]: found {}, expected exactly {}",
            found[at], expected[at]
        )
        .into()),
    }
}

/// The comparison accepts rounding and rejects a changed element, a NaN, and another tensor.
pub fn trials() -> Vec<Trial> {
    let expected: Vec<f64> = (0..100).map(|i| f64::from(i - 50) / 7.0).collect();
    let with = Tolerance {
        atol: 1e-6,
        rtol: 1e-5,
    };
    let rounded: Vec<f32> = expected.iter().map(|&value| value as f32).collect();
    let mut changed = rounded.clone();
    changed[17] += 1e-3;
    let mut not_a_number = rounded.clone();
    not_a_number[99] = f32::NAN;
    let other: Vec<f32> = rounded.iter().rev().copied().collect();
    let cases = [
        ("accepts_rounding", rounded.clone(), true),
        ("rejects_a_changed_element", changed, false),
        ("rejects_nan", not_a_number, false),
        ("rejects_another_tensor", other, false),
        ("rejects_a_shorter_tensor", rounded[1..].to_vec(), false),
    ];
    cases
        .into_iter()
        .map(|(name, found, accepted)| {
            let (expected, rounded) = (expected.clone(), rounded.clone());
            Trial::test(format!("comparison::{name}"), move || {
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
        .collect()
}
