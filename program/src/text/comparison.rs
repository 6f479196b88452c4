//! Full batch against batch 1 from the same start, and both against the essay's 23 epochs, here and as published.

use serde::Serialize;

use super::{RunReport, grouped};
use gpu_train::data::Source;
use gpu_train::engine::EngineKind;
use gpu_train::experiment::record::SplitReport;
use gpu_train::experiment::verdict::{ESSAY_SECONDS, Verdict, factor, speed, speed_than};
use gpu_train::train::Point;

/// Time to come down to a test error. Both runs are compared at evenly spaced points, as many in each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SameError {
    /// Test misses both runs came down to: the larger of the two at their ends.
    pub misses: u32,
    /// Training seconds of the full-batch run until it first has at most these misses.
    pub full_batch_seconds: f64,
    /// Training seconds of the baseline until it first has at most these misses.
    pub baseline_seconds: f64,
    /// The second over the first.
    pub speedup: f64,
    /// Shares of a run after which both are looked at.
    #[serde(skip)]
    pub looks: usize,
}

/// Full batch against batch 1.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Examples per second of the full batch over those of the baseline.
    pub same_presentations_speedup: f64,
    pub same_error: SameError,
    /// Seconds of the essay's 23 epochs here over the full-batch run's.
    pub over_reproduction: f64,
    /// The essay's seconds.
    pub essay_seconds: f64,
    /// The essay's seconds over the full-batch run's; `None` where that is no answer to the essay's claim.
    pub over_essay: Option<f64>,
    /// The essay's seconds over the baseline's; `None` where that is no answer to the essay's claim.
    pub baseline_over_essay: Option<f64>,
    #[serde(skip)]
    full_batch: Verdict,
    #[serde(skip)]
    baseline: Verdict,
    #[serde(skip)]
    reproduction: Verdict,
}

impl Comparison {
    /// Compares finished runs on digits of this source, under these restrictions: the full batch, batch 1 from the same
    /// start, and the essay's epochs.
    pub fn of(
        [full_batch, baseline, reproduction]: [&RunReport; 3],
        source: Source,
        restrictions: &[String],
    ) -> Self {
        let verdict = |run: &RunReport| {
            let misses = f64::from(run.test.misses);
            Verdict::of(run.seconds.train, misses, source, restrictions)
        };
        let same_error = same_error(&full_batch.history.points, &baseline.history.points);
        let speedup = full_batch.examples_per_second / baseline.examples_per_second;
        let over_reproduction = reproduction.seconds.train / full_batch.seconds.train;
        let [full_batch, baseline, reproduction] =
            [full_batch, baseline, reproduction].map(verdict);
        Self {
            over_reproduction,
            same_presentations_speedup: speedup,
            same_error,
            essay_seconds: ESSAY_SECONDS,
            over_essay: full_batch.over_essay(),
            baseline_over_essay: baseline.over_essay(),
            full_batch,
            baseline,
            reproduction,
        }
    }

    /// Human-readable text: a table, the two speed-ups, the essay, the verdict on its claim.
    pub fn text(&self, runs: [&RunReport; 3]) -> String {
        let [full_batch, baseline, _] = runs;
        let heads = ["full batch", "per example", "the essay's epochs"];
        let mut lines = vec![String::new(), columns("", heads.map(String::from))];
        type Show = fn(&RunReport) -> String;
        let rows: [(&str, Show); 13] = [
            ("recipe", |run| run.recipe.name.clone()),
            ("engine", |run| run.engine.to_string()),
            ("updates", |run| grouped(u64::from(run.steps))),
            ("epochs", epochs),
            ("presentations", |run| grouped(run.presentations)),
            ("set-up", |run| format!("{:.3} s", run.seconds.setup)),
            ("training", |run| format!("{:.3} s", run.seconds.train)),
            ("start, part of it", |run| match run.seconds.start {
                0.0 => "-".into(),
                start => format!("{start:.3} s"),
            }),
            ("examples/s", |run| grouped(run.examples_per_second as u64)),
            ("train loss", |run| format!("{:.5}", run.train.loss)),
            ("train error, misses", |run| error(&run.train)),
            ("test loss", |run| format!("{:.5}", run.test.loss)),
            ("test error, misses", |run| error(&run.test)),
        ];
        lines.extend(rows.map(|(what, show)| columns(what, runs.map(show))));
        let verdicts = [&self.full_batch, &self.baseline, &self.reproduction];
        let over_essay = |verdict: &Verdict| verdict.over_essay().map_or("-".into(), factor);
        lines.push(columns("the essay's 90 s over", verdicts.map(over_essay)));
        lines.push(format!("full batch on {}", full_batch.device));
        lines.push(format!("per example on {}", baseline.device));
        lines.push(String::new());
        lines.push(format!(
            "same number of presentations: full batch is {} per example",
            speed_than(self.same_presentations_speedup)
        ));
        let same = &self.same_error;
        lines.push(format!(
            "same test error: full batch is {} per example ({:.3} s against {:.3} s until at most {} test misses, which \
             both reach; compared at {} evenly spaced points of each run)",
            speed_than(same.speedup),
            same.full_batch_seconds,
            same.baseline_seconds,
            same.misses,
            same.looks,
        ));
        lines.push(format!(
            "the essay's 23 epochs of batch 1, drawn weights, on this core: full batch is {} them",
            speed_than(self.over_reproduction)
        ));
        if !matches!(self.full_batch, Verdict::Incomparable(_)) {
            lines.push(
                "the essay's published time: 90 s (23 epochs of batch 1 in PyTorch on an M1 laptop's CPU, 82 test misses)"
                    .into(),
            );
        }
        lines.push(String::new());
        lines.push(self.verdict(full_batch, baseline));
        lines.join("\n")
    }

