//! Machine, date and command line of this invocation, for reports.

use std::ffi::OsStr;
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
        .map(|word| shell_word(&word))
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
        if word == "--share" {
            words.next();
        } else if !word.as_encoded_bytes().starts_with(b"--share=") {
            command += &format!(" {}", shell_word(&word));
        }
    }
    command + " --collect"
}

/// Returns a path quoted for a shell.
pub fn shell_path(path: &Path) -> String {
    shell_word(path.as_os_str())
}

/// Returns a word quoted for a POSIX shell, without quotes if none are needed.
fn shell_word(word: &OsStr) -> String {
    let Some(word) = word
        .to_str()
        .filter(|word| !word.contains(char::is_control))
    else {
        return printed_by_shell(word);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A word that is no text, or has characters that a terminal obeys: as a command that prints it.
fn printed_by_shell(word: &OsStr) -> String {
    let byte = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-_./=".contains(byte) => char::from(*byte).into(),
        b'%' => "%%".into(),
        byte => format!(r"\{byte:03o}"),
    };
    let bytes: String = word.as_encoded_bytes().iter().map(byte).collect();
    // A word may begin with a dash.
    format!(r#""$(printf -- '{bytes}')""#)
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
        let word = |word: &str| shell_word(OsStr::new(word));
        assert_eq!(word("--steps=5"), "--steps=5");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
        assert_eq!(word("a\u{1b}[31m"), r#""$(printf -- 'a\033\13331m')""#);
    }
}
