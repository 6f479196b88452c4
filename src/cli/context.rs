//! Where, when and how this invocation runs, as reports state it.

use crate::cpu;
use crate::report::Machine;

/// The machine.
pub(super) fn machine() -> Machine {
    Machine {
        processor: cpu::processor(),
        cores: cores(),
        os: std::env::consts::OS.to_owned(),
    }
}

/// Cores, as the system counts them for this process.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Today in UTC, `YYYY-MM-DD`.
pub(super) fn date() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

/// The command line, whatever the program's file was called.
pub(super) fn command() -> String {
    let arguments = std::env::args_os().skip(1);
    let words = arguments.map(|word| word.to_string_lossy().into_owned());
    std::iter::once("gpu-train".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
