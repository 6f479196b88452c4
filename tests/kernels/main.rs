//! Each kernel alone gives what its reference gives, whatever the size of the set.
//!
//! Runs on every adapter. Without one these tests are reported as ignored, never as passed; with
//! GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.

#[path = "../alone/mod.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

use libtest_mimic::{Arguments, Failed};

fn main() {
    let mut arguments = Arguments::from_args();
    // A device uses the whole processor where it is one.
    arguments.test_threads.get_or_insert(1);
    let check = |case| move |adapter: &wgpu::Adapter| Ok::<_, Failed>(alone::check(adapter, case)?);
    let tests = alone::cases().into_iter();
    let tests: Vec<_> = tests.map(|case| (case.to_string(), check(case))).collect();
    libtest_mimic::run(&arguments, common::adapter_trials(&tests)).exit();
}
