//! Signals for a program that keeps finished runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts a program, sends it a signal once a file is there, for which it has this many seconds, and returns its messages.
/// It must end with 130 and say that the same command resumes.
pub fn interrupted(signal: &str, command: &mut Command, file: &Path, seconds: u64) -> String {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program runs");
    let started = Instant::now();
    while !file.exists() {
        let (name, passed) = (file.display(), started.elapsed().as_secs());
        assert!(passed < seconds, "no {name} in {seconds} s");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command resumes"), "{said}");
    said
}
