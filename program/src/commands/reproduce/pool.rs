//! The missing runs, spread over the cores; those on an adapter one after the other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::line;
use crate::terminal::context::date;
use crate::terminal::interrupt;
use crate::terminal::{Output, RunsProgress};
use gpu_train::data::Digits;
use gpu_train::error::{Error, Result};
use gpu_train::experiment::record::RunRecord;
use gpu_train::experiment::reproduce::{Before, Folder, Job, train};
use gpu_train::target::{self, Target};
use gpu_train::train::Event;

/// What all runs share.
pub(super) struct Pool<'a> {
    /// Where finished runs are kept.
    pub(super) folder: &'a Folder,
    /// What is trained on.
    pub(super) digits: &'a Digits,
    /// Where full-batch recipes are trained.
    pub(super) target: Target,
    /// Where lines go.
    pub(super) output: Output,
    /// Runs at a time on the CPU.
    pub(super) jobs: usize,
}

/// The runs under way.
struct Queue<'a> {
    jobs: &'a [Job],
    /// Runs at a time.
    workers: usize,
    next: AtomicUsize,
    progress: RunsProgress,
    finished: Mutex<Vec<RunRecord>>,
    /// The first error; the other runs end then.
    error: Mutex<Option<Error>>,
    stop: AtomicBool,
}

impl Pool<'_> {
    /// Runs and keeps all jobs; returns their records in any order.
    ///
    /// # Errors
    /// What an engine returns, but for divergence, which is a record too; if a file cannot be written.
    pub(super) fn run(&self, mut jobs: Vec<Job>) -> Result<Vec<RunRecord>> {
        // Seed by seed, so that a table that is broken off is even; the longest of a seed first, so that the cores end
        // together.
        jobs.sort_by_key(|job| (job.identity.seed, std::cmp::Reverse(self.work(job))));
        let on_adapter = |job: &Job| self.target.of_batch(job.recipe.batch).adapter().is_some();
        let (alone, together): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(on_adapter);
        let mut records = self.run_queue(&together, self.jobs.min(together.len()))?;
        // With nothing else beside them.
        records.extend(self.run_queue(&alone, 1)?);
        Ok(records)
    }

    /// Presentations: the engines of one core show about as many in a second.
    fn work(&self, job: &Job) -> u64 {
        let examples = self.digits.train.len();
        job.recipe.updates(examples) * job.recipe.batch_size(examples) as u64
    }

    fn run_queue(&self, jobs: &[Job], workers: usize) -> Result<Vec<RunRecord>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let work = jobs.iter().map(|job| self.work(job)).sum();
        let queue = Queue {
            jobs,
            workers,
            next: AtomicUsize::new(0),
            progress: RunsProgress::new(jobs.len(), work, self.output),
            finished: Mutex::new(Vec::new()),
            error: Mutex::new(None),
            stop: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.serve(&queue));
            }
        });
        queue.progress.end();
        let error = queue.error.into_inner();
        match error.unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(error),
            None => Ok(queue
                .finished
                .into_inner()
                .unwrap_or_else(|poisoned| poisoned.into_inner())),
        }
    }

    /// One worker: a job after the other until there is none, or one ends with an error.
    fn serve(&self, queue: &Queue) {
        while !queue.stop.load(Ordering::Relaxed) {
            let next = queue.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = queue.jobs.get(next) else {
                return;
            };
            match self.one(job, queue) {
                Ok(record) => lock(&queue.finished).push(record),
                Err(error) => {
                    // The first one only: the others end because of it.
                    lock(&queue.error).get_or_insert(error);
                    queue.stop.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    fn one(&self, job: &Job, queue: &Queue) -> Result<RunRecord> {
        let recipe = &job.recipe;
        let parameters = recipe.initial_parameters();
        let target = self.target_of(job, queue);
        let opened = target::open(&target, self.digits, recipe, &parameters)?;
        let mut engine = opened.engine;
        let before = Before {
            date: date(),
            setup: opened.set_up,
            tuning: opened.tuning,
            concurrent_runs: queue.workers as u32,
        };
        let an_update = recipe.batch_size(self.digits.train.len()) as u64;
        let mut seen = 0;
        let (record, parameters) =
            train(job, self.digits, engine.as_mut(), before, &mut |event| {
                if queue.stop.load(Ordering::Relaxed) {
                    // Never shown: the error that stopped the queue came first.
                    return Err(Error::OutputClosed);
                }
                interrupt::check()?;
                if let Event::Progress { step, .. } = event {
                    queue.progress.advance(u64::from(step - seen) * an_update);
                    seen = *step;
                }
                Ok(())
            })?;
        let record = self
            .folder
            .keep(job, self.digits, record, parameters.as_ref())?;
        // What a run that failed has left out.
        queue
            .progress
            .advance(u64::from(record.steps - seen) * an_update);
        queue.progress.finish(&line(&record))?;
        Ok(record)
    }

    /// Where a job runs: on one core, or more where there are more cores than runs. Threads change no bit.
    fn target_of(&self, job: &Job, queue: &Queue) -> Target {
        match self.target.of_batch(job.recipe.batch) {
            Target::Cpu(cores) => Target::Cpu((cores / queue.workers).max(1)),
            other => other,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
