//! Number of steps per submission: enough to keep the device busy, few enough for watchdogs and a responsive desktop.

use std::time::Duration;

/// Time that a submission should take. Windows kills one at 2 s; a desktop that shares the GPU stutters from 0.1 s on.
const TARGET: Duration = Duration::from_millis(75);
/// Most steps of a submission. Recording one costs the host tens of microseconds: the device should not wait for it.
const MOST_STEPS: u32 = 1024;

/// Steps per submission, adapted to the device.
#[derive(Debug)]
pub(super) struct Pace {
    steps: u32,
}

impl Pace {
    /// One step, until something has been measured.
    pub(super) fn new() -> Self {
        Self { steps: 1 }
    }

    /// Steps of the next submission.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    /// Adapts to a submission of `steps` that took `elapsed`. It grows at most fourfold at a time, as the first
    /// measurement may be of nothing but the overhead.
    pub(super) fn adapt(&mut self, steps: u32, elapsed: Duration) {
        let step = (elapsed.as_secs_f64() / f64::from(steps)).max(1e-9);
        let fitting = TARGET.as_secs_f64() / step;
        let most = self.steps.saturating_mul(4).min(MOST_STEPS);
        self.steps = (fitting as u32).clamp(1, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(step: Duration) -> u32 {
        let mut pace = Pace::new();
        for _ in 0..20 {
            let steps = pace.steps();
            pace.adapt(steps, step * steps);
        }
        pace.steps()
    }

    #[test]
    fn a_submission_settles_at_its_target() {
        assert_eq!(settled(Duration::from_secs(1)), 1);
        assert_eq!(settled(Duration::from_millis(5)), 15);
        assert_eq!(settled(Duration::from_micros(1)), MOST_STEPS);
    }
}
