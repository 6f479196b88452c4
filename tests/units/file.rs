//! Files, read with a bound and written as a whole or not at all.

use std::path::Path;

#[cfg(unix)]
use gpu_train::file::check_target;
use gpu_train::file::{quoted, read, remove_leftovers, write_atomically};

#[test]
fn a_write_replaces_the_file_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    write_atomically(&path, b"old").unwrap();
    write_atomically(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn only_leftovers_of_the_same_file_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    let names = [
        ".run.ckpt.gpu-train-abc",
        ".other.gpu-train-abc",
        "run.ckpt",
        ".run.ckpt",
    ];
    for name in names {
        std::fs::write(folder.path().join(name), b"").unwrap();
    }
    remove_leftovers(&path);
    let there = |name: &&&str| folder.path().join(name).exists();
    assert_eq!(names.iter().filter(there).count(), 3);
    assert!(!folder.path().join(names[0]).exists());
}

#[cfg(unix)]
#[test]
fn a_written_file_has_the_permissions_of_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        std::fs::metadata(path).unwrap().permissions().mode()
    };
    std::fs::write(folder.path().join("plain"), b"").unwrap();
    write_atomically(&folder.path().join("atomic"), b"").unwrap();
    assert_eq!(mode("atomic"), mode("plain"));
}

#[test]
fn a_write_into_a_missing_folder_or_onto_a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| write_atomically(path, b"").unwrap_err().to_string();
    let missing = message(&folder.path().join("none/weights"));
    assert!(missing.contains("found no folder"), "{missing}");
    assert!(missing.contains("none"), "{missing}");
    let onto = message(folder.path());
    assert!(onto.contains("found a folder, expected a file"), "{onto}");
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays_a_link() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("inner")).unwrap();
    symlink("inner/second", at("first")).unwrap();
    // Relative to its own folder, and to a file that is not there yet.
    symlink("../weights", at("inner/second")).unwrap();
    for text in [b"old", b"new"] {
        write_atomically(&at("first"), text).unwrap();
        assert_eq!(std::fs::read(at("weights")).unwrap(), text);
    }
    assert!(at("first").is_symlink() && at("inner/second").is_symlink());
    assert!(!at("weights").is_symlink());
    std::fs::write(at(".weights.gpu-train-abc"), b"").unwrap();
    remove_leftovers(&at("first"));
    assert!(!at(".weights.gpu-train-abc").exists());

    symlink("circle", at("circle")).unwrap();
    let message = write_atomically(&at("circle"), b"")
        .unwrap_err()
        .to_string();
    assert!(message.contains("found links that lead"), "{message}");
    symlink("none/weights", at("astray")).unwrap();
    let message = check_target(&at("astray")).unwrap_err().to_string();
    assert!(message.contains("found no folder"), "{message}");
}

#[cfg(unix)]
#[test]
fn pipes_and_character_devices_are_written_to_and_sockets_refused() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(at("pipe"))
        .status();
    assert!(made.unwrap().success());
    check_target(&at("pipe")).unwrap();
    // Open at both ends, a pipe keeps what is written until it is read.
    let mut pipe = std::fs::File::options()
        .read(true)
        .write(true)
        .open(at("pipe"))
        .unwrap();
    write_atomically(&at("pipe"), b"through").unwrap();
    let kind = std::fs::metadata(at("pipe")).unwrap().file_type();
    assert!(kind.is_fifo(), "the pipe was replaced");
    let mut read = [0; 7];
    std::io::Read::read_exact(&mut pipe, &mut read).unwrap();
    assert_eq!(&read, b"through");
    // A link, lest a wrong write replaces the device itself.
    std::os::unix::fs::symlink("/dev/null", at("null")).unwrap();
    write_atomically(&at("null"), b"gone").unwrap();
    assert!(at("null").is_symlink(), "the link was replaced");

    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let message = write_atomically(&at("socket"), b"")
        .unwrap_err()
        .to_string();
    assert!(message.contains("found a socket"), "{message}");
    check_target(&at("socket")).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn reading_stops_one_byte_past_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes");
    std::fs::write(&path, [0; 9]).unwrap();
    assert_eq!(read(&path, 9, "nine").unwrap().len(), 9);
    let message = read(&path, 8, "eight").unwrap_err().to_string();
    assert!(
        message.contains("found more than 8 bytes, expected eight"),
        "{message}"
    );
    let message = read(folder.path(), 8, "eight").unwrap_err().to_string();
    assert!(
        message.contains("found a folder, expected eight"),
        "{message}"
    );
}

#[test]
fn quoted_text_stays_on_one_line_and_short() {
    assert_eq!(quoted("a\nb\u{1b}"), "a\\nb\\u{1b}");
    assert_eq!(quoted(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
}
