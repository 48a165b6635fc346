//! Only so many restores that move data run at once on a host.
//!
//! Each holds one of as many lock files. The kernel gives the lock back when the process dies, and the programs that
//! it started with it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use report::status;
use rustix::io::{FdFlags, fcntl_setfd};
use storage::{Error, Result};

use crate::failure::Failure;

/// How often is looked whether one is free: the kernel can wait for one lock, not for any of several.
const LOOK: Duration = Duration::from_millis(500);

/// How much is read of what a holder wrote into its lock file, in bytes.
const ENOUGH: u64 = 400;

/// One of the slots, given back when it is dropped.
#[derive(Debug)]
struct Slot(Flock<File>);

/// The turn of a service's restore: it has a slot while data moves, and none while it waits for something else.
#[derive(Debug)]
pub struct Turn<'a> {
    service: &'a Service,
    /// Where the lock files are.
    directory: &'a Path,
    slot: Mutex<Option<Slot>>,
}

impl<'a> Turn<'a> {
    /// Of a service. It has no slot yet. `directory` (absolute) holds the lock files; it is made where it is missing.
    #[must_use]
    pub fn of(service: &'a Service, directory: &'a Path) -> Self {
        Self {
            service,
            directory,
            slot: Mutex::new(None),
        }
    }

    /// Waits for one of the host's `max-parallel-restores` slots, and takes it, unless it has one. The wait has no end
    /// of its own, since each holder is ended once nothing moves; the status says who they are.
    ///
    /// # Errors
    /// When the lock files cannot be made.
    pub fn take(&self) -> Result<()> {
        let mut slot = self.slot();
        if slot.is_none() {
            *slot = Some(take(self.service, self.directory)?);
        }
        Ok(())
    }

    /// The service whose turn it is.
    pub fn service(&self) -> &'a Service {
        self.service
    }

    fn slot(&self) -> MutexGuard<'_, Option<Slot>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the slot back, if it has one.
    pub fn give_back(&self) {
        self.slot().take();
    }

    /// Does `wait` without a slot, and takes one again if it had one.
    ///
    /// # Errors
    /// When none can be taken any more.
    pub fn pass(&self, wait: impl FnOnce()) -> std::result::Result<(), Failure> {
        let had_one = self.slot().take().is_some();
        wait();
        if had_one {
            self.take().map_err(Failure::Storage)?;
        }
        Ok(())
    }
}

fn take(service: &Service, directory: &Path) -> Result<Slot> {
    let refused = |error: io::Error| {
        Error::new(
            directory.to_string_lossy(),
            format!("no restore can be let in there: {error}"),
            "see that /run is writable, and that we run as root",
        )
        .caused_by(&error)
    };
    // For root alone: whoever can open a file can lock it.
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let slots = service.max_parallel_restores;
    let mut said = String::new();
    loop {
        let mut holders = Vec::new();
        for number in 0..slots {
            let path = directory.join(number.to_string());
            if let Some(slot) = try_one(&path).map_err(refused)? {
                slot.sign(service).map_err(refused)?;
                return Ok(slot);
            }
            holders.push(holder(&path));
        }
        let waits = format!(
            "waiting for another restore to end: max-parallel-restores allows {slots} at once ({})",
            holders.join(", ")
        );
        if said != waits {
            status::say(&waits);
            said = waits;
        }
        std::thread::sleep(LOOK);
    }
}

/// Who holds a slot, as it signed.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
        .and_then(|file| file.take(ENOUGH).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().escape_debug().to_string(),
        _ => "somebody".to_owned(),
    }
}

impl Slot {
    /// Writes down who holds it.
    fn sign(&self, service: &Service) -> io::Result<()> {
        let text = format!("{}, process {}\n", service.name, std::process::id());
        self.0.set_len(0)?;
        self.0.write_all_at(text.as_bytes(), 0)?;
        (&*self.0).flush()
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
            fcntl_setfd(&*lock, FdFlags::empty())?;
            Ok(Some(Slot(lock)))
        }
        Err((_, nix::Error::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}
