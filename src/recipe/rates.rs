//! The learning rate over a run, and the numbers an optimizer needs in one step.

use super::{Optimizer, Recipe, Schedule};

/// Scalars that one update needs besides gradient and state, computed in f64 on the host so that every engine uses the same
/// numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepScalars {
    /// The rate η of this step.
    pub learning_rate: f64,
    /// AdamW and Muon's biases: η / (1 − β₁ᵗ). SGD, diagonal Newton: η.
    pub step_size: f64,
    /// AdamW and Muon's biases: 1 / √(1 − β₂ᵗ). Else 1.
    pub second_moment_scale: f64,
    /// AdamW and Muon: 1 − η·decay, the factor of decoupled decay. Else 1.
    pub shrink: f64,
}

impl Recipe {
    /// The learning rate of update `step` (from 0) in a run on `examples` training examples.
    ///
    /// The warm-up counts updates: step s of w has (s + 1)/w of the peak. The decay counts epochs, as the essay's
    /// does: constant within an epoch, the peak at the first epoch after the warm-up, the final rate in the last.
    pub fn learning_rate_at(&self, step: u64, examples: usize) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let per_epoch = self.updates_per_epoch(examples);
        let first = self.warmup / per_epoch;
        let last = (self.updates(examples) - 1) / per_epoch;
        let progress = if last > first {
            ((step / per_epoch - first) as f64 / (last - first) as f64).min(1.0)
        } else {
            0.0
        };
        let fallen = match self.schedule {
            Schedule::Constant => 0.0,
            Schedule::Linear => progress,
            Schedule::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * progress).cos(),
        };
        self.learning_rate + (self.final_learning_rate - self.learning_rate) * fallen
    }

    /// Tells whether whitened Muon estimates new statistics in front of this update.
    pub fn statistics_are_due(&self, step: u32) -> bool {
        match self.statistics_every {
            0 => step == 0,
            every => step.is_multiple_of(every),
        }
    }

    /// The scalars of update `step` (from 0).
    pub fn step_scalars(&self, step: u64, examples: usize) -> StepScalars {
        let learning_rate = self.learning_rate_at(step, examples);
        let t = (step + 1) as f64;
        match self.optimizer {
            Optimizer::Sgd | Optimizer::DiagonalNewton => StepScalars {
                learning_rate,
                step_size: learning_rate,
                second_moment_scale: 1.0,
                shrink: 1.0,
            },
            Optimizer::WhitenedMuon => StepScalars {
                learning_rate,
                step_size: learning_rate,
                second_moment_scale: 1.0,
                shrink: 1.0 - learning_rate * self.weight_decay,
            },
            Optimizer::AdamW | Optimizer::Muon => StepScalars {
                learning_rate,
                step_size: learning_rate / (1.0 - self.beta1.powf(t)),
                second_moment_scale: 1.0 / (1.0 - self.beta2.powf(t)).sqrt(),
                shrink: 1.0 - learning_rate * self.weight_decay,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Length, RecipeName};

    #[test]
    fn the_essays_linear_schedule_holds_within_a_pass_and_ends_at_the_final_rate() {
        let recipe = Recipe::named(RecipeName::AdamW);
        let rate =
            |epoch: u64, example: u64| recipe.learning_rate_at(epoch * 7_291 + example, 7_291);
        assert_eq!(rate(0, 0), 3e-4);
        assert_eq!(rate(0, 7_290), 3e-4);
        assert!((rate(45, 17) - 1e-4).abs() < 1e-15);
        assert!((rate(9, 0) - 2.6e-4).abs() < 1e-15);
    }

    #[test]
    fn warm_up_rises_to_the_peak_then_decays() {
        for schedule in [Schedule::Constant, Schedule::Linear, Schedule::Cosine] {
            let recipe = Recipe {
                schedule,
                length: Length::Steps(100),
                warmup: 10,
                learning_rate: 1.0,
                final_learning_rate: 0.5,
                ..Recipe::named(RecipeName::FullBatchMuon)
            };
            let rates: Vec<f64> = (0..100)
                .map(|s| recipe.learning_rate_at(s, 7_291))
                .collect();
            assert_eq!(rates[0], 0.1);
            assert_eq!(rates[9], 1.0);
            assert_eq!(rates[10], 1.0);
            let end = if schedule == Schedule::Constant {
                1.0
            } else {
                0.5
            };
            assert!((rates[99] - end).abs() < 1e-12);
            assert!(rates[10..].windows(2).all(|pair| pair[1] <= pair[0]));
        }
    }

    #[test]
    fn a_run_of_one_step_has_its_peak_rate() {
        let recipe = Recipe {
            length: Length::Steps(1),
            warmup: 0,
            ..Recipe::named(RecipeName::FullBatchMuon)
        };
        assert_eq!(recipe.learning_rate_at(0, 7_291), recipe.learning_rate);
    }
}
