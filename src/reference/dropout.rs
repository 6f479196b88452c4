//! Dropout on H2's output, in front of H3.

use super::Real;
use crate::draw;
use crate::net::{H2_AREA, H2_UNITS};

/// Determines which units are dropped in one step.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// The run's seed.
    pub seed: u64,
    /// The step.
    pub step: u32,
    /// Probability of dropping a unit, 0 up to, but not, 1.
    pub probability: f64,
}

impl Dropout {
    /// For each unit of H2 (`[12][4][4]`): 0 if dropped for this example, else 1/(1 − p).
    pub fn factors<T: Real>(&self, example: u32) -> Vec<T> {
        let threshold = draw::dropout_threshold(self.probability);
        let kept = T::of(1.0 / (1.0 - self.probability));
        (0..H2_UNITS)
            .map(|unit| {
                let (map, position) = (unit / H2_AREA, unit % H2_AREA);
                let (quad, lane) = (map / 4, map % 4);
                let keeps = draw::dropout_keeps(
                    self.seed,
                    self.step,
                    example,
                    quad as u32,
                    position as u32,
                    threshold,
                );
                if keeps[lane] { kept } else { T::zero() }
            })
            .collect()
    }
}

/// `dropped[i] = h2[i] · factor[i]`, all `[192]`.
pub fn dropout<T: Real>(h2: &[T], factors: &[T], dropped: &mut [T]) {
    for ((out, &value), &factor) in dropped.iter_mut().zip(h2).zip(factors) {
        *out = value * factor;
    }
}
