//! Dropout on H2's output, in front of H3.

use super::Real;
use crate::draw;
use crate::net::{H2_AREA, H2_UNITS};

/// For each unit of H2 (`[12][4][4]`): 0 if dropped for this example in this step, else 1/(1 − p).
pub fn dropout_factors<T: Real>(seed: u64, step: u32, probability: f64, example: u32) -> Vec<T> {
    let threshold = draw::dropout_threshold(probability);
    let kept = T::of(1.0 / (1.0 - probability));
    let factor = |unit| {
        let (map, position) = (unit / H2_AREA, unit % H2_AREA);
        let words = draw::dropout_words(seed, step, example, map as u32 / 4, position as u32);
        let keeps = words[map % 4] >= threshold;
        if keeps { kept } else { T::zero() }
    };
    (0..H2_UNITS).map(factor).collect()
}

/// `dropped[i] = h2[i] · factor[i]`, all `[192]`.
pub fn dropout<T: Real>(h2: &[T], factors: &[T], dropped: &mut [T]) {
    for ((out, &value), &factor) in dropped.iter_mut().zip(h2).zip(factors) {
        *out = value * factor;
    }
}
