//! Progress of one run: an updated line on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};

use super::sparkline::sparkline;
use super::{Output, columns};
use gpu_train::engine::Evaluation;
use gpu_train::error::Result;
use gpu_train::recipe::Batch;
use gpu_train::train::{Event, History, Point};

/// Maximum number of losses kept for the curve. When it is reached, each pair is replaced by its mean.
const MOST_LOSSES: usize = 512;
/// Minimum and maximum columns of the curve.
const CURVE: std::ops::RangeInclusive<usize> = 6..=24;

/// Display of the events of one run.
#[derive(Debug)]
pub struct Progress {
    batch: Batch,
    output: Output,
    /// Step at which this process started.
    from: u32,
    /// Seconds of the starting point, which are no step's.
    start: f64,
    started: Instant,
    bar: ProgressBar,
    error: Option<f64>,
    curve: Curve,
}

impl Progress {
    /// Creates the display of a run that continues from `past`. Lines go to `output`, the updated line to standard error if
    /// that is a terminal.
    pub fn new(batch: Batch, past: &History, output: Output) -> Self {
        Self {
            batch,
            output,
            from: past.step,
            start: past.start,
            started: Instant::now(),
            bar: output.progress_bar("{msg}"),
            error: None,
            curve: Curve::default(),
        }
    }

    /// Shows one event.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn show(&mut self, event: &Event<'_>) -> Result<()> {
        match *event {
            Event::Progress {
                step,
                steps,
                losses,
                seconds,
            } => {
                self.curve.add(losses, self.batch);
                self.draw(step, steps, losses, seconds);
                Ok(())
            }
            Event::Evaluated { point, steps } => {
                self.error = Some(point.test.error());
                let lines = match self.batch {
                    Batch::Full => self.full_batch_line(point, steps),
                    Batch::PerExample => format!(
                        "{}\n{}",
                        evaluation_line("train", &point.train),
                        evaluation_line("test ", &point.test)
                    ),
                };
                let output = self.output;
                self.bar.suspend(|| output.line(&lines))
            }
            Event::Checkpoint { .. } => Ok(()),
        }
    }

    fn draw(&self, step: u32, steps: u32, losses: &[f32], seconds: f64) {
        let per_step = (seconds - self.start) / f64::from(step);
        let speed = match self.batch {
            Batch::Full => format!("{} ms per step", three_digits(1e3 * per_step)),
            Batch::PerExample => format!("{} µs per example", three_digits(1e6 * per_step)),
        };
        let loss = losses.last().copied().unwrap_or(f32::NAN);
        let error = self
            .error
            .map(|error| format!("test error {:.2}%", 100.0 * error));
        // The most important part first: a narrow terminal shows only the beginning.
        let parts = [
            format!("step {step}/{steps}"),
            format!("loss {loss:.4}"),
            time_left(self.seconds_left(step, steps)),
            error.unwrap_or_default(),
            speed,
        ];
        let width = columns::columns();
        let message = fitting(&parts, width);
        let room = width.saturating_sub(message.chars().count() + 2);
        let curve = if room < *CURVE.start() {
            String::new()
        } else {
            sparkline(&self.curve.losses, room.min(*CURVE.end())) + " "
        };
        let (cyan, plain) = match columns::has_colours() {
            true => ("\x1b[36m", "\x1b[0m"),
            false => ("", ""),
        };
        self.bar
            .set_message(format!("{cyan}{curve}{plain}{message}"));
    }

    /// Estimated time left, at the speed of this process, with evaluations.
    fn seconds_left(&self, step: u32, steps: u32) -> f64 {
        let done = f64::from(step - self.from);
        self.started.elapsed().as_secs_f64() / done * f64::from(steps - step)
    }

    fn full_batch_line(&self, point: &Point, steps: u32) -> String {
        let left = match point.step > self.from {
            true => self.seconds_left(point.step, steps),
            false => 0.0,
        };
        let width = steps.to_string().len();
        format!(
            "step {:>width$}/{steps}. train: loss {:.4}, error {:5.2}%. test: loss {:.4}, error {:5.2}%, \
             misses {:4}. {} ms per step, {}",
            point.step,
            point.train.loss,
            100.0 * point.train.error(),
            point.test.loss,
            100.0 * point.test.error(),
            point.test.misses,
            three_digits(1e3 * (point.seconds - self.start) / f64::from(point.step)),
            time_left(left),
        )
    }
}

