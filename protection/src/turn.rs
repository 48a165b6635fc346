//! One backup of a service at a time, and what it still owes should it be killed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use storage::{Error, Result};

/// A file for each service, for root alone.
const DIRECTORY: &str = "/run/preseed/backup";

/// What is in it while the command `after` is still to be run.
const OWED: &str = "after";

/// The turn of a service's backup. It is given back when it is dropped, or when the process dies.
#[derive(Debug)]
pub(crate) struct Turn {
    file: Flock<File>,
    path: PathBuf,
}

impl Turn {
    /// # Errors
    /// When another backup of the service is at work, or the file cannot be made.
    pub(crate) fn take(service: &str) -> Result<Self> {
        let path = Path::new(DIRECTORY).join(service);
        let refused = |error: std::io::Error| refused(&path, &error);
        for (directory, mode) in [("/run/preseed", 0o755), (DIRECTORY, 0o700)] {
            match DirBuilder::new().mode(mode).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(refused(error));
                }
                _ => {}
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&path)
            .map_err(refused)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => Ok(Self { file, path }),
            Err((_, nix::Error::EWOULDBLOCK)) => Err(Error::new(
                service,
                "another backup of it is at work",
                format!("wait until `backup-{service}.service` has ended"),
            )),
            Err((_, error)) => Err(refused(error.into())),
        }
    }

    /// Whether a backup that was killed has left `after` to be run.
    pub(crate) fn owes(&mut self) -> Result<bool> {
        let mut text = String::new();
        let read = self.file.rewind();
        read.and_then(|()| self.file.read_to_string(&mut text))
            .map_err(|error| refused(&self.path, &error))?;
        Ok(text == OWED)
    }

    /// Notes whether `after` is still to be run.
    pub(crate) fn note(&mut self, owed: bool) -> Result<()> {
        let text = if owed { OWED } else { "" };
        let noted = self
            .file
            .rewind()
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| self.file.write_all(text.as_bytes()));
        noted.map_err(|error| refused(&self.path, &error))
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        path.to_string_lossy(),
        format!("cannot be used: {error}"),
        "see that /run is writable, and that we run as root",
    )
}
