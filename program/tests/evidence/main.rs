//! `scripts/gpu-evidence`: packed, and run in an empty folder without a toolchain, on a software adapter; with programs that
//! fail, hang, or find no adapter.
//!
//! Without python3, or without a software adapter, the tests are reported as ignored; with `GPU_TRAIN_REQUIRE_ADAPTER=1` they
//! fail. They need links and a POSIX shell.

#[cfg(unix)]
mod packed;

fn main() {
    #[cfg(unix)]
    packed::main();
}
