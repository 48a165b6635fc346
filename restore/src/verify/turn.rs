//! Only so many checks run at once on a host. They hold no restore's slot: a check may take long, and moves no data.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use report::status;
use storage::{Error, Result};

/// Where the lock files are. Their holders die with them.
const DIRECTORY: &str = "/run/preseed/checks";

/// How long a check may take where `stall-timeout` is `infinity`.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// How often is looked whether one is free.
const LOOK: Duration = Duration::from_millis(200);

/// One of the turns, given back when it is dropped. No program inherits it.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// Waits until fewer checks run than restores that move data may, and takes a turn: each of them has a deadline.
///
/// # Errors
/// When the lock files cannot be made.
pub(super) fn take(service: &Service) -> Result<Turn> {
    let refused = |error: io::Error| {
        Error::new(
            DIRECTORY,
            format!("no check can be let in there: {error}"),
            "see that /run is writable, and that we run as root",
        )
        .caused_by(&error)
    };
    match DirBuilder::new().mode(0o700).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let mut waits = false;
    loop {
        for number in 0..service.max_parallel_restores {
            let path = Path::new(DIRECTORY).join(number.to_string());
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .custom_flags(nix::libc::O_NOFOLLOW)
                .open(&path)
                .map_err(refused)?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Turn(lock)),
                Err((_, nix::Error::EWOULDBLOCK)) => {}
                Err((_, error)) => return Err(refused(error.into())),
            }
        }
        if !waits {
            waits = true;
            status::say("waiting for the check of another service's data to end");
        }
        std::thread::sleep(LOOK);
    }
}

/// How long a check may take.
pub(super) fn deadline(service: &Service) -> Duration {
    service.stall_timeout.min(LONGEST)
}
