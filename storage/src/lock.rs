//! Only one process at a time is at work on a service's storage.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use rustix::io::{FdFlags, fcntl_setfd};

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

/// How long a holder may stand still at least: a busy machine is not a stuck one.
const AT_LEAST: Duration = Duration::from_secs(15);

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
    lock_at(&path, (container, "what services lie in"), AT_LEAST, |_| {})
}

fn of_service(
    path: &Path,
    what: &str,
    service: &Service,
    waiting: impl FnMut(&str),
) -> Result<Lock> {
    let at_most = service.stall_timeout.max(AT_LEAST);
    lock_at(path, (service.name.as_str(), what), at_most, waiting)
}

/// `what` of `subject` is locked by it.
fn lock_at(
    path: &Path,
    (subject, what): (&str, &str),
    at_most: Duration,
    mut waiting: impl FnMut(&str),
) -> Result<Lock> {
    let mut file = open(path)?;
    let inode = file
        .metadata()
        .map_err(|error| refused(path, &error))?
        .ino();
    let mut wait = Wait::new(at_most);
    loop {
        file = match try_file(file, path)? {
            Ok(lock) => return Ok(lock),
            Err(file) => file,
        };
        let holder = Holder::of(inode);
        if wait.is_over(&holder) {
            return Err(Error::new(
                subject,
                format!(
                    "{holder} is at work on {what}, and has stood still for {} s",
                    wait.since.elapsed().as_secs()
                ),
                format!(
                    "see what it waits for with `journalctl -k` and `zpool status`, and who else has `{}` open with \
                     `fuser -v`; end them, then start the service again",
                    shown(path)
                ),
            ).of_kind(crate::ErrorKind::Timeout)
            .that_heals());
        }
        if wait.said != holder.to_string() {
            wait.said = holder.to_string();
            waiting(&wait.said);
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

/// Who holds a lock.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    process: Option<u32>,
    name: Option<String>,
    /// How often its threads have waited for something until now: one that is stuck does not any more.
    waited: Option<u64>,
}

impl Holder {
    /// Of the lock on the file with this inode, as the kernel tells it.
    fn of(inode: u64) -> Self {
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let process = holder_in(&locks, inode);
        let name = process.and_then(|process| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
            Some(name.trim_end().to_owned())
        });
        Self {
            process,
            name,
            waited: process.and_then(times_waited),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.process, &self.name) {
            (Some(process), Some(name)) => write!(f, "{name}, process {process}"),
            (Some(process), None) => {
                write!(f, "a program that process {process} left behind")
            }
            (None, _) => f.write_str("somebody"),
        }
    }
}

/// The process that took the lock on the file with this inode, in the text of `/proc/locks` (proc_locks(5)).
pub(crate) fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        // 1: FLOCK ADVISORY WRITE 1234 00:19:5678 0 EOF; waiters have `->` after the number.
        let mut fields = line.split_whitespace().skip(1);
        if fields.next()? != "FLOCK" {
            return None;
        }
        let process = fields.nth(2)?.parse().ok()?;
        let file = fields.next()?.rsplit(':').next()?;
        (file.parse() == Ok(inode) && process > 0).then_some(process)
    })
}

/// How often the threads of a process have given up the processor by themselves (proc_pid_status(5)).
fn times_waited(process: u32) -> Option<u64> {
    let mut times = 0_u64;
    for task in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        times = times.saturating_add(count.trim().parse().ok()?);
    }
    Some(times)
}

/// A wait for a lock.
struct Wait {
    at_most: Duration,
    holder: Option<(Option<u32>, Option<u64>)>,
    since: Instant,
    said: String,
}

impl Wait {
    fn new(at_most: Duration) -> Self {
        Self {
            at_most,
            holder: None,
            since: Instant::now(),
            said: String::new(),
        }
    }

    /// Whether the holder has stood still for too long.
    fn is_over(&mut self, holder: &Holder) -> bool {
        let now = Some((holder.process, holder.waited));
        if self.holder != now {
            self.holder = now;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.at_most
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_holder_is_found_among_all_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:19:77 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 fe:00:76 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:19:77 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 00:19:77 0 EOF\n";
        assert_eq!(holder_in(locks, 77), Some(13));
        assert_eq!(holder_in(locks, 78), None);
        assert_eq!(holder_in("x\n1: FLOCK\n", 77), None);
    }

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

    #[test]
    fn one_that_goes_on_is_waited_for() {
        let mut wait = Wait::new(Duration::from_millis(30));
        for waited in 0..5 {
            let holder = Holder {
                process: Some(1),
                name: None,
                waited: Some(waited),
            };
            std::thread::sleep(Duration::from_millis(10));
            assert!(!wait.is_over(&holder));
        }
        std::thread::sleep(Duration::from_millis(40));
        assert!(wait.is_over(&Holder {
            process: Some(1),
            name: None,
            waited: Some(4)
        }));
        assert!(times_waited(std::process::id()).is_some());
    }
}
