//! Full batch against the per-example baseline, and both against the essay.

use std::fmt::Write;

use serde::Serialize;

use super::RunReport;

/// Seconds the essay's PyTorch script took for 23 passes of batch 1 on an M1 laptop's CPU.
pub const ESSAY_SECONDS: f64 = 90.0;
/// What the essay expects full batch on a GPU to gain over those seconds.
pub const ESSAY_CLAIM: f64 = 100.0;

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
            let point = run.outcome().first_within(misses);
            point.unwrap_or(run.outcome().last()).seconds
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
        let mut text = String::from("\n");
        let mut row = |what: &str, one: String, other: String| {
            writeln!(text, "{what:<22}{one:>20}{other:>20}").expect("writing to a String");
        };
        let both = |show: &dyn Fn(&RunReport) -> String| (show(full_batch), show(baseline));
        row("", "full batch".into(), "per example".into());
        let rows: [(&str, &dyn Fn(&RunReport) -> String); 12] = [
            ("engine", &|run| run.engine.to_owned()),
            ("updates", &|run| grouped(u64::from(run.steps))),
            ("passes", &|run| passes(run)),
            ("presentations", &|run| grouped(run.presentations)),
            ("set-up", &|run| format!("{:.3} s", run.seconds.setup)),
            ("training", &|run| format!("{:.3} s", run.seconds.train)),
            ("examples/s", &|run| grouped(run.examples_per_second as u64)),
            ("train loss", &|run| format!("{:.3e}", run.train.loss)),
            ("train error", &|run| {
                format!("{:.2}%", 100.0 * run.train.error)
            }),
            ("train misses", &|run| grouped(u64::from(run.train.misses))),
            ("test loss", &|run| format!("{:.3e}", run.test.loss)),
            ("test error, misses", &|run| {
                format!("{:.2}%, {}", 100.0 * run.test.error, run.test.misses)
            }),
        ];
        for (what, show) in rows {
            let (one, other) = both(show);
            row(what, one, other);
        }
        let _ = writeln!(text, "full batch on {}", full_batch.device);
        let _ = writeln!(text, "per example on {}\n", baseline.device);
        let same = &self.same_error;
        let _ = writeln!(
            text,
            "same number of presentations: full batch {} per example",
            times(self.same_presentations_speedup)
        );
        let _ = writeln!(
            text,
            "same test error ({} misses, which both reached): full batch {} per example ({:.3} s against {:.3} s)",
            same.misses,
            times(same.speedup),
            same.full_batch_seconds,
            same.baseline_seconds
        );
        let _ = writeln!(
            text,
            "the essay's published time (PyTorch, batch 1, M1 laptop CPU): {ESSAY_SECONDS:.0} s; \
             full batch {}, per example {}\n",
            times(self.over_essay),
            times(self.baseline_over_essay)
        );
        text.push_str(&self.verdict(full_batch));
        text
    }

    /// One honest sentence on the essay's "another ~100X".
    pub fn verdict(&self, full_batch: &RunReport) -> String {
        let device = match full_batch.engine {
            "gpu" => "on this adapter",
            _ => "without a GPU",
        };
        let over_essay = if self.over_essay >= ESSAY_CLAIM {
            "is"
        } else {
            "is not"
        };
        let fair = self.same_error.speedup;
        let over_baseline = if fair >= ESSAY_CLAIM {
            "holds"
        } else {
            "does not hold"
        };
        format!(
            "The claim of another ~100X {over_essay} reached {device} over the essay's 90 s ({:.0} times), \
             but {:.0} times of that come from a faster batch-1 trainer on one CPU core alone: over that one, \
             full batch to the same test error is {fair:.1} times as fast, so ~100X {over_baseline} against a fast \
             baseline here (one run, one seed).",
            self.over_essay, self.baseline_over_essay,
        )
    }
}

fn passes(run: &RunReport) -> String {
    let passes = run.presentations as f64 / f64::from(run.train.examples);
    if passes.fract() == 0.0 {
        format!("{passes:.0}")
    } else {
        format!("{passes:.2}")
    }
}

/// A speed-up in words: "is 12.3 times as fast as".
fn times(speedup: f64) -> String {
    format!("is {speedup:.1} times as fast as")
}

/// A whole number with commas between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(167_693), "167,693");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