    /// One honest sentence on the essay's "another ~100X".
    fn verdict(&self, full_batch: &RunReport, baseline: &RunReport) -> String {
        let trained = match full_batch.engine {
            EngineKind::Gpu => "training on this adapter",
            _ => "training on this CPU, without a GPU,",
        };
        let claim = "The claim of another ~100X from full batch";
        let took = full_batch.seconds.train;
        let words = self.full_batch.words();
        if self.over_essay.is_none() {
            return format!("{claim}: {trained} took {took:.3} s: {words}.");
        }
        format!(
            "{claim}: {trained} took {took:.3} s, {words}, but one CPU core fed one example at a time, from the same start, \
             took {:.3} s, {}, with no full batch at all, and against that core full batch is {} to the same test error; one \
             run, one seed.",
            baseline.seconds.train,
            self.baseline.words(),
            speed(self.same_error.speedup),
        )
    }
}

/// Compares two runs by their evaluations, the last one at the end: where one has fewer, the other is looked at after
/// the same shares of its updates, on straight lines between its own. The finer grid would find the first good
/// evaluation earlier.
fn same_error(full_batch: &[Point], baseline: &[Point]) -> SameError {
    let coarser = std::cmp::min_by_key(full_batch, baseline, |points| points.len());
    let end = |points: &[Point]| points.last().map_or((0, 0), |p| (p.step, p.test.misses));
    let misses = end(full_batch).1.max(end(baseline).1);
    let seconds = |points: &[Point]| {
        let looks = coarser.iter().map(|look| {
            let share = f64::from(look.step) * f64::from(end(points).0) / f64::from(end(coarser).0);
            at(points, share)
        });
        let mut good = looks.filter(|(_, found)| *found <= f64::from(misses));
        good.next().map_or(f64::NAN, |(seconds, _)| seconds)
    };
    let (full_batch_seconds, baseline_seconds) = (seconds(full_batch), seconds(baseline));
    SameError {
        misses,
        full_batch_seconds,
        baseline_seconds,
        speedup: baseline_seconds / full_batch_seconds,
        looks: coarser.len(),
    }
}

/// Seconds and test misses at a step of a run, on straight lines between its evaluations; before the first, as there.
fn at(points: &[Point], step: f64) -> (f64, f64) {
    let after = points.partition_point(|point| f64::from(point.step) < step);
    let after = after.min(points.len() - 1);
    let (a, b) = (&points[after.saturating_sub(1)], &points[after]);
    let between = f64::from(b.step - a.step).max(1.0);
    let share = ((step - f64::from(a.step)) / between).clamp(0.0, 1.0);
    let line = |from: f64, to: f64| from + (to - from) * share;
    (
        line(a.seconds, b.seconds),
        line(a.test.misses.into(), b.test.misses.into()),
    )
}

fn columns(what: &str, values: [String; 3]) -> String {
    let values = values.map(|value| format!("{value:>24}"));
    format!("{what:<22}{}", values.concat())
}

fn error(split: &SplitReport) -> String {
    format!("{:.2}%, {}", 100.0 * split.error, split.misses)
}

fn epochs(run: &RunReport) -> String {
    let epochs = run.presentations as f64 / f64::from(run.train.examples);
    if epochs.fract() == 0.0 {
        format!("{epochs:.0}")
    } else {
        format!("{epochs:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_train::engine::Evaluation;

    /// Evaluations of a run, a second per step.
    fn run(points: &[(u32, u32)]) -> Vec<Point> {
        let point = |&(step, misses): &(u32, u32)| {
            let evaluation = Evaluation {
                loss: 0.0,
                misses,
                examples: 2_007,
            };
            Point {
                step,
                seconds: f64::from(step),
                train: evaluation,
                test: evaluation,
            }
        };
        points.iter().map(point).collect()
    }

    /// Both are the same curve, 100 misses at the start to 0 after 100 steps, one seen 2 times and one seen 10 times:
    /// neither is faster. Compared by each one's first good evaluation the second would be.
    #[test]
    fn equal_runs_are_equally_fast_however_often_they_were_evaluated() {
        let coarse = run(&[(50, 50), (100, 0)]);
        let fine =
            run(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|tenth| (10 * tenth, 100 - 10 * tenth)));
        for (full_batch, baseline) in [(&coarse, &fine), (&fine, &coarse), (&fine, &fine)] {
            let same = same_error(full_batch, baseline);
            assert_eq!((same.misses, same.speedup), (0, 1.0), "{same:?}");
        }
        let early = run(&[(50, 20), (100, 20)]);
        let same = same_error(&early, &fine);
        assert_eq!((same.misses, same.looks), (20, 2));
        // The fine run has 20 after 80 steps, but is looked at after 50 and 100.
        assert_eq!(
            (same.full_batch_seconds, same.baseline_seconds),
            (50.0, 100.0)
        );
    }

    #[test]
    fn between_evaluations_a_run_is_on_a_straight_line() {
        let points = run(&[(10, 100), (20, 50), (40, 10)]);
        let found = [5.0, 10.0, 15.0, 30.0, 40.0].map(|step| at(&points, step));
        assert_eq!(
            found.map(|(seconds, _)| seconds),
            [10.0, 10.0, 15.0, 30.0, 40.0]
        );
        assert_eq!(
            found.map(|(_, misses)| misses),
            [100.0, 100.0, 75.0, 30.0, 10.0]
        );
    }
}
