//! Full batch against the per-example baseline, and both against the essay.

use serde::Serialize;

use super::{RunReport, grouped};
use gpu_train::engine::EngineKind;
use gpu_train::experiment::record::SplitReport;
use gpu_train::experiment::verdict::{ESSAY_CLAIM, ESSAY_SECONDS, speed};

/// Time to come down to a test error.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SameError {
    /// Test misses both runs came down to: the larger of the two at their ends.
    pub misses: u32,
    /// Training seconds of the full-batch run until its first evaluation with at most these misses.
    pub full_batch_seconds: f64,
    /// Training seconds of the baseline until its first such evaluation.
    pub baseline_seconds: f64,
    /// The second over the first.
    pub speedup: f64,
}

/// Full batch against the per-example baseline.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Comparison {
    /// Examples a second of the full batch over those of the baseline.
    pub same_presentations_speedup: f64,
    /// Time to the same test error.
    pub same_error: SameError,
    /// The essay's seconds.
    pub essay_seconds: f64,
    /// The essay's seconds over the full-batch run's.
    pub over_essay: f64,
    /// The essay's seconds over the baseline's.
    pub baseline_over_essay: f64,
}

impl Comparison {
    /// Compares two finished runs.
    pub fn of(full_batch: &RunReport, baseline: &RunReport) -> Self {
        let misses = full_batch.test.misses.max(baseline.test.misses);
        let seconds = |run: &RunReport| {
            let point = run.history().first_within(misses);
            point.unwrap_or(run.history().last()).seconds
        };
        let (full_batch_seconds, baseline_seconds) = (seconds(full_batch), seconds(baseline));
        Self {
            same_presentations_speedup: full_batch.examples_per_second
                / baseline.examples_per_second,
            same_error: SameError {
                misses,
                full_batch_seconds,
                baseline_seconds,
                speedup: baseline_seconds / full_batch_seconds,
            },
            essay_seconds: ESSAY_SECONDS,
            over_essay: ESSAY_SECONDS / full_batch.seconds.train,
            baseline_over_essay: ESSAY_SECONDS / baseline.seconds.train,
        }
    }

    /// The comparison for people: a table, the two speed-ups, the essay, a sentence on its claim.
    pub fn text(&self, full_batch: &RunReport, baseline: &RunReport) -> String {
        let mut lines = vec![String::new(), columns("", "full batch", "per example")];
        let rows: [(&str, Show); 12] = [
            ("engine", |run| run.engine.to_string()),
            ("updates", |run| grouped(u64::from(run.steps))),
            ("passes", passes),
            ("presentations", |run| grouped(run.presentations)),
            ("set-up", |run| format!("{:.3} s", run.seconds.setup)),
            ("training", |run| format!("{:.3} s", run.seconds.train)),
            ("examples/s", |run| grouped(run.examples_per_second as u64)),
            ("train loss", |run| format!("{:.5}", run.train.loss)),
            ("train error, misses", |run| error(&run.train)),
            ("test loss", |run| format!("{:.5}", run.test.loss)),
            ("test error, misses", |run| error(&run.test)),
            ("the essay's 90 s over", |run| {
                format!("{:.1}", ESSAY_SECONDS / run.seconds.train)
            }),
        ];
        lines.extend(rows.map(|(what, show)| columns(what, &show(full_batch), &show(baseline))));
        lines.push(format!("full batch on {}", full_batch.device));
        lines.push(format!("per example on {}", baseline.device));
        lines.push(String::new());
        lines.push(format!(
            "same number of presentations: full batch is {} per example",
            times(self.same_presentations_speedup)
        ));
        let same = &self.same_error;
        lines.push(format!(
            "same test error: full batch is {} per example ({:.3} s against {:.3} s to the first evaluation with \
             at most {} misses, which both reached)",
            times(same.speedup),
            same.full_batch_seconds,
            same.baseline_seconds,
            same.misses
        ));
        lines.push(
            "the essay's published time: 90 s (23 passes of batch 1 in PyTorch on an M1 laptop's CPU, 82 test misses)"
                .into(),
        );
        lines.push(String::new());
        lines.push(self.verdict(full_batch, baseline));
        lines.join("\n")
    }

    /// One honest sentence on the essay's "another ~100X".
    pub fn verdict(&self, full_batch: &RunReport, baseline: &RunReport) -> String {
        let device = match full_batch.engine {
            EngineKind::Gpu => "on this adapter",
            _ => "on this CPU, without a GPU,",
        };
        let reached = |factor: f64| match factor >= ESSAY_CLAIM {
            true => "reached",
            false => "not reached",
        };
        format!(
            "The claim of another ~100X from full batch: training {device} took {:.2} s, 1/{:.0} of the essay's 90 s \
             ({}), but one CPU core fed one example at a time took {:.2} s, 1/{:.0}, with no full batch at all, and \
             against that core full batch is {} to the same test error ({}); one run, one seed.",
            full_batch.seconds.train,
            self.over_essay,
            reached(self.over_essay),
            baseline.seconds.train,
            self.baseline_over_essay,
            speed(self.same_error.speedup),
            reached(self.same_error.speedup),
        )
    }
}

/// What a row of the table shows of a run.
type Show = fn(&RunReport) -> String;

fn columns(what: &str, one: &str, other: &str) -> String {
    format!("{what:<22}{one:>20}{other:>20}")
}

fn error(split: &SplitReport) -> String {
    format!("{:.2}%, {}", 100.0 * split.error, split.misses)
}

fn passes(run: &RunReport) -> String {
    let passes = run.presentations as f64 / f64::from(run.train.examples);
    if passes.fract() == 0.0 {
        format!("{passes:.0}")
    } else {
        format!("{passes:.2}")
    }
}

/// A speed-up in words that ask for what it is compared with: "12.3 times as fast as".
fn times(speedup: f64) -> String {
    let than = if speedup >= 1.0 { "as" } else { "than" };
    format!("{} {than}", speed(speedup))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_ups_below_one_are_called_slower() {
        assert_eq!(times(12.34), "12.3 times as fast as");
        assert_eq!(times(0.125), "8.0 times slower than");
    }
}
