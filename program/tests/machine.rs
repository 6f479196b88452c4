//! The program with what a machine may lack: an adapter, Chromium, Python with its packages, MNIST. Without it a test is
//! reported as ignored, with the reason, never as passed; it fails if `GPU_TRAIN_REQUIRE_ADAPTER` is 1 or
//! `GPU_TRAIN_REQUIRE_TOOLS` names it.

#[path = "common/adapter.rs"]
mod adapter;
mod bench;
mod browser;
#[cfg(unix)]
mod common;
mod ecosystem;
#[cfg(unix)]
mod evidence;
#[path = "../../tests/common/mod.rs"]
mod numeric;
mod race;
mod real_files;
#[path = "../../tests/common/required.rs"]
mod required;

use adapter::lacks_adapter;
use libtest_mimic::{Arguments, Trial};

/// A test that fails by a panic.
fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

fn main() {
    let without_adapter = lacks_adapter();
    if without_adapter {
        println!("no software adapter here: the tests that need one are ignored");
    }
    let mut trials = bench::trials(without_adapter);
    trials.extend(browser::trials());
    trials.extend(ecosystem::trials());
    #[cfg(unix)]
    trials.extend(evidence::trials(without_adapter));
    trials.extend(race::trials(without_adapter));
    trials.extend(real_files::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
