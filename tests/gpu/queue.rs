//! A queue of runs on the cores and on an adapter.

use std::path::Path;
use std::sync::Mutex;

use gpu_train::data::{DigitsRecord, embedded};
use gpu_train::error;
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::{Observer, Queue};
use gpu_train::experiment::record::RunRecord;
use gpu_train::experiment::run::Job;
use gpu_train::experiment::share::Part;
use gpu_train::gpu::{Options, describe};
use gpu_train::target::{Adapter, Target};
use libtest_mimic::Failed;

use crate::fixture::Case;

/// Seeds of the runs, in the order in which they end.
#[derive(Default)]
struct Ended(Mutex<Vec<u64>>);

impl Observer for Ended {
    fn begin(&self, _: &Path, _: usize, _: usize, _: u64) -> error::Result<()> {
        Ok(())
    }

    fn advance(&self, _: u64) -> error::Result<()> {
        Ok(())
    }

    fn finish(&self, record: &RunRecord) -> error::Result<()> {
        self.0.lock().expect("no panic").push(record.identity.seed);
        Ok(())
    }

    fn note(&self, _: &str) -> error::Result<()> {
        Ok(())
    }
}

/// Two runs share the cores; the adapter's, which is first in the list, follows alone.
pub fn adapters_follow_the_cores(adapter: &wgpu::Adapter, case: &Case) -> Result<(), Failed> {
    let name = describe(adapter)?.to_string();
    let adapter = Adapter::named(&name, Options::default()).ok_or("the adapter is gone")?;
    let mut digits = embedded::digits();
    digits.train = digits.train.truncated(case.examples);
    let record = DigitsRecord::of(&digits);
    let job = |seed, target| {
        let mut recipe = case.recipe();
        recipe.seed = seed;
        Job::new("row", (&digits, &record), recipe, target)
    };
    let jobs = [
        job(1, Target::Adapter(adapter)),
        job(2, Target::Cpu(1)),
        job(3, Target::Cpu(1)),
    ];
    let path = tempfile::tempdir()?;
    let folder = Folder::open(path.path(), Part::All)?;
    let ended = Ended::default();
    let queue = Queue {
        folder: &folder,
        observer: &ended,
        date: "2026-01-01".into(),
        cores: 2,
    };
    let records = queue.run(&jobs, 2)?;
    let runs = records.iter().map(|record| record.concurrent_runs);
    let runs: Vec<u32> = runs.collect();
    if runs != [1, 2, 2] || records[0].device != name {
        let device = &records[0].device;
        return Err(format!("found {runs:?}, the first on {device}").into());
    }
    let ended = ended.0.into_inner().expect("no panic");
    if ended.last() != Some(&1) {
        return Err(format!("they ended in the order {ended:?}").into());
    }
    Ok(())
}
