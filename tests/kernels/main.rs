//! Each kernel alone gives what its reference gives, whatever the size of the set.
//!
//! Runs on every adapter. Without one these tests are reported as ignored, never as passed; with
//! GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.

#[path = "../alone/mod.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

use std::sync::Arc;

use alone::Ready;
use libtest_mimic::{Arguments, Failed};

/// A test's name, and what it runs.
type Named = (String, Arc<dyn Fn() -> Ready + Send + Sync>);

fn main() {
    let mut arguments = Arguments::from_args();
    // A device uses the whole processor where it is one.
    arguments.test_threads.get_or_insert(1);
    let mut tests: Vec<Named> = Vec::new();
    for case in alone::cases() {
        tests.push((case.to_string(), Arc::new(move || Ready::new(case))));
    }
    for case in alone::pass_cases() {
        tests.push((case.to_string(), Arc::new(move || case.ready())));
    }
    for case in alone::update_cases() {
        tests.push((case.to_string(), Arc::new(move || case.ready())));
    }
    let check = |ready: Arc<dyn Fn() -> Ready + Send + Sync>| {
        move |adapter: &wgpu::Adapter| Ok::<_, Failed>(alone::check(adapter, &ready())?)
    };
    let tests: Vec<_> = tests
        .into_iter()
        .map(|(name, ready)| (name, check(ready)))
        .collect();
    libtest_mimic::run(&arguments, common::adapter_trials(&tests)).exit();
}
