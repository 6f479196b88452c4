//! Comparison of tensors, used by all numeric tests. `tests/kernels/faults` proves that it can fail.

#![allow(dead_code)] // each test binary uses its part

/// Tolerance `|found − expected| ≤ floor + atol·largest + rtol·|expected|` for every element, where `largest` is the largest
/// expected magnitude. NaN on either side fails. An infinite expectation fails too, because it would accept anything.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Absolute, in the units of the tensor.
    pub floor: f64,
    /// Relative to the largest expected magnitude.
    pub atol: f64,
    /// Relative to each expected value.
    pub rtol: f64,
}

impl Tolerance {
    /// Exact equality.
    pub const EXACT: Self = Self::of(0.0, 0.0);

    /// Tolerance without a floor.
    pub const fn of(atol: f64, rtol: f64) -> Self {
        let floor = 0.0;
        Self { floor, atol, rtol }
    }

    /// Absolute tolerance.
    pub const fn absolute(floor: f64) -> Self {
        let (atol, rtol) = (0.0, 0.0);
        Self { floor, atol, rtol }
    }
}

/// Compares two tensors. The error names the worst element.
pub fn close<T: Copy + Into<f64>>(
    name: &str,
    found: &[T],
    expected: &[f64],
    with: Tolerance,
) -> Result<(), String> {
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return Err(format!("{name}: {found} values, expected {expected}"));
    }
    let magnitudes = expected.iter().map(|value| value.abs());
    let largest = magnitudes.fold(0f64, f64::max);
    let excess = |index: usize| {
        let (a, b): (f64, f64) = (found[index].into(), expected[index]);
        let allowed = with.floor + with.atol * largest + with.rtol * b.abs();
        match (a - b).abs() / allowed {
            _ if !b.is_finite() => f64::NAN,
            // 0/0: equal values with zero tolerance.
            _ if a == b => 0.0,
            ratio => ratio,
        }
    };
    let mut worst = (0, 0.0);
    for index in 0..found.len() {
        let ratio = excess(index);
        // Written so that NaN is the worst.
        if ratio.is_nan() || ratio > worst.1 {
            worst = (index, ratio);
        }
        if ratio.is_nan() {
            break;
        }
    }
    let (index, ratio) = worst;
    if std::env::var_os("GPU_TRAIN_SHOW_ERRORS").is_some() {
        println!("{name}: {ratio:.3} of the tolerance");
    }
    if ratio <= 1.0 {
        return Ok(());
    }
    let (a, b): (f64, f64) = (found[index].into(), expected[index]);
    Err(format!(
        "{name}[{index}]: found {a}, expected {b} ({ratio:.1} times the tolerance; largest {largest})"
    ))
}

/// Fails unless all bits are equal.
pub fn identical(name: &str, found: &[f32], expected: &[f32]) -> Result<(), String> {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
    match found.iter().zip(expected).position(|pair| !same(pair)) {
        None if found.len() == expected.len() => Ok(()),
        None => {
            let (found, expected) = (found.len(), expected.len());
            Err(format!("{name}: {found} values, expected {expected}"))
        }
        Some(at) => {
            let (a, b) = (found[at], expected[at]);
            Err(format!("{name}[{at}]: found {a}, expected exactly {b}"))
        }
    }
}
