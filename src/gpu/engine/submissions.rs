//! The steps of a call in submissions of a length that suits the device.

use std::collections::VecDeque;
use std::time::Duration;

use web_time::Instant;

use super::Gpu;
use crate::error::Result;
use crate::gpu::step::contents::Value;

/// Submissions in flight: one runs while the next is recorded.
const IN_FLIGHT: usize = 2;
/// Time that a submission should take. Windows kills one at 2 s; a desktop that shares the GPU stutters from 0.1 s on.
const SUBMISSION: Duration = Duration::from_millis(75);
/// Most steps of a submission. Recording one costs the host tens of microseconds: the device should not wait for it.
const MOST_STEPS: u32 = 1024;
/// Examples of the first submission's steps together, before anything was measured: a tenth of a second on a slow GPU. A short
/// run is one submission.
const FIRST_EXAMPLES: usize = 1 << 16;

/// Steps of the first submission, on this many examples.
pub(super) fn first_steps(examples: usize) -> u32 {
    (FIRST_EXAMPLES / examples.max(1)).clamp(1, 64) as u32
}

impl Gpu {
    /// Runs up to [`SLOTS`](crate::gpu::layout::sizes::SLOTS) steps, with [`IN_FLIGHT`] submissions in flight, and reads back the progress, the losses and the
    /// state; the last submission copies them.
    pub(super) async fn run_steps(&mut self, steps: u32) -> Result<Vec<u32>> {
        let mut left = steps;
        let mut in_flight = VecDeque::with_capacity(IN_FLIGHT);
        let mut since = Instant::now();
        loop {
            let count = self.steps_at_once.min(left);
            if in_flight.is_empty() {
                since = Instant::now();
            }
            if in_flight.len() < IN_FLIGHT && count == left {
                let is_alone = in_flight.is_empty();
                let sources = [
                    self.whole(Value::Progress),
                    self.source(Value::Losses, steps as usize),
                    self.whole(Value::Parameters),
                    self.whole(Value::FirstMoment),
                    self.whole(Value::SecondMoment),
                ];
                let words = self.device.run(&self.training, count, &sources).await?;
                if is_alone {
                    self.steps_at_once = adapted(self.steps_at_once, since.elapsed() / count);
                }
                return Ok(words);
            } else if in_flight.len() < IN_FLIGHT {
                let submission = self.device.submit(&self.training, count);
                in_flight.push_back((submission, count));
                left -= count;
            } else if let Some((submission, count)) = in_flight.pop_front() {
                self.device.finish(submission).await?;
                self.steps_at_once = adapted(self.steps_at_once, since.elapsed() / count);
                since = Instant::now();
            }
        }
    }
}

/// Steps of a submission after one of `steps` whose steps took `step` each. They grow at most fourfold at a time, as the
/// first measurement may be of nothing but the overhead.
fn adapted(steps: u32, step: Duration) -> u32 {
    let fitting = SUBMISSION.as_secs_f64() / step.as_secs_f64().max(1e-9);
    (fitting as u32).clamp(1, steps.saturating_mul(4).min(MOST_STEPS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_settles_at_its_target() {
        for (step, expected) in [
            (Duration::from_secs(1), 1),
            (Duration::from_millis(5), 15),
            (Duration::from_micros(1), MOST_STEPS),
        ] {
            let settled = (0..20).fold(1, |steps, _| adapted(steps, step));
            assert_eq!(settled, expected, "{step:?}");
        }
        // Fourfold at most.
        assert_eq!(adapted(1, Duration::from_millis(1)), 4);
        assert_eq!(adapted(1, Duration::ZERO), 4);
    }

    #[test]
    fn the_first_submission_is_short() {
        for (examples, steps) in [(0, 64), (1_024, 64), (7_291, 8), (1 << 17, 1)] {
            assert_eq!(first_steps(examples), steps, "{examples}");
        }
    }
}
