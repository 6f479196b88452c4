//! How many steps a submission holds: enough to keep the device busy, few enough for watchdogs and for patience.

use std::time::Duration;

/// What a submission should last. Windows kills one at 2 s; a desktop that shares the GPU stutters from 0.1 s on.
const TARGET: Duration = Duration::from_millis(75);
/// Recording a step costs the host tens of microseconds: a submission should not keep the device waiting for it.
const MOST_STEPS: u32 = 1024;

/// Steps a submission, adapted to the device.
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

    /// Learns from a submission of `steps` that took `elapsed`. It grows at most fourfold at a time, as the first
    /// measurement may be of nothing but the overhead.
    pub(super) fn learn(&mut self, steps: u32, elapsed: Duration) {
        let a_step = (elapsed.as_secs_f64() / f64::from(steps)).max(1e-9);
        let fitting = TARGET.as_secs_f64() / a_step;
        let most = self.steps.saturating_mul(4).min(MOST_STEPS);
        self.steps = (fitting as u32).clamp(1, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(a_step: Duration) -> u32 {
        let mut pace = Pace::new();
        for _ in 0..20 {
            let steps = pace.steps();
            pace.learn(steps, a_step * steps);
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
