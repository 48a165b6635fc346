//! Only one process at a time is at work on a service's storage.

mod holder;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use rustix::io::{FdFlags, fcntl_setfd};

pub use self::holder::Wait;
#[cfg(test)]
pub(crate) use self::holder::holder_in;
use crate::{Error, Result, kept, shown};

/// Where the lock files are. They stay: removing one would let two processes lock two files of one name.
const DIRECTORY: &str = "/run/preseed/lock";

/// The lock of whoever makes a container in the pool of this one. No service is called so.
fn lock_of_containers(container: &str) -> PathBuf {
    let pool = container.split('/').next().unwrap_or(container);
    Path::new(DIRECTORY).join(format!("@containers-{pool}.lock"))
}

/// Declarations may be here as well, for all to read.
const SHARED: &str = "/run/preseed";

/// A lock that is given back when it is dropped, or when the process dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// How often is looked whether a lock was given back.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until no other process is at work on the service's storage, and locks it. `waiting` is told who is, in words.
///
/// A holder that is at work is waited for, as it is itself bounded by progress. One that has stood still in the kernel for
/// the service's `stall-timeout`, or is gone and left programs behind, is not.
///
/// # Errors
/// When the lock file cannot be made, or its holder stands still.
pub fn lock(service: &Service, waiting: impl FnMut(&str)) -> Result<Lock> {
    of_service(&path_of(service), "its storage", service, waiting)
}

/// The same for drills of the service: only one of them is at work. It keeps nothing else waiting.
///
/// # Errors
/// As [`lock`].
pub fn lock_for_a_drill(service: &Service, waiting: impl FnMut(&str)) -> Result<Lock> {
    let path = drill_path_of(service);
    of_service(&path, "a drill of it", service, waiting)
}

/// Waits until no other process makes a container in the pool of `container`, and locks that: a container belongs to all services
/// in it.
///
/// # Errors
/// As [`lock`].
pub(crate) fn lock_containers(container: &str) -> Result<Lock> {
    let path = lock_of_containers(container);
    let subject = (container, "what services lie in");
    lock_at(&path, subject, Duration::ZERO, |_| {})
}

fn of_service(
    path: &Path,
    what: &str,
    service: &Service,
    waiting: impl FnMut(&str),
) -> Result<Lock> {
    let subject = (service.name.as_str(), what);
    lock_at(path, subject, service.stall_timeout, waiting)
}

/// `what` of `subject` is locked by it.
fn lock_at(
    path: &Path,
    (subject, what): (&str, &str),
    at_most: Duration,
    mut waiting: impl FnMut(&str),
) -> Result<Lock> {
    let mut file = open(path)?;
    let mut wait = Wait::on(&file, at_most).map_err(|error| refused(path, &error))?;
    let mut said = String::new();
    loop {
        file = match try_file(file, path)? {
            Ok(lock) => return Ok(lock),
            Err(file) => file,
        };
        let is_over = wait.is_over();
        let holder = wait.holder();
        if is_over {
            return Err(Error::new(
                subject,
                format!(
                    "{holder} is at work on {what}, and has stood still for {} s",
                    wait.stood_still().as_secs()
                ),
                format!(
                    "see what it waits for with `journalctl -k` and `zpool status`, and who else has `{}` open with \
                     `fuser -v`; end them, then start the service again",
                    shown(path)
                ),
            ).of_kind(crate::ErrorKind::Timeout)
            .that_heals());
        }
        if said != holder {
            waiting(&holder);
            said = holder;
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until no other process is at work on any part of the service, and locks all of them, always in the same order.
///
/// # Errors
/// As [`lock`].
pub fn lock_all(service: &Service, mut waiting: impl FnMut(&str)) -> Result<Vec<Lock>> {
    service
        .parts()
        .map(|part| lock(part, &mut waiting))
        .collect()
}

/// Locks the service's storage if no other process is at work on it; `None` if one is.
///
/// # Errors
/// When the lock file cannot be made.
pub fn try_lock(service: &Service) -> Result<Option<Lock>> {
    let path = path_of(service);
    Ok(try_file(open(&path)?, &path)?.ok())
}

/// Locks drills of the service if none is at work; `None` if one is.
///
/// # Errors
/// When the lock file cannot be made.
pub fn try_lock_for_a_drill(service: &Service) -> Result<Option<Lock>> {
    let path = drill_path_of(service);
    Ok(try_file(open(&path)?, &path)?.ok())
}

/// Of a place, that of its service: a drill is one of all its parts. No service is called so.
fn drill_path_of(service: &Service) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.lock", kept::drill(service.of())))
}

fn path_of(service: &Service) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.lock", service.name))
}

/// Opens the lock file, which is made if it is missing.
fn open(path: &Path) -> Result<File> {
    let refused = |error: std::io::Error| refused(path, &error);
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
        .open(path)
        .map_err(refused)?;
    // Programs started by us hold it as well: should we be killed, the next run waits until they are gone.
    fcntl_setfd(&file, FdFlags::empty()).map_err(|error| refused(error.into()))?;
    Ok(file)
}

/// Gives the file back if another process has it locked.
fn try_file(file: File, path: &Path) -> Result<std::result::Result<Lock, File>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => Ok(Ok(Lock(locked))),
        Err((file, nix::Error::EWOULDBLOCK)) => Ok(Err(file)),
        Err((_, error)) => Err(refused(path, &error.into())),
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        shown(path),
        format!("cannot be locked: {error}"),
        "see that /run is writable, and that we run as root",
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn containers_of_one_pool_are_made_by_one_at_a_time_and_keep_no_other_pool_nor_service_waiting()
    {
        let of_tank = lock_of_containers("tank/services/web");
        // Each may make what the other lies in.
        for of_same in ["tank", "tank/services", "tank/data/deep"] {
            assert_eq!(lock_of_containers(of_same), of_tank, "{of_same}");
        }
        for of_other in ["vault", "vault/services/web", "tank2/services/web"] {
            assert_ne!(lock_of_containers(of_other), of_tank, "{of_other}");
        }
        for name in ["tank", "containers-tank"] {
            let service = declared::service(name, None, "[preseed]\n").unwrap();
            assert_ne!(path_of(&service), of_tank);
            assert_ne!(drill_path_of(&service), of_tank);
        }
    }
}
