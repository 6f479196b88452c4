//! When two tensors count as equal: the one comparison of all tests of numbers. `tests/kernels/faults` proves that it can
//! fail.

#![allow(dead_code)] // each test binary uses its part

/// `|found − expected| ≤ floor + atol·largest + rtol·|expected|` for every element, `largest` being the largest
/// expected magnitude. NaN on either side fails, and so does an infinite expectation, which would excuse anything.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// In the tensor's own units.
    pub floor: f64,
    /// In units of the largest expected magnitude.
    pub atol: f64,
    /// In units of each expected value.
    pub rtol: f64,
}

impl Tolerance {
    /// The same number.
    pub const EXACT: Self = Self::of(0.0, 0.0);

    /// Without a floor.
    pub const fn of(atol: f64, rtol: f64) -> Self {
        let floor = 0.0;
        Self { floor, atol, rtol }
    }

    /// An absolute difference.
    pub const fn absolute(floor: f64) -> Self {
        let (atol, rtol) = (0.0, 0.0);
        Self { floor, atol, rtol }
    }
}

/// Names the worst element where two tensors differ by more than the tolerance.
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
            // 0/0: equal values where nothing else is allowed.
            _ if a == b => 0.0,
            ratio => ratio,
        }
    };
    let mut worst = (0, 0.0);
    for index in 0..found.len() {
        let ratio = excess(index);
        // Phrased so that NaN is the worst.
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

/// Fails unless the bits are the same.
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
