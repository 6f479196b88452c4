//! Sums of the examples' losses and misses, and the count of the steps.

use super::Real;

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Updates done so far.
    pub step: u32,
    /// Updates done since the host last wrote the schedule: where the next loss goes.
    pub slot: u32,
}

/// `(Σ example_loss, Σ missed)`; with `advance` (in training, not in evaluation) also
/// `losses[slot] = Σ example_loss / examples; step ← step + 1; slot ← slot + 1`
///
/// - `example_loss`, `missed`: `[examples]`; `losses`: `[slots]`
pub fn tally<T: Real>(
    example_loss: &[T],
    missed: &[bool],
    advance: bool,
    losses: &mut [T],
    progress: &mut Progress,
) -> (T, u32) {
    let mut loss = T::zero();
    let mut misses = 0;
    for (&value, &miss) in example_loss.iter().zip(missed) {
        loss = loss + value;
        misses += u32::from(miss);
    }
    if advance {
        losses[progress.slot as usize] = loss / T::of(example_loss.len() as f64);
        progress.step += 1;
        progress.slot += 1;
    }
    (loss, misses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_training_advances() {
        let mut progress = Progress { step: 7, slot: 1 };
        let mut losses = [0.0; 3];
        let mut run = |advance| {
            tally(
                &[1.0, 2.0],
                &[true, false],
                advance,
                &mut losses,
                &mut progress,
            )
        };
        assert_eq!(run(false), (3.0, 1));
        assert_eq!(run(true), (3.0, 1));
        assert_eq!(losses, [0.0, 1.5, 0.0]);
        assert_eq!(progress, Progress { step: 8, slot: 2 });
    }
}
