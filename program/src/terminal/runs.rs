//! Progress of many runs: a bar on a terminal, and a line per finished run everywhere.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};

use super::{Output, interrupt};
use gpu_train::error::Result;
use gpu_train::experiment::queue::Observer;
use gpu_train::experiment::record::RunRecord;

/// Line about a finished run, if there is one to show.
type Line<'a> = &'a (dyn Fn(&RunRecord) -> Option<String> + Sync);

/// Shows how far a queue of runs is, and ends it at Ctrl-C.
pub struct RunsProgress<'a> {
    output: Output,
    bar: ProgressBar,
    line: Line<'a>,
    counts: Mutex<Counts>,
}

/// Runs and examples, of those to do and done.
struct Counts {
    started: Instant,
    runs: usize,
    finished: usize,
    examples: u64,
    shown: u64,
}

impl<'a> RunsProgress<'a> {
    /// A display whose lines go to `output`, and its bar to standard error if that is a terminal.
    pub fn new(output: Output, line: Line<'a>) -> Self {
        Self {
            output,
            bar: output.progress_bar("{wide_bar} {msg}"),
            line,
            counts: Mutex::new(Counts::of(0, 0)),
        }
    }

    /// Changes the counts; returns them in words.
    fn count(&self, change: impl FnOnce(&mut Counts)) -> String {
        let mut counts = self.counts.lock().unwrap_or_else(|e| e.into_inner());
        change(&mut counts);
        self.bar.set_position(counts.shown);
        counts.words()
    }
}

impl Observer for RunsProgress<'_> {
    fn begin(&self, folder: &Path, found: usize, missing: usize, examples: u64) -> Result<()> {
        self.bar.set_length(examples);
        self.count(|counts| *counts = Counts::of(missing, examples));
        self.note(&format!(
            "{}: {found} of {} runs are there, {missing} to run",
            folder.display(),
            found + missing
        ))
    }

    fn advance(&self, examples: u64) -> Result<()> {
        let words = self.count(|counts| counts.shown += examples);
        self.bar.set_message(words);
        interrupt::check()
    }

    fn finish(&self, record: &RunRecord) -> Result<()> {
        let words = self.count(|counts| counts.finished += 1);
        match (self.line)(record) {
            Some(line) => self.note(&format!("{line} ({words})")),
            None => Ok(()),
        }
    }

    fn note(&self, line: &str) -> Result<()> {
        self.bar.suspend(|| self.output.line(line))
    }
}

/// The bar goes, whichever way the runs end.
impl Drop for RunsProgress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Counts {
    fn of(runs: usize, examples: u64) -> Self {
        Self {
            started: Instant::now(),
            runs,
            finished: 0,
            examples,
            shown: 0,
        }
    }

    fn words(&self) -> String {
        let shown = self.shown.min(self.examples);
        let left = left(self.started.elapsed(), shown, self.examples);
        let left = left.map_or("time left unknown".into(), |left| match left.as_secs() {
            0 if self.finished == self.runs => "done".into(),
            0 => "a second left".to_owned(),
            _ => format!("{} left", HumanDuration(left)),
        });
        format!("{} of {} runs, {left}", self.finished, self.runs)
    }
}

/// Time for the rest of the work at the speed so far.
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
