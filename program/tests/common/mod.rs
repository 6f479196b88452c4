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
    send(signal, child.id());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command resumes"), "{said}");
    said
}

/// Sends a signal, by its name without SIG, to a process. By the shell's own kill: not every system has a program of that name.
pub fn send(signal: &str, id: u32) {
    let kill = format!("kill -s {signal} {id}");
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("a shell").success());
}
