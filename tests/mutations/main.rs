//! The checks of the kernels can fail: each of many planted faults is found by the check of that kernel alone, and the
//! comparison that all tests of numbers use refuses what is wrong.
//!
//! Runs on every adapter. Without one the planted faults are reported as ignored, never as found; with
//! GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.

#[path = "../alone/mod.rs"]
mod alone;
mod barriers;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod faults;
mod faults_backward;
mod faults_forward;
mod faults_update;
mod refused;

use libtest_mimic::{Arguments, Failed};

fn main() {
    let mut arguments = Arguments::from_args();
    // A device uses the whole processor where it is one.
    arguments.test_threads.get_or_insert(1);
    let mut trials = comparison::trials();
    trials.extend(barriers::trials());
    trials.extend(faults::trials());
    let check =
        |fault| move |adapter: &wgpu::Adapter| Ok::<_, Failed>(faults::found(adapter, fault)?);
    let tests = faults::all().map(|fault| (format!("found::{}", fault.name), check(fault)));
    let tests: Vec<_> = tests.collect();
    trials.extend(common::adapter_trials(&tests));
    trials.extend(common::adapter_trials(&refused::TESTS));
    libtest_mimic::run(&arguments, trials).exit();
}
