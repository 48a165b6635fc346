//! Only one process at a time is at work on a service's storage.

use std::fs::{File, OpenOptions};
use std::path::Path;

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};

use crate::{Error, Result, shown};

/// Where the lock files are. They stay: removing one would let two processes lock two files of one name.
const DIRECTORY: &str = "/run/lock/preseed";

/// A lock that is given back when it is dropped, or when the process dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// Waits until no other process is at work on the service's storage, and locks it.
///
/// # Errors
/// When the lock file cannot be made.
pub fn lock(service: &Service) -> Result<Lock> {
    let path = Path::new(DIRECTORY).join(format!("{}.lock", service.name));
    let refused = |error: std::io::Error| {
        Error::new(
            shown(&path),
            format!("cannot be locked: {error}"),
            "see that /run is writable, and that we run as root",
        )
    };
    std::fs::create_dir_all(DIRECTORY).map_err(refused)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(refused)?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map(Lock)
        .map_err(|(_, error)| refused(error.into()))
}
