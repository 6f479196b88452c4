//! The library with what a machine may lack: adapters, and files that the project does not bring. Tests of a missing one are
//! reported as ignored, never as passed; those of adapters fail if `GPU_TRAIN_REQUIRE_ADAPTER` is 1.

mod common;
mod engines_agree;
mod oracles;
mod real_files;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = engines_agree::trials();
    trials.extend(oracles::trials());
    trials.extend(real_files::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
