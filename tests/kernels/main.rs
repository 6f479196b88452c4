//! Each kernel alone gives the results of its reference, for sets of any size; and these checks can fail: each of many
//! planted faults is found by the check of its kernel, and the comparison that all tests of numbers use refuses what is
//! wrong.
//!
//! Runs on every adapter. Without one these tests are reported as ignored, never as passed; with
//! GPU_TRAIN_REQUIRE_ADAPTER=1 they fail.

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod faults;

use libtest_mimic::Arguments;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is spent compiling kernels, which a software adapter does on one core.
    arguments.test_threads.get_or_insert(2);
    let mut trials = alone::trials();
    trials.extend(faults::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
