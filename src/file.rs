//! Files, read with a bound and written as a whole or not at all.
//!
//! ```
//! use std::path::Path;
//! use gpu_train::file;
//!
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("notes.txt");
//! file::write_atomically(&path, b"ten bytes!")?;
//! assert_eq!(file::read(&path, 10, "notes")?, b"ten bytes!");
//! // More than the limit is refused before it is in memory, and a missing file is named.
//! assert!(file::read(&path, 9, "notes").is_err());
//! let error = file::read(Path::new("missing.txt"), 10, "notes").unwrap_err();
//! assert!(error.to_string().starts_with("missing.txt: "));
//! # Ok::<(), gpu_train::error::Error>(())
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use crate::error::{Error, Result};

mod claim;

pub use claim::Claim;

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
        // Several members in one file are one content, as for gzip itself; garbage after them is an error.
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
            format!("found more than {limit} bytes, expected {expected} of at most that size"),
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
    let mut paths = names.iter().map(|name| folder.join(name));
    paths.find(|path| path.exists()).ok_or_else(|| {
        let problem = if !folder.exists() {
            format!("found no such folder, expected one with {expected}")
        } else if !folder.is_dir() {
            format!("found a file, expected a folder with {expected}")
        } else {
            format!("found none of {expected}, expected one of them")
        };
        Error::file(folder, problem)
    })
}

/// Creates a folder and those above it, where they are missing.
///
/// # Errors
/// [`Error::File`] if it cannot be created.
pub fn create_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| {
        let expected = "expected a folder to write into";
        Error::file(
            path,
            format!("found that it cannot be created ({error}), {expected}"),
        )
    })
}

/// Writes a file: at every moment the path holds all of the old bytes or all of the new ones, even if the machine loses
/// power. Symbolic links are followed; a pipe or a character device is written to directly.
///
/// # Errors
/// [`Error::File`] as [`check_target`], or if its folder cannot be written to; the path then holds what it held.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = match destination(path)? {
        Some(file) => replace(&file, bytes).map(|_| ()),
        None => write_stream(path, bytes),
    };
    written.map_err(|error| write_error(path, &error))
}

fn write_error(path: &Path, error: &io::Error) -> Error {
    Error::file(
        path,
        format!(
            "found that it cannot be written ({error}), expected a writable folder with room for it"
        ),
    )
}

/// Checks that a file can be written at this path, before the work whose result it is to hold, and removes what a process
/// that was killed while it wrote this file left; returns the path's folder.
///
/// # Errors
/// [`Error::File`] if the folder is missing or takes no new file, or the path is a folder, a socket or a block device.
pub fn check_target(path: &Path) -> Result<&Path> {
    if let Some(target) = destination(path)? {
        remove_leftovers(path);
        temporary(&target).map_err(|error| write_error(path, &error))?;
    }
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

/// The regular or new file at the end of the links that a path may name; none for a pipe or a character device, such as
/// `/dev/stdout` or `/dev/null`.
fn destination(path: &Path) -> Result<Option<PathBuf>> {
    if standard_stream(path).is_some() {
        return Ok(None);
    }
    let refuse = |problem: &str| Err(Error::file(path, problem));
    if let Ok(metadata) = std::fs::metadata(path) {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return refuse("found a folder, expected a file or nothing there");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if kind.is_socket() || kind.is_block_device() {
                return refuse(
                    "found a socket or a block device, expected a file, a pipe or nothing there",
                );
            }
        }
        if !kind.is_file() {
            return Ok(None);
        }
    }
    let target = follow_links(path)?;
    let folder = folder_of(&target);
    if !folder.is_dir() {
        let folder = folder.display();
        return refuse(&format!(
            "found no folder {folder}, expected one to write into"
        ));
    }
    Ok(Some(target))
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

/// A browser has no files.
#[cfg(target_family = "wasm")]
fn temporary(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A new file that becomes the one at this path, or is removed.
#[cfg(not(target_family = "wasm"))]
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = temporary_prefix(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // A temporary file is private by default; this one becomes an ordinary file, under the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

/// Replaces a file, and returns the new one; on Unix it is locked until it is closed. A browser has no files: this returns
/// an error there.
#[cfg(target_family = "wasm")]
fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    std::fs::write(path, bytes)?;
    File::open(path)
}

#[cfg(not(target_family = "wasm"))]
fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut temporary = temporary(path)?;
    // Tells it from one that a killed process left. A file system may have no locks.
    #[cfg(unix)]
    let _ = temporary.as_file().try_lock();
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    let written = temporary.persist(path).map_err(|error| error.error)?;
    // The new name is only safe once the folder itself is on disk; other systems have no such call. The file is written
    // all the same where a file system refuses it, or the folder may not be read.
    #[cfg(unix)]
    if let Err(error) = File::open(folder_of(path)).and_then(|folder| folder.sync_all()) {
        tracing::warn!(folder = %folder_of(path).display(), %error, "could not sync the folder of a written file");
    }
    Ok(written)
}

/// Part of the names of all temporary files.
const TEMPORARY: &str = ".gpu-train-";

/// Prefix of the names of temporary files that become this one.
fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(TEMPORARY);
    prefix
}

/// Removes temporary files of a process that was killed while it wrote this file. Where there are no locks, no other may be
/// writing it.
pub fn remove_leftovers(path: &Path) {
    let Ok(Some(path)) = destination(path) else {
        return;
    };
    let prefix = temporary_prefix(&path);
    remove_temporaries(folder_of(&path), &|name| {
        name.starts_with(prefix.as_encoded_bytes())
    });
}

/// As [`remove_leftovers`], of every file of a folder.
pub fn remove_leftovers_in(folder: &Path) {
    remove_temporaries(folder, &|name| {
        let mut places = name.windows(TEMPORARY.len());
        name.starts_with(b".") && places.any(|part| part == TEMPORARY.as_bytes())
    });
}

fn remove_temporaries(folder: &Path, is_one: &dyn Fn(&[u8]) -> bool) {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for entry in entries.flatten() {
        if is_one(entry.file_name().as_encoded_bytes()) && !is_being_written(&entry.path()) {
            // Litter: where it cannot be removed, it does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Tells whether a process has this temporary file locked.
fn is_being_written(path: &Path) -> bool {
    let locked = |file: File| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
    cfg!(unix) && File::open(path).is_ok_and(locked)
}

/// Meaning of a failed read, in one line.
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
/// Found and expected text.
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
