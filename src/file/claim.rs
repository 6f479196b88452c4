//! A file that one process replaces again and again, and no other meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{destination, replace, write_error, write_stream};
use crate::error::{Error, Result};

/// A file that this process replaces. What is there is locked, so that no other process claims it. On a file system without
/// locks, and on other systems than Unix, others are not kept out.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// The file that is there, locked until it is closed (where there are locks).
    held: Option<File>,
}

impl Claim {
    /// Claims a file that is there or will be.
    ///
    /// # Errors
    /// [`Error::File`] if another process has claimed it.
    pub fn of(path: &Path) -> Result<Self> {
        let held = locked(path).map_err(|in_use| in_use.of(path))?;
        Ok(Self {
            path: path.to_owned(),
            held,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file as [`super::write_atomically`].
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written, or another process has put a file there; the path then holds what it held.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let path = self.path.as_path();
        let failed = |error| write_error(path, &error);
        let Some(file) = destination(path)? else {
            return write_stream(path, bytes).map_err(failed);
        };
        if !is_as_left(self.held.as_ref(), path) {
            return Err(InUse.of(path));
        }
        // The one before is let go only now.
        self.held = Some(replace(&file, bytes).map_err(failed)?);
        Ok(())
    }
}

/// Another process has the file.
struct InUse;

impl InUse {
    fn of(self, path: &Path) -> Error {
        let expected = "expected one at a time: wait for it, or name another file";
        Error::file(
            path,
            format!("found another gpu-train at work on it, {expected}"),
        )
    }
}

/// The file that is there, locked where there are locks.
#[cfg(unix)]
fn locked(path: &Path) -> std::result::Result<Option<File>, InUse> {
    use std::fs::TryLockError;

    if !path.is_file() {
        return Ok(None);
    }
    // Some network file systems lock for writing only what is open for writing.
    let writable = File::options().read(true).write(true).open(path);
    let Ok(file) = writable.or_else(|_| File::open(path)) else {
        return Ok(None);
    };
    match file.try_lock() {
        // Between opening and locking it, another process may have replaced it.
        Ok(()) if is_as_left(Some(&file), path) => Ok(Some(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(InUse),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(path = %path.display(), %error, "cannot be locked: other processes are not kept out");
            Ok(Some(file))
        }
    }
}

/// Tells whether a path has the file that this process left there, or none.
#[cfg(unix)]
fn is_as_left(held: Option<&File>, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let Ok(there) = std::fs::metadata(path).map(id) else {
        return true;
    };
    held.is_some_and(|held| held.metadata().is_ok_and(|metadata| id(metadata) == there))
}

#[cfg(not(unix))]
fn locked(_: &Path) -> std::result::Result<Option<File>, InUse> {
    Ok(None)
}

#[cfg(not(unix))]
fn is_as_left(_: Option<&File>, _: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::{remove_leftovers, remove_leftovers_in, write_atomically};
    use super::*;

    #[test]
    fn a_claimed_file_is_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.ckpt");
        let refused = |claim: Result<Claim>| claim.expect_err("in use").to_string();
        let mut first = Claim::of(&path).expect("nothing there");
        let mut second = Claim::of(&path).expect("nothing there");
        for text in [b"1", b"2"] {
            first.write(text).expect("written");
            assert!(refused(Claim::of(&path)).contains("run.ckpt: found another gpu-train"));
        }
        // Both found nothing there; the later one sees that the other was faster.
        second.write(b"3").expect_err("in use");
        assert_eq!(std::fs::read(&path).expect("a file"), b"2");
        // A file that somebody else removes is written again; one that somebody else puts there is not written over.
        std::fs::remove_file(&path).expect("removed");
        first.write(b"4").expect("written");
        write_atomically(&path, b"5").expect("written");
        first.write(b"6").expect_err("in use");
        assert_eq!(std::fs::read(&path).expect("a file"), b"5");
        drop(first);
        let mut third = Claim::of(&path).expect("nobody's");
        third.write(b"7").expect("written");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1
        );
    }

    #[test]
    fn a_temporary_file_that_is_being_written_is_no_leftover() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let [live, dead] = [".net.gpu-train-live", ".net.gpu-train-dead"].map(at);
        let writer = File::create(&live).expect("a file");
        writer.lock().expect("a lock");
        for remove in [&|| remove_leftovers(&at("net")) as _, &|| {
            remove_leftovers_in(folder.path()) as _
        }] as [&dyn Fn(); 2]
        {
            std::fs::write(&dead, b"").expect("written");
            remove();
            assert!(live.exists() && !dead.exists());
        }
        drop(writer);
        remove_leftovers(&at("net"));
        assert!(!live.exists());
    }
}
