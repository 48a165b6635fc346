//! A tree in a directory, as systemd gives it to a generator.

use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, mkdirat, open, openat, symlinkat};
use rustix::io::{Errno, write};

use crate::tree::{EntryError, Tree};

/// An output directory. Entries are created, never replaced; several threads may write to it.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
}

impl Directory {
    /// Opens the directory at `path`, which must exist.
    ///
    /// # Errors
    /// If it cannot be opened as a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = open(
            path,
            OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self { fd })
    }

    fn create_file(&self, path: &str, content: &[u8]) -> Result<(), Errno> {
        // A directory for drop-ins seldom exists, so it is made first.
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.create_directory(parent)?;
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = openat(&self.fd, path, flags, Mode::from_raw_mode(0o644))?;
        let mut rest = content;
        while !rest.is_empty() {
            match write(&file, rest) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        nix::unistd::close(file.into_raw_fd())
            .map_err(|error| Errno::from_raw_os_error(error as i32))
    }

    fn create_link(&self, path: &str, target: &str) -> Result<(), Errno> {
        match (symlinkat(target, &self.fd, path), path.rsplit_once('/')) {
            // A directory of links is there for all but the first.
            (Err(Errno::NOENT), Some((parent, _))) => {
                self.create_directory(parent)?;
                symlinkat(target, &self.fd, path)
            }
            (result, _) => result,
        }
    }

    fn create_directory(&self, path: &str) -> Result<(), Errno> {
        match mkdirat(&self.fd, path, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => Ok(()),
            result => result,
        }
    }
}

impl Tree for &Directory {
    fn file(&mut self, path: &str, content: &str) -> Result<(), EntryError> {
        self.create_file(path, content.as_bytes())
            .map_err(|error| failure(path, error))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), EntryError> {
        self.create_link(path, target)
            .map_err(|error| failure(path, error))
    }
}

fn failure(path: &str, error: Errno) -> EntryError {
    if error == Errno::EXIST {
        return EntryError::duplicate(path);
    }
    EntryError {
        path: path.to_owned(),
        what: format!(
            "cannot write: {}: correct that, then run `systemctl daemon-reload`",
            nix::Error::from_raw(error.raw_os_error()).desc()
        ),
    }
}
