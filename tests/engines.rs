//! Every engine with PyTorch's figures, and with the others.
//!
//! GPU tests need an adapter: without one they are reported as ignored, never as passed; they fail if
//! `GPU_TRAIN_REQUIRE_ADAPTER` is 1.

mod common;
mod engines_agree;
mod oracles;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = engines_agree::trials();
    trials.extend(oracles::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