/// Formats a number with about three digits.
fn three_digits(value: f64) -> String {
    let decimals = match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// Formats the time left; below a minute in tenths of a second.
fn time_left(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        Ok(left) if seconds >= 60.0 => format!("{} left", HumanDuration(left)),
        Ok(_) => format!("{seconds:.1} s left"),
        Err(_) => "time left unknown".into(),
    }
}

/// Removes the progress line, however the run ends.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The losses of a run, reduced to at most [`MOST_LOSSES`] means.
#[derive(Debug, Default)]
struct Curve {
    losses: Vec<f64>,
    /// Number of losses averaged per value.
    each: usize,
    /// Sum and number of the losses of the next, incomplete value.
    rest: (f64, usize),
}

impl Curve {
    /// Adds losses: of the full batch one by one, of single examples, which are noisy, as means.
    fn add(&mut self, losses: &[f32], batch: Batch) {
        let start = match batch {
            Batch::Full => 1,
            Batch::PerExample => 1_000,
        };
        self.each = self.each.max(start);
        for &loss in losses {
            self.rest.0 += f64::from(loss);
            self.rest.1 += 1;
            if self.rest.1 >= self.each {
                self.losses.push(self.rest.0 / self.rest.1 as f64);
                self.rest = (0.0, 0);
            }
            if self.losses.len() == MOST_LOSSES {
                let pairs = self.losses.chunks_exact(2);
                self.losses = pairs.map(|pair| (pair[0] + pair[1]) / 2.0).collect();
                self.each *= 2;
            }
        }
    }
}

/// Joins the first parts that fit into the given number of columns. Empty parts are skipped.
fn fitting(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let comma = if line.is_empty() { "" } else { ", " };
        let longer = format!("{line}{comma}{part}");
        // The last column is reserved for the cursor.
        if longer.chars().count() >= columns {
            break;
        }
        line = longer;
    }
    line
}

/// Formats an evaluation like the reproduction.
fn evaluation_line(split: &str, evaluation: &Evaluation) -> String {
    format!(
        "eval: split {split}. loss {}. error {:.2}%. misses: {}",
        scientific(evaluation.loss),
        100.0 * evaluation.error(),
        evaluation.misses
    )
}

/// Formats a number like `%e` in C and Python: `2.838382e-02`.
fn scientific(value: f64) -> String {
    let text = format!("{value:.6e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i16 = exponent.parse().expect("a number");
    format!("{mantissa}e{exponent:+03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_keeps_what_matters_most() {
        let parts = ["step 5/65", "loss 0.1", "", "3 s left"].map(String::from);
        assert_eq!(fitting(&parts, 80), "step 5/65, loss 0.1, 3 s left");
        assert_eq!(fitting(&parts, 29), "step 5/65, loss 0.1");
        assert_eq!(fitting(&parts, 10), "step 5/65");
        assert_eq!(fitting(&parts, 9), "");
        for columns in 0..40 {
            assert!(fitting(&parts, columns).chars().count() <= columns.saturating_sub(1));
        }
    }

    #[test]
    fn times_have_the_digits_that_matter() {
        let found = [0.0421, 1.237, 12.34, 1_234.5].map(three_digits);
        assert_eq!(found, ["0.042", "1.24", "12.3", "1234"]);
        let found = [0.04, 59.0, 3_600.0, f64::NAN].map(time_left);
        let expected = [
            "0.0 s left",
            "59.0 s left",
            "60 minutes left",
            "time left unknown",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_long_run_is_thinned_out_and_keeps_its_shape() {
        let mut curve = Curve::default();
        let losses: Vec<f32> = (0..5_000).map(|step| 5_000.0 - step as f32).collect();
        for some in losses.chunks(7) {
            curve.add(some, Batch::Full);
        }
        assert!((MOST_LOSSES / 2..MOST_LOSSES).contains(&curve.losses.len()));
        assert!(curve.losses.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn evaluation_lines_have_the_reproductions_form() {
        let evaluation = Evaluation {
            loss: 0.02838382,
            misses: 82,
            examples: 2_007,
        };
        assert_eq!(
            evaluation_line("test ", &evaluation),
            "eval: split test . loss 2.838382e-02. error 4.09%. misses: 82"
        );
        assert_eq!(scientific(0.0), "0.000000e+00");
        assert_eq!(scientific(12345.678), "1.234568e+04");
        assert_eq!(scientific(f64::NAN), "NaN");
    }
}
