//! Only one process at a time is at work on a service's storage.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use declaration::settings::Service;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};

use crate::{Error, Result, shown};

/// Where the lock files are. They stay: removing one would let two processes lock two files of one name.
const DIRECTORY: &str = "/run/preseed/lock";

/// Declarations may be here as well, for all to read.
const SHARED: &str = "/run/preseed";

/// A lock that is given back when it is dropped, or when the process dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// Waits until no other process is at work on the service's storage, and locks it. `waiting` is called once
/// if one is.
///
/// # Errors
/// When the lock file cannot be made.
pub fn lock(service: &Service, waiting: impl FnOnce()) -> Result<Lock> {
    let path = Path::new(DIRECTORY).join(format!("{}.lock", service.name));
    let refused = |error: std::io::Error| {
        Error::new(
            shown(&path),
            format!("cannot be locked: {error}"),
            "see that /run is writable, and that we run as root",
        )
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(SHARED)
        .map_err(refused)?;
    // For root alone: whoever can open a file can lock it.
    match DirBuilder::new().mode(0o700).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&path)
        .map_err(refused)?;
    // Programs started by us hold it as well: should we be killed, the next run waits until they are gone.
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|error| refused(error.into()))?;
    let locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((file, nix::Error::EWOULDBLOCK)) => {
            waiting();
            Flock::lock(file, FlockArg::LockExclusive)
        }
        tried => tried,
    };
    locked.map(Lock).map_err(|(_, error)| refused(error.into()))
}
