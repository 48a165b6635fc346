//! A tree in a directory, as systemd gives it to a generator.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{close, symlinkat, write};

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
            OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self { fd })
    }

    fn create_file(&self, path: &str, content: &[u8]) -> nix::Result<()> {
        // A directory for drop-ins seldom exists, so it is made first.
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.create_directory(parent)?;
        }
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = openat(&self.fd, path, flags, Mode::from_bits_truncate(0o644))?;
        let mut rest = content;
        while !rest.is_empty() {
            match write(&file, rest) {
                Ok(0) => return Err(Errno::EIO),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        close(file)
    }

    fn create_link(&self, path: &str, target: &str) -> nix::Result<()> {
        match (symlinkat(target, &self.fd, path), path.rsplit_once('/')) {
            // A directory of links is there for all but the first.
            (Err(Errno::ENOENT), Some((parent, _))) => {
                self.create_directory(parent)?;
                symlinkat(target, &self.fd, path)
            }
            (result, _) => result,
        }
    }

    fn create_directory(&self, path: &str) -> nix::Result<()> {
        match mkdirat(&self.fd, path, Mode::from_bits_truncate(0o755)) {
            Err(Errno::EEXIST) => Ok(()),
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
    if error == Errno::EEXIST {
        return EntryError::duplicate(path);
    }
    EntryError {
        path: path.to_owned(),
        what: format!(
            "cannot write: {}: help that, then run `systemctl daemon-reload`",
            error.desc()
        ),
    }
}
