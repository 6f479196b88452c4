//! Progress: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;
use crate::engine::Evaluation;
use crate::error::Result;
use crate::recipe::Batch;
use crate::train::{Event, Point};

/// Shows the events of one run.
#[derive(Debug)]
pub struct Progress {
    batch: Batch,
    output: Output,
    started: Instant,
    bar: ProgressBar,
    error: Option<f64>,
}

impl Progress {
    /// A display for a run of this batch; lines go to `output`, the bar to standard error if that is a terminal.
    pub fn new(batch: Batch, output: Output) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(
            "{wide_bar} step {human_pos}/{human_len} {msg}, {eta} left",
        )
        .expect("a valid template");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self {
            batch,
            output,
            started: Instant::now(),
            bar,
            error: None,
        }
    }

    /// Shows one event.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn show(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Progress {
                step, steps, loss, ..
            } => {
                self.bar.set_length(u64::from(*steps));
                self.bar.set_position(u64::from(*step));
                let error = self.error.map_or(String::new(), |error| {
                    format!(", test error {:.2}%", 100.0 * error)
                });
                self.bar.set_message(format!("loss {loss:.4}{error}"));
                if step == steps {
                    self.bar.finish_and_clear();
                }
                Ok(())
            }
            Event::Evaluated { point, steps } => {
                self.error = Some(point.test.error());
                let lines = match self.batch {
                    Batch::Full => self.full_batch_line(point, *steps),
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

    fn full_batch_line(&self, point: &Point, steps: u32) -> String {
        let elapsed = self.started.elapsed().as_secs_f64();
        let left = elapsed / f64::from(point.step) * f64::from(steps - point.step);
        let width = steps.to_string().len();
        format!(
            "step {:>width$}/{steps}. train: loss {:.4}, error {:5.2}%. test: loss {:.4}, error {:5.2}%, \
             misses {:4}. {left:.1} s left",
            point.step,
            point.train.loss,
            100.0 * point.train.error(),
            point.test.loss,
            100.0 * point.test.error(),
            point.test.misses,
        )
    }
}

/// An evaluation in the reproduction's form.
pub fn evaluation_line(split: &str, evaluation: &Evaluation) -> String {
    format!(
        "eval: split {split}. loss {}. error {:.2}%. misses: {}",
        scientific(evaluation.loss),
        100.0 * evaluation.error(),
        evaluation.misses
    )
}

/// A number as C and Python print it with `%e`: `2.838382e-02`.
fn scientific(value: f64) -> String {
    let text = format!("{value:.6e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
