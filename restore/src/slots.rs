//! Only so many restores that move data run at once on a host.
//!
//! Each holds one of as many lock files until it has died, with the programs that it started.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use report::status;
use rustix::io::{FdFlags, fcntl_setfd};
use storage::{Error, Result};

use crate::failure::Failure;
use crate::lock_files::{self, LockFiles};

/// How often is looked whether one is free: the kernel can wait for one lock, not for any of several.
const GLANCE: Duration = Duration::from_millis(50);

/// How often is looked who holds them, which takes longer.
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
    is_drill: bool,
}

/// That of the one drill of a host that moves data, until it is dropped.
#[derive(Debug)]
pub struct OnlyDrill(#[expect(dead_code, reason = "held, not read")] Slot);

impl<'a> Turn<'a> {
    /// Of a service. It has no slot yet. `directory` (absolute) holds the lock files; it is made where it is missing.
    #[must_use]
    pub fn of(service: &'a Service, directory: &'a Path) -> Self {
        Self {
            service,
            directory,
            slot: Mutex::new(None),
            is_drill: false,
        }
    }

    /// The same, of a drill: it takes a slot only while no restore waits for one.
    #[must_use]
    pub fn of_a_drill(self) -> Self {
        Self {
            is_drill: true,
            ..self
        }
    }

    /// Whether it is that of a drill.
    pub fn is_of_a_drill(&self) -> bool {
        self.is_drill
    }

    /// Whether it is to be given up: it is that of a drill, has a slot, and a restore waits for one.
    pub fn is_to_give_way(&self) -> bool {
        self.is_drill && self.slot().is_some() && is_wanted(self.directory)
    }

    /// Waits for one of the host's `max-parallel-restores` slots, and takes it, unless it has one. The wait has no end
    /// of its own: each holder is ended once nothing moves, and one that cannot be ended is not counted after
    /// `stall-timeout`. The status says who they are.
    ///
    /// # Errors
    /// When the lock files cannot be made.
    pub fn take(&self) -> Result<()> {
        let mut slot = self.slot();
        if slot.is_none() {
            *slot = Some(take(self.service, self.directory, self.is_drill)?);
        }
        Ok(())
    }

    /// Waits until no other drill of the host moves data: each looks for room as if it were alone. It is taken before the slot,
    /// and held until the copy is thrown away. The wait is as that of [`Self::take`].
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_only_drill(&self) -> Result<OnlyDrill> {
        make(self.directory)?;
        let path = self.directory.join(DRILL);
        let mut said = String::new();
        loop {
            if let Some(only) = try_one(&path).map_err(|error| refused(self.directory, &error))? {
                only.sign(self.service, true)
                    .map_err(|error| refused(self.directory, &error))?;
                return Ok(OnlyDrill(only));
            }
            let waits = format!(
                "waiting for another drill to end: one moves data at once ({})",
                holder(&path)
            );
            if said != waits {
                status::say(&waits);
                said = waits;
            }
            std::thread::sleep(LOOK);
        }
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

/// Makes the directory of the lock files where it is missing.
fn make(directory: &Path) -> Result<()> {
    // For root alone: whoever can open a file can lock it.
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(refused(directory, &error)),
        _ => Ok(()),
    }
}

fn refused(directory: &Path, error: &io::Error) -> Error {
    Error::new(
        directory.to_string_lossy(),
        format!("no restore can be let in there: {error}"),
        "see that /run is writable, and that we run as root",
    )
    .caused_by(error)
}

fn take(service: &Service, directory: &Path, is_drill: bool) -> Result<Slot> {
    let refused = |error: io::Error| refused(directory, &error);
    make(directory)?;
    let slots = service.max_parallel_restores;
    let mut files = LockFiles::new(directory, slots, service.stall_timeout);
    let mut said = String::new();
    // Held while it is waited: a drill then gives its slot up.
    let mut wanted = None;
    let may_take = || !is_drill || !is_wanted(directory);
    loop {
        if may_take()
            && let Some(lock) = files.take_one().map_err(refused)?
        {
            let slot = Slot::of(lock).map_err(refused)?;
            slot.sign(service, is_drill).map_err(refused)?;
            return Ok(slot);
        }
        let holders: Vec<String> = files.paths().map(|path| holder(&path)).collect();
        let waits = format!(
            "waiting for another restore to end: max-parallel-restores allows {slots} at once ({})",
            holders.join(", ")
        );
        if !is_drill && wanted.is_none() {
            wanted = want(directory).ok();
        }
        if said != waits {
            status::say(&waits);
            said = waits;
        }
        let looked = Instant::now();
        loop {
            std::thread::sleep(GLANCE);
            if looked.elapsed() >= LOOK || may_take() && files.is_one_free().map_err(refused)? {
                break;
            }
        }
    }
}

/// The file that the drill which moves data locks.
const DRILL: &str = "drill";

/// The file that restores lock together while they wait for a slot.
const WANTED: &str = "wanted";

/// Says that a restore waits for a slot, as long as what this gives is held.
fn want(directory: &Path) -> io::Result<Flock<File>> {
    let file = lock_files::open(&directory.join(WANTED))?;
    Flock::lock(file, FlockArg::LockSharedNonblock).map_err(|(_, error)| error.into())
}

/// Whether a restore waits for a slot.
fn is_wanted(directory: &Path) -> bool {
    let Ok(file) = lock_files::open(&directory.join(WANTED)) else {
        return false;
    };
    matches!(
        Flock::lock(file, FlockArg::LockExclusiveNonblock),
        Err((_, nix::Error::EWOULDBLOCK))
    )
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
    /// The programs that its holder starts hold it as well.
    fn of(lock: Flock<File>) -> io::Result<Self> {
        fcntl_setfd(&*lock, FdFlags::empty())?;
        Ok(Self(lock))
    }

    /// Writes down who holds it.
    fn sign(&self, service: &Service, is_drill: bool) -> io::Result<()> {
        let what = if is_drill { "a drill of " } else { "" };
        let text = format!("{what}{}, process {}\n", service.name, std::process::id());
        self.0.set_len(0)?;
        self.0.write_all_at(text.as_bytes(), 0)?;
        (&*self.0).flush()
    }
}

fn try_one(path: &Path) -> io::Result<Option<Slot>> {
    lock_files::try_one(path)?.ok().map(Slot::of).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::channel;

    use super::*;
    use crate::tests::fakes::service;

    #[test]
    fn one_drill_moves_data_at_once_and_keeps_no_restore_waiting() {
        let slots = tempfile::tempdir().unwrap();
        let service = service();
        let drill = Turn::of(&service, slots.path()).of_a_drill();
        let only = drill.take_only_drill().unwrap();
        drill.take().unwrap();
        let by = format!("a drill of app, process {}", std::process::id());
        assert_eq!(holder(&slots.path().join(DRILL)), by);
        Turn::of(&service, slots.path()).take().unwrap();
        let (taken, is_taken) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let other = Turn::of(&service, slots.path()).of_a_drill();
                let _only = other.take_only_drill().unwrap();
                taken.send(()).unwrap();
            });
            // Without a slot, it is still at work.
            drill.give_back();
            let waits = is_taken.recv_timeout(Duration::from_millis(50));
            drop(only);
            assert!(waits.is_err());
            assert_eq!(is_taken.recv_timeout(Duration::from_mins(1)), Ok(()));
        });
    }

    #[test]
    fn a_slot_that_is_given_back_is_taken_before_the_next_look_at_its_holder() {
        let slots = tempfile::tempdir().unwrap();
        let service = service();
        // On a busy machine, one of several may come late.
        let quickest = (0..5).map(|_| {
            let turns = [(); 2].map(|()| Turn::of(&service, slots.path()));
            for turn in &turns {
                turn.take().unwrap();
            }
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    let turn = Turn::of(&service, slots.path());
                    turn.take().unwrap();
                    Instant::now()
                });
                // The first look is over by then, and the next one far away.
                std::thread::sleep(LOOK / 5);
                let given_back = Instant::now();
                turns[0].give_back();
                waiting.join().unwrap() - given_back
            })
        });
        let quickest = quickest.min().unwrap();
        assert!(quickest < LOOK / 2, "{quickest:?}");
    }
}
