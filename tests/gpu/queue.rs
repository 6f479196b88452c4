//! A queue of runs on the cores and on an adapter.

use gpu_train::data::{DigitsRecord, embedded};
use gpu_train::experiment::folder::Folder;
use gpu_train::experiment::queue::Queue;
use gpu_train::experiment::run::Job;
use gpu_train::experiment::share::Part;
use gpu_train::gpu::{Options, describe};
use gpu_train::target::{Adapter, Target};
use libtest_mimic::Failed;

use crate::common::observer::Noted;
use crate::fixture::Case;

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
    let observer = Noted::endless();
    let queue = Queue {
        folder: &folder,
        observer: &observer,
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
    let ended = observer.ended();
    if ended.last() != Some(&1) {
        return Err(format!("they ended in the order {ended:?}").into());
    }
    Ok(())
}
