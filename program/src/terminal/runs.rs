//! Progress of many runs: a bar on a terminal, and a line for each finished run everywhere.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::Output;
use gpu_train::error::Result;

/// Shows how far a number of runs are, from several threads at once. The unit of work is the caller's.
#[derive(Debug)]
pub struct RunsProgress {
    output: Output,
    bar: ProgressBar,
    started: Instant,
    runs: u64,
    finished: AtomicU64,
    work: u64,
    done: AtomicU64,
}

impl RunsProgress {
    /// A display for so many runs of so much work together; lines go to `output`, the bar to standard error if that is
    /// a terminal.
    pub fn new(runs: usize, work: u64, output: Output) -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {msg}").expect("a valid template");
        let bar = ProgressBar::with_draw_target(Some(work), output.draw_target()).with_style(style);
        Self {
            output,
            bar,
            started: Instant::now(),
            runs: runs as u64,
            finished: AtomicU64::new(0),
            work,
            done: AtomicU64::new(0),
        }
    }

    /// So much more work is done.
    pub fn advance(&self, work: u64) {
        let done = self.done.fetch_add(work, Ordering::Relaxed) + work;
        self.bar.set_position(done);
        self.bar.set_message(self.state());
    }

    /// A run has ended, or will not be run to its end: a line about it, with how many have and the time left.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(&self, line: &str) -> Result<()> {
        self.finished.fetch_add(1, Ordering::Relaxed);
        let text = format!("{line} ({})", self.state());
        self.bar.suspend(|| self.output.line(&text))
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn state(&self) -> String {
        let finished = self.finished.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(self.work);
        let left = left(self.started.elapsed(), done, self.work);
        let left = left.map_or("time left unknown".into(), |left| match left.as_secs() {
            0 if finished == self.runs => "done".into(),
            0 => "a second left".to_owned(),
            _ => format!("{} left", HumanDuration(left)),
        });
        format!("{finished} of {} runs, {left}", self.runs)
    }
}

/// The time that the rest of the work takes at the speed so far.
fn left(elapsed: Duration, done: u64, work: u64) -> Option<Duration> {
    let share = done as f64 / work as f64;
    let seconds = elapsed.as_secs_f64() * (1.0 - share) / share;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_rest_at_the_speed_so_far() {
        let minute = Duration::from_secs(60);
        assert_eq!(left(minute, 25, 100), Some(3 * minute));
        assert_eq!(left(minute, 100, 100), Some(Duration::ZERO));
        assert_eq!(left(minute, 0, 100), None);
    }
}
