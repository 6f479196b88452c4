//! Files, read with a bound and written as a whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use crate::error::{Error, Result};

/// The first two bytes of every gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Opens a file; a gzip file, known by its first two bytes whatever its name, is decompressed on the way.
///
/// `expected` says what should be there ("the images of MNIST's training set").
///
/// # Errors
/// [`Error::File`] if it is missing, a folder, or unreadable.
pub fn open(path: &Path, expected: &str) -> Result<Box<dyn BufRead>> {
    let file = BufReader::new(open_raw(path, expected)?);
    unzipped(file).map_err(|error| read_error(path, &error, expected))
}

/// As [`open`], from a stream of a file's bytes.
///
/// # Errors
/// If the stream's first bytes cannot be read.
pub fn unzipped<'a>(mut file: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut head = Vec::new();
    file.by_ref()
        .take(GZIP_MAGIC.len() as u64)
        .read_to_end(&mut head)?;
    let zipped = head == GZIP_MAGIC;
    let whole = Cursor::new(head).chain(file);
    Ok(if zipped {
        // Several members in one file are one content, as for gzip itself; garbage behind them is an error.
        Box::new(BufReader::new(MultiGzDecoder::new(whole)))
    } else {
        Box::new(whole)
    })
}

/// Reads a whole file of at most `limit` bytes, as it is.
///
/// # Errors
/// [`Error::File`] if it is missing, a folder, unreadable, or longer: then no more than `limit + 1` bytes are read.
pub fn read(path: &Path, limit: u64, expected: &str) -> Result<Vec<u8>> {
    read_stream(open_raw(path, expected)?, path, limit, expected)
}

/// As [`read`], from an open stream; `path` is for messages.
///
/// # Errors
/// [`Error::File`] if it cannot be read, or is longer.
pub fn read_stream(stream: impl Read, path: &Path, limit: u64, expected: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| read_error(path, &error, expected))?;
    if bytes.len() as u64 > limit {
        return Err(Error::file(
            path,
            format!("found more than {limit} bytes, expected {expected} of at most so many"),
        ));
    }
    Ok(bytes)
}

/// Finds the first of these names that is a file in `folder`.
///
/// # Errors
/// [`Error::File`] if the folder is missing, is no folder, or has none of them.
pub fn find(folder: &Path, names: &[String]) -> Result<PathBuf> {
    let expected = names.join(", ");
    if !folder.exists() {
        return Err(Error::file(
            folder,
            format!("found no such folder, expected one with {expected}"),
        ));
    }
    if !folder.is_dir() {
        return Err(Error::file(
            folder,
            format!("found a file, expected a folder with {expected}"),
        ));
    }
    names
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .ok_or_else(|| {
            Error::file(
                folder,
                format!("found none of {expected}, expected one of them"),
            )
        })
}

/// Where the bytes for a path are written.
#[derive(Debug, PartialEq)]
enum Destination {
    /// A regular file or a new one: the end of the links that the path may name.
    File { folder: PathBuf, path: PathBuf },
    /// A pipe or a character device, such as `/dev/stdout` or `/dev/null`.
    Stream,
}

/// Writes a file: at every moment the path holds all of the old bytes or all of the new ones, even if the machine loses
/// power. Symbolic links are followed; a pipe or a character device is written to directly.
///
/// # Errors
/// [`Error::File`] as [`check_target`], or if its folder cannot be written to; the path then holds what it held.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = match destination(path)? {
        Destination::File { folder, path } => replace(&folder, &path, bytes),
        Destination::Stream => write_stream(path, bytes),
    };
    written.map_err(|error| {
        Error::file(
            path,
            format!("found that it cannot be written ({error}), expected a writable folder with room for it"),
        )
    })
}

/// Checks that a file can be written at this path, before the work whose result it is to hold; returns the path's
/// folder.
///
/// # Errors
/// [`Error::File`] if the folder is missing, or the path is a folder, a socket or a block device.
pub fn check_target(path: &Path) -> Result<&Path> {
    destination(path)?;
    Ok(folder_of(path))
}

/// The folder of a path, `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(path);
    if folder.as_os_str().is_empty() {
        return Path::new(".");
    }
    folder
}

