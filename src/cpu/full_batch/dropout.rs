//! Dropout on H2's output, in front of H3.

use crate::cpu::simd::{LANES, Lanes};
use crate::draw;
use crate::net::{H2_AREA, H2_UNITS};

/// For each unit of H2 (`[12][4][4]`) and each of sixteen examples from `first`: 0 if dropped in this step, else
/// 1/(1 − p).
#[inline(always)]
pub fn dropout_factors(
    seed: u64,
    step: u32,
    probability: f64,
    first: u32,
    factors: &mut [Lanes; H2_UNITS],
) {
    let threshold = draw::dropout_threshold(probability);
    let kept = (1.0 / (1.0 - probability)) as f32;
    for (quad, maps) in factors.chunks_exact_mut(4 * H2_AREA).enumerate() {
        for position in 0..H2_AREA {
            let words = draw::dropout_words_by_example::<LANES>(
                seed,
                step,
                first,
                quad as u32,
                position as u32,
            );
            for (map, words) in words.iter().enumerate() {
                let to = &mut maps[map * H2_AREA + position].0;
                for (factor, &word) in to.iter_mut().zip(words) {
                    *factor = if word >= threshold { kept } else { 0.0 };
                }
            }
        }
    }
}
