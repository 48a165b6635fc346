//! Lock files of which each process at work holds one, so that only so many are at work at once. The kernel gives one back
//! when its holder dies.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use storage::lock::Wait;

/// The lock files of a directory, called by their numbers.
pub(crate) struct LockFiles<'a> {
    directory: &'a Path,
    most: usize,
    patience: Duration,
    waits: Vec<Wait>,
}

impl<'a> LockFiles<'a> {
    /// `most` may be held at once. One whose holder has stood still for `patience`, and for 5 seconds, is not counted: it
    /// was left behind, or waits in the kernel for what never comes.
    pub(crate) fn new(directory: &'a Path, most: usize, patience: Duration) -> Self {
        Self {
            directory,
            most,
            patience,
            waits: Vec::new(),
        }
    }

    /// Takes one; `None`: all are held.
    ///
    /// # Errors
    /// When one cannot be made or locked.
    pub(crate) fn take_one(&mut self) -> io::Result<Option<Flock<File>>> {
        let mut most = self.most;
        let mut number = 0;
        while number < most {
            match try_one(&self.path(number))? {
                Ok(lock) => return Ok(Some(lock)),
                Err(file) if self.waits.len() == number => {
                    self.waits.push(Wait::on(&file, self.patience)?);
                }
                Err(_) => {}
            }
            if self.waits[number].is_over() {
                most += 1;
            }
            number += 1;
        }
        Ok(None)
    }

    /// Whether one could be taken just now, whoever holds the others.
    ///
    /// # Errors
    /// As [`Self::take_one`].
    pub(crate) fn is_one_free(&self) -> io::Result<bool> {
        for path in self.paths() {
            if try_one(&path)?.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those that may be held at once by processes that go on.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.most).map(|number| self.path(number))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(number.to_string())
    }
}

/// Locks a file, which is made if it is missing; gives it back if another process has it locked. No program inherits it.
///
/// # Errors
/// When it cannot be made or locked.
pub(crate) fn try_one(path: &Path) -> io::Result<Result<Flock<File>, File>> {
    match Flock::lock(open(path)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Ok(lock)),
        Err((file, nix::Error::EWOULDBLOCK)) => Ok(Err(file)),
        Err((_, error)) => Err(error.into()),
    }
}

/// Opens a lock file, which is made if it is missing.
///
/// # Errors
/// As open(2).
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
}
