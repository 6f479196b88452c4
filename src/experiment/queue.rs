//! The queue of runs: those that the folder lacks, on the cores or one after the other, each kept as soon as it ends.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::folder::Folder;
use super::run::Job;
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

/// Runs under way.
struct Running<'a> {
    /// The records of all jobs, in their order, as far as there are some.
    records: &'a Mutex<Vec<Option<RunRecord>>>,
    /// Runs at the same time.
    workers: usize,
    /// The jobs to run, by their place in the order.
    missing: &'a [(usize, &'a Job)],
    next: AtomicUsize,
    /// The first error; the other runs end then.
    error: Mutex<Option<Error>>,
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
            if found.is_none() {
                missing.push((place, job));
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

    fn run_at_once(
        &self,
        records: &Mutex<Vec<Option<RunRecord>>>,
        missing: &[(usize, &Job)],
        workers: usize,
    ) -> Result<()> {
        let running = Running {
            records,
            workers: workers.clamp(1, missing.len().max(1)),
            missing,
            next: AtomicUsize::new(0),
            error: Mutex::new(None),
        };
        std::thread::scope(|scope| {
            for _ in 1..running.workers {
                let worker =
                    std::thread::Builder::new().spawn_scoped(scope, || self.serve(&running));
                if let Err(error) = worker {
                    // The present thread works in any case, and the number of workers changes no bit.
                    tracing::warn!(%error, "fewer workers than asked for: no more threads can be started");
                    break;
                }
            }
            self.serve(&running);
        });
        let error = lock(&running.error).take();
        error.map_or(Ok(()), Err)
    }

    /// One worker: a job after the other until there is none, or one ends with an error.
    fn serve(&self, running: &Running) {
        while lock(&running.error).is_none() {
            let next = running.next.fetch_add(1, Ordering::Relaxed);
            let Some(&(place, job)) = running.missing.get(next) else {
                return;
            };
            match self.one(job, running) {
                Ok(record) => lock(running.records)[place] = Some(record),
                // The first one only: the others end because of it.
                Err(error) => _ = lock(&running.error).get_or_insert(error),
            }
        }
    }

    fn one(&self, job: &Job, running: &Running) -> Result<RunRecord> {
        let mut job = job.clone();
        // Threads change no bit.
        if let Target::Cpu(threads) = &mut job.target {
            *threads = (*threads).min(self.cores / running.workers).max(1);
        }
        let (record, parameters) = job.run(&self.date, running.workers, &mut |examples| {
            if lock(&running.error).is_some() {
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

/// Observer that sees nothing.
#[cfg(test)]
pub(crate) struct Unseen;

#[cfg(test)]
impl Observer for Unseen {
    fn begin(&self, _: &Path, _: usize, _: usize, _: u64) -> Result<()> {
        Ok(())
    }

    fn advance(&self, _: u64) -> Result<()> {
        Ok(())
    }

    fn finish(&self, _: &RunRecord) -> Result<()> {
        Ok(())
    }

    fn note(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