fn destination(path: &Path) -> Result<Destination> {
    if standard_stream(path).is_some() {
        return Ok(Destination::Stream);
    }
    if let Ok(metadata) = std::fs::metadata(path) {
        let kind = metadata.file_type();
        if kind.is_dir() {
            let problem = "found a folder, expected a file or nothing there";
            return Err(Error::file(path, problem));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if kind.is_socket() || kind.is_block_device() {
                let problem =
                    "found a socket or a block device, expected a file, a pipe or nothing there";
                return Err(Error::file(path, problem));
            }
        }
        if !kind.is_file() {
            return Ok(Destination::Stream);
        }
    }
    let target = follow_links(path)?;
    let folder = folder_of(&target).to_owned();
    if !folder.is_dir() {
        let folder = folder.display();
        let problem = format!("found no folder {folder}, expected one to write into");
        return Err(Error::file(path, problem));
    }
    Ok(Destination::File {
        folder,
        path: target,
    })
}

/// The end of a chain of symbolic links, which need not exist.
fn follow_links(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    // Linux follows as many.
    for _ in 0..40 {
        let Ok(link) = std::fs::read_link(&target) else {
            return Ok(target);
        };
        target = folder_of(&target).join(link);
    }
    let problem = "found links that lead to each other, expected a file or nothing there";
    Err(Error::file(path, problem))
}

/// Standard output or error, where the path names one: opened anew, a file that it is redirected to would be written
/// from its start.
fn standard_stream(path: &Path) -> Option<Box<dyn Write>> {
    match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Box::new(io::stdout())),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Box::new(io::stderr())),
        _ => None,
    }
}

fn write_stream(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut stream = match standard_stream(path) {
        Some(stream) => stream,
        None => Box::new(File::options().write(true).open(path)?),
    };
    stream.write_all(bytes)?;
    stream.flush()
}

/// A browser has no files: this returns an error there.
#[cfg(target_family = "wasm")]
fn replace(_: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
}

#[cfg(not(target_family = "wasm"))]
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let prefix = temporary_prefix(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // A temporary file is private by default; this one becomes an ordinary file, under the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    // The new name is only safe once the folder itself is on disk; other systems have no such call. The file is written
    // all the same where a file system refuses it, or the folder may not be read.
    #[cfg(unix)]
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::warn!(folder = %folder.display(), %error, "could not sync the folder of a written file");
    }
    Ok(())
}

/// What temporary files that become this one are called at the beginning.
fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".gpu-train-");
    prefix
}

/// Removes what a process that was killed while it wrote this file has left beside it. No other may be writing it.
pub fn remove_leftovers(path: &Path) {
    let Ok(Destination::File { folder, path }) = destination(path) else {
        return;
    };
    let prefix = temporary_prefix(&path);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let leftover = name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes());
        if leftover {
            // Litter: where it cannot be removed, it does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// What a failed read means, in one line.
pub fn read_error(path: &Path, error: &io::Error, expected: &str) -> Error {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => format!("found no such file, expected {expected}"),
        io::ErrorKind::UnexpectedEof => {
            format!("found a gzip file that breaks off, expected {expected}")
        }
        // flate2's kinds for a bad header, bad codes, and a checksum that does not match.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("found damaged gzip data ({error}), expected {expected}")
        }
        _ => format!("found that it cannot be read ({error}), expected {expected}"),
    };
    Error::file(path, problem)
}

/// A piece of a file's text, fit for one line of a message: escaped, and shortened to 40 characters.
pub fn quoted(text: &str) -> String {
    let mut characters = text.chars();
    let mut quoted: String = characters
        .by_ref()
        .take(40)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        quoted.push('…');
    }
    quoted
}

/// Refuses JSON with a control character in one of its texts: a terminal would obey it.
///
/// # Errors
/// What was found and what was expected.
pub fn refuse_control_characters(value: &Value) -> std::result::Result<(), String> {
    let refuse = |text: &str| match text.contains(char::is_control) {
        true => Err(format!(
            "found a control character in {}, expected none",
            quoted(text)
        )),
        false => Ok(()),
    };
    match value {
        Value::String(text) => refuse(text),
        Value::Array(values) => values.iter().try_for_each(refuse_control_characters),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            refuse(name)?;
            refuse_control_characters(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn open_raw(path: &Path, expected: &str) -> Result<File> {
    // Opening a folder succeeds on Unix; only reading it fails, with a less helpful message.
    if path.is_dir() {
        return Err(Error::file(
            path,
            format!("found a folder, expected {expected}"),
        ));
    }
    File::open(path).map_err(|error| read_error(path, &error, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut pipe = File::options()
            .read(true)
            .write(true)
            .open(at("pipe"))
            .unwrap();
        write_atomically(&at("pipe"), b"through").unwrap();
        let kind = std::fs::metadata(at("pipe")).unwrap().file_type();
        assert!(kind.is_fifo(), "the pipe was replaced");
        let mut read = [0; 7];
        pipe.read_exact(&mut read).unwrap();
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
}
