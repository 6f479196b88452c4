//! Machine, date and command line of this invocation, for reports.

use std::path::Path;

use gpu_train::cpu;
use gpu_train::error::printable;
use gpu_train::experiment::record::{Machine, SCHEMA, Stamp};

/// Description of the machine.
pub fn machine() -> Machine {
    Machine {
        processor: cpu::processor(),
        cores: cpu::cores(),
        os: std::env::consts::OS.to_owned(),
    }
}

/// The head of a document that this invocation writes.
pub fn stamp() -> Stamp {
    Stamp {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        date: date(),
        command: command(),
        machine: machine(),
    }
}

/// Today in UTC, `YYYY-MM-DD`.
pub fn date() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

/// Command line that resumes this invocation from a checkpoint, quoted for a shell.
pub fn command_to_resume(checkpoint: &Path) -> String {
    let mut words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| shell_word(&word.to_string_lossy()))
        .collect();
    let resumes = |word: &String| word == "--resume" || word.starts_with("--resume=");
    if !words.iter().any(resumes) {
        words.extend(["--resume".into(), shell_path(checkpoint)]);
    }
    format!("gpu-train {}", words.join(" "))
}

/// Command line that collects what this invocation and the other shares have run, quoted for a shell.
pub fn command_to_collect() -> String {
    let mut command = "gpu-train".to_owned();
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        if word == "--share" {
            words.next();
        } else if !word.starts_with("--share=") {
            command += &format!(" {}", shell_word(&word));
        }
    }
    command + " --collect"
}

/// Returns a path quoted for a shell.
pub fn shell_path(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// Returns a word quoted for a POSIX shell, without quotes if none are needed.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The command line, always with `gpu-train` as the name of the program.
pub fn command() -> String {
    let arguments = std::env::args_os().skip(1);
    let word = |word: std::ffi::OsString| format!(" {}", printable(&word.to_string_lossy()));
    format!("gpu-train{}", arguments.map(word).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(shell_word("--steps=5"), "--steps=5");
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
