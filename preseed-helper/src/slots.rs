//! Only so many restores that move data run at once on a host.
//!
//! Each holds one of as many lock files. The kernel gives the lock back when the process dies, and the programs that
//! it started with it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use declaration::settings::Service;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use report::status;
use storage::{Error, Result};

/// Where the lock files are.
const DIRECTORY: &str = "/run/preseed/slots";

/// How often is looked whether one is free: the kernel can wait for one lock, not for any of several.
const LOOK: Duration = Duration::from_millis(500);

/// One of the slots, given back when it is dropped.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// Waits for one of the host's `max-parallel-restores` slots, and takes it. The status says that it waits.
///
/// # Errors
/// When the lock files cannot be made.
pub fn take(service: &Service) -> Result<Slot> {
    let refused = |error: io::Error| {
        Error::new(
            DIRECTORY,
            format!("no restore can be let in there: {error}"),
            "see that /run is writable, and that we run as root",
        )
    };
    // For root alone: whoever can open a file can lock it.
    match DirBuilder::new().mode(0o700).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let slots = service.max_parallel_restores;
    let mut waits = false;
    loop {
        for number in 0..slots {
            let path = Path::new(DIRECTORY).join(number.to_string());
            if let Some(slot) = try_one(&path).map_err(refused)? {
                return Ok(slot);
            }
        }
        if !waits {
            waits = true;
            status::say(&format!(
                "waiting for another restore to end: max-parallel-restores allows {slots} at once"
            ));
        }
        std::thread::sleep(LOOK);
    }
}

fn try_one(path: &Path) -> io::Result<Option<Slot>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => {
            fcntl(&*lock, FcntlArg::F_SETFD(FdFlag::empty()))?;
            Ok(Some(Slot(lock)))
        }
        Err((_, nix::Error::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}
