//! Locks on a folder of runs: a command has it alone, or as one of several shares.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::super::share::Part;
use crate::error::{Error, Result};

/// The file that is locked while the folder is in use: by a whole command alone, by shares together.
const LOCK: &str = ".lock";

/// Locks, released when they are dropped or the process ends in any way.
#[derive(Debug, Default)]
pub(super) struct Locks {
    _files: Vec<File>,
    /// Line about a file system without locks.
    pub warning: Option<String>,
}

type TryLock = fn(&File) -> std::result::Result<(), TryLockError>;

impl Locks {
    /// The locks of a process that does this part.
    ///
    /// # Errors
    /// [`Error::File`] if another process has the folder, or does the same share.
    pub fn of(folder: &Path, part: Part) -> Result<Self> {
        let mut locks = Self::default();
        let others = match part {
            Part::All => "found another gpu-train at work in it",
            _ => "found a gpu-train at work on the whole of it",
        };
        let lock = match part {
            Part::All => File::try_lock,
            _ => File::try_lock_shared,
        };
        locks.add(folder, LOCK, lock, others)?;
        if let Part::Share(share) = part {
            let name = format!(".share-{}-of-{}.lock", share.index(), share.count());
            let others = format!("found another gpu-train at work on share {share} of it");
            locks.add(folder, &name, File::try_lock, &others)?;
        }
        Ok(locks)
    }

    /// Takes a lock; where the file system has none, notes a warning instead. Some file systems of clusters have none, or
    /// only within a node: shares are disjoint, and every file is replaced as a whole.
    fn add(&mut self, folder: &Path, name: &str, lock: TryLock, others: &str) -> Result<()> {
        let path = folder.join(name);
        // Some network file systems lock for reading what is open for reading, and for writing what is open for writing.
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let unwritable = |error: io::Error| {
            let expected = "expected a writable folder";
            Error::file(
                &path,
                format!("found that it cannot be created ({error}), {expected}"),
            )
        };
        let file = options.open(&path).map_err(unwritable)?;
        match lock(&file) {
            Ok(()) => self._files.push(file),
            Err(TryLockError::WouldBlock) => {
                let wanted = "expected one at a time: wait for it, or give another --out";
                return Err(Error::file(folder, format!("{others}, {wanted}")));
            }
            Err(TryLockError::Error(error)) => {
                self.warning = Some(format!(
                    "warning: {}: found that it cannot be locked ({error}): take care that each share, and each whole \
                     command, has its part of the folder to itself",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(folder: &Path, part: &str) -> Result<Locks> {
        let part = match part {
            "all" => Part::All,
            "nothing" => Part::Nothing,
            share => Part::Share(share.parse().expect("a share")),
        };
        Locks::of(folder, part)
    }

    #[test]
    fn shares_work_together_and_a_whole_command_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let shares = ["0/2", "1/2", "nothing"].map(|part| held(folder, part).expect("a lock"));
        assert!(shares.iter().all(|locks| locks.warning.is_none()));
        let refused = |part: &str| held(folder, part).expect_err("in use").to_string();
        assert!(refused("0/2").contains("another gpu-train at work on share 0/2"));
        assert!(refused("all").contains("another gpu-train at work in it"));
        drop(shares);
        let whole = held(folder, "all").expect("a lock");
        for part in ["all", "0/2", "nothing"] {
            assert!(refused(part).contains("at work"), "{part}");
        }
        drop(whole);
        held(folder, "0/2").expect("a lock");
    }

    #[test]
    fn a_file_system_without_locks_is_worth_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut locks = Locks::default();
        let lock = |_: &File| Err(TryLockError::Error(io::ErrorKind::Unsupported.into()));
        locks.add(folder.path(), LOCK, lock, "").expect("a warning");
        let warning = locks.warning.expect("a warning");
        assert!(
            warning.contains("cannot be locked (unsupported)"),
            "{warning}"
        );
    }
}
