//! The queue of runs: those that the folder lacks, on the cores or one after the other, each kept as soon as it ends.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::folder::Folder;
use super::run::{Evaluations, Job, Saving};
use super::share::Part;
use crate::error::{Error, Result};
use crate::experiment::record::RunRecord;
use crate::target::Target;

/// Observer of a queue, from several threads at once. Its errors, such as [`Error::Interrupted`], end the queue.
#[expect(
    clippy::missing_errors_doc,
    reason = "each method's errors are the observer's own"
)]
pub trait Observer: Sync {
    /// Of `found + missing` runs, `found` are kept in the folder; the others, which show this many examples, begin.
    fn begin(&self, folder: &Path, found: usize, missing: usize, examples: u64) -> Result<()>;

    /// A run has shown this many more examples.
    fn advance(&self, examples: u64) -> Result<()>;

    /// A run has ended and is kept.
    fn finish(&self, record: &RunRecord) -> Result<()>;

    /// A human-readable line.
    fn note(&self, line: &str) -> Result<()>;
}

/// A folder to keep runs in, and the observer of those that it lacks.
pub struct Queue<'a> {
    /// Folder of finished runs.
    pub folder: &'a Folder,
    /// Sees how far the runs are, and may end them.
    pub observer: &'a dyn Observer,
    /// Today, UTC, `YYYY-MM-DD`.
    pub date: String,
    /// Cores of the machine.
    pub cores: usize,
}

impl Queue<'_> {
    /// The records of these jobs, in their order: from the folder, and of runs done now.
    ///
    /// One worker runs them as they are given. Several share the cores; runs on an adapter then follow alone.
    ///
    /// # Errors
    /// Errors of an engine, except divergence, which is a record too; errors of the observer; a file that cannot be
    /// written. The runs that had finished by then are kept.
    pub fn run(&self, jobs: &[Job], workers: usize) -> Result<Vec<RunRecord>> {
        let mut records = Vec::new();
        let mut missing = Vec::new();
        for (place, job) in jobs.iter().enumerate() {
            let found = match self.folder.find(job) {
                Ok(found) => found,
                Err(why) => {
                    self.observer.note(&format!("{why}; running it again"))?;
                    None
                }
            };
            match &found {
                // A process may have been killed after it wrote the record.
                Some(_) => self.folder.remove_checkpoint(job)?,
                None => missing.push((place, job)),
            }
            records.push(found);
        }
        let found = jobs.len() - missing.len();
        let examples = missing.iter().map(|(_, job)| job.work()).sum();
        self.observer
            .begin(self.folder.path(), found, missing.len(), examples)?;
        let is_alone =
            |(_, job): &(usize, &Job)| workers > 1 && matches!(job.target, Target::Adapter(_));
        let (alone, together): (Vec<_>, Vec<_>) = missing.into_iter().partition(is_alone);
        let records = Mutex::new(records);
        for (missing, workers) in [(together, workers), (alone, 1)] {
            let ran = self.run_at_once(&records, &missing, workers);
            ran.map_err(|error| self.explain(error, &lock(&records)))?;
        }
        let records = std::mem::take(&mut *lock(&records)).into_iter();
        Ok(records
            .map(|record| record.expect("every job has been run"))
            .collect())
    }

    /// The records of these jobs, in their order, of those that are there: from the folder, and of the part of them that this
    /// process does.
    ///
    /// # Errors
    /// As [`Queue::run`].
    pub fn gather(&self, jobs: &[Job], workers: usize) -> Result<Vec<Option<RunRecord>>> {
        let share = match self.folder.part() {
            Part::All => {
                let records = self.run(jobs, workers)?;
                return Ok(records.into_iter().map(Some).collect());
            }
            Part::Share(share) => Some(share),
            Part::Nothing => None,
        };
        if let Some(share) = share {
            self.run(&share.of(jobs), workers)?;
        }
        // A record that cannot be used is one that is missing: the share that it belongs to says so.
        let found = jobs.iter().map(|job| self.folder.find(job).unwrap_or(None));
        Ok(found.collect())
    }

    /// Runs the missing jobs, each with its place among the records, in workers that take one after the other until there
    /// is none, or one ends with an error.
    fn run_at_once(
        &self,
        records: &Mutex<Vec<Option<RunRecord>>>,
        missing: &[(usize, &Job)],
        workers: usize,
    ) -> Result<()> {
        let workers = workers.clamp(1, missing.len().max(1));
        let next = AtomicUsize::new(0);
        // The first one only: the other runs end because of it.
        let error: Mutex<Option<Error>> = Mutex::new(None);
        let has_ended = || lock(&error).is_some();
        let serve = || {
            while !has_ended() {
                let next = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(place, job)) = missing.get(next) else {
                    return;
                };
                match self.one(job, workers, &has_ended) {
                    Ok(record) => lock(records)[place] = Some(record),
                    Err(found) => _ = lock(&error).get_or_insert(found),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers {
                if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, serve) {
                    // The present thread works in any case, and the number of workers changes no bit.
                    tracing::warn!(%error, "fewer workers than asked for: no more threads can be started");
                    break;
                }
            }
            serve();
        });
        let error = lock(&error).take();
        error.map_or(Ok(()), Err)
    }

    fn one(&self, job: &Job, workers: usize, has_ended: &dyn Fn() -> bool) -> Result<RunRecord> {
        let mut job = job.clone();
        // Threads change no bit.
        if let Target::Cpu(threads) = &mut job.target {
            *threads = (*threads).min(self.cores / workers).max(1);
        }
        self.folder.tidy(&job);
        let note = |line: &str| self.observer.note(line);
        let saving = (job.evaluations != Evaluations::AgainstTheClock).then(|| Saving {
            file: self.folder.checkpoint(&job),
            note: &note,
        });
        let (record, parameters) = job.run(&self.date, workers, saving, &mut |examples| {
            if has_ended() {
                // Never shown: the error that stopped the queue came first.
                return Err(Error::OutputClosed);
            }
            self.observer.advance(examples)
        })?;
        let record = self.folder.keep(&job, record, parameters.as_ref())?;
        self.observer.finish(&record)?;
        Ok(record)
    }

    /// An error that ended the queue, with what is kept of it.
    fn explain(&self, error: Error, records: &[Option<RunRecord>]) -> Error {
        let kept = format!(
            "{} of {} runs have finished and are kept in {}: the same command resumes with the rest",
            records.iter().flatten().count(),
            records.len(),
            self.folder.path().display()
        );
        match error {
            Error::Interrupted(_) => Error::Interrupted(format!("interrupted; {kept}")),
            Error::Device(text) => Error::Device(format!("{text}; {kept}")),
            other => other,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
