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
mod faults_fused_update;
mod faults_muon;
mod faults_pass;
mod faults_pass_backward;
mod faults_update;
mod refused;

use libtest_mimic::{Arguments, Failed};

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time goes into compiling the faulty kernels, which a software adapter does on one core.
    arguments.test_threads.get_or_insert(2);
    let mut trials = comparison::trials();
    trials.extend(barriers::trials());
    trials.extend(faults::trials());
    let check =
        |fault| move |adapter: &wgpu::Adapter| Ok::<_, Failed>(faults::found(adapter, fault)?);
    let tests = faults::one_by_one().map(|fault| (format!("found::{}", fault.name), check(fault)));
    let tests: Vec<_> = tests.collect();
    trials.extend(common::adapter_trials(&tests));
    let together = faults_pass::TOGETHER.map(|(name, faults)| {
        let check = move |adapter: &wgpu::Adapter| Ok(faults::found_together(adapter, faults)?);
        (format!("found::pass_{name}_{}_faults", faults.len()), check)
    });
    trials.extend(common::adapter_trials(&together));
    trials.extend(common::adapter_trials(&refused::TESTS));
    libtest_mimic::run(&arguments, trials).exit();
}
