//! Shuts writers out of a mounted dataset, so that what is looked at is what is acted on.
//!
//! The whole file system is made read-only, which the kernel refuses while anybody has a file of it open for
//! writing, through whatever mount and in whatever namespace; readers go on. It is a flag of the mounted file system
//! and nothing that is stored: once nobody has it mounted or stands in it, the next mount is writable again. A run that is
//! killed in between leaves a note.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::dataset::Zfs;
use super::mounted;
use super::properties::existing;
use crate::held_mount::HeldMount;
use crate::holders::Data;
use crate::mountinfo::Mount;
use crate::{Error, NotRolledBack, Result, mountinfo, quoted, shown, step, writers};

/// Where is noted what was made read-only: as long as the flag, this does not outlive the machine's power.
const NOTES: &str = "/run/preseed/read-only";

/// How long a file that was just closed or deleted may take to be let go of by the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// A dataset that nobody can write to.
pub(super) struct Shut<'a> {
    zfs: &'a Zfs<'a>,
    mounted: HeldMount,
}

/// Makes the dataset, which must be mounted at its place, read-only for everybody.
///
/// # Errors
/// When somebody writes to it, with who; or when it cannot be made so. Somebody who only holds a deleted file of it open
/// keeps the kernel from it as well: another restore may do.
pub(super) fn shut<'a>(zfs: &'a Zfs<'a>) -> std::result::Result<Shut<'a>, NotRolledBack> {
    let mounted = at_its_place(zfs).map_err(NotRolledBack::Storage)?;
    let shut = Shut { zfs, mounted };
    write_note(zfs).map_err(NotRolledBack::Storage)?;
    step::at(|| format!("remount ro {}", shown(&zfs.service.mountpoint)));
    let since = Instant::now();
    loop {
        match shut.mounted.make_all(true, &options(zfs)) {
            Ok(()) => return Ok(shut),
            Err(nix::Error::EBUSY) if since.elapsed() < PATIENCE => {
                // Nobody tells when the last writer is gone.
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => {
                forget(zfs).map_err(NotRolledBack::Storage)?;
                return Err(match error {
                    nix::Error::EBUSY => in_use(zfs, shut.mounted.device()),
                    error => {
                        NotRolledBack::Storage(refused(zfs, "cannot be made read-only", error))
                    }
                });
            }
        }
    }
}

impl Shut<'_> {
    /// Lets writers in again.
    ///
    /// # Errors
    /// When it stays read-only; the next [`reopen`] tries again.
    pub(super) fn open(self) -> Result<()> {
        open(self.zfs, &self.mounted)
    }
}

/// Lets writers in again where a run was killed that had shut them out. Gives whether it did.
///
/// # Errors
/// When it stays read-only.
pub(super) fn reopen(zfs: &Zfs<'_>) -> Result<bool> {
    let noted = match std::fs::read_to_string(note(zfs)) {
        Ok(noted) => noted,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unnoted(zfs, &error)),
    };
    if noted.trim_end() != zfs.name() {
        forget(zfs)?;
        return Ok(false);
    }
    if !mounted::is_mounted(zfs)? {
        // Whoever mounts it again needs to know: somebody who stands in what was unmounted keeps it read-only.
        return Ok(false);
    }
    // Where it is read-only and the property is not, ZFS tells that as `temporary`.
    let now = existing(zfs.name())?;
    if now.value("readonly") == Some("on") && now.source("readonly") != "temporary" {
        forget(zfs)?;
        return Ok(false);
    }
    open(zfs, &at_its_place(zfs)?).map(|()| true)
}

fn open(zfs: &Zfs<'_>, mounted: &HeldMount) -> Result<()> {
    step::at(|| format!("remount rw {}", shown(&zfs.service.mountpoint)));
    let made = mounted.make_all(false, &options(zfs));
    made.map_err(|error| refused(zfs, "stays read-only", error))?;
    forget(zfs)
}

/// The dataset itself where it is mounted, all of it.
fn at_its_place(zfs: &Zfs<'_>) -> Result<HeldMount> {
    let path = &zfs.service.mountpoint;
    let gone = || {
        Error::new(
            shown(path),
            format!("{} is not mounted there any more", zfs.name()),
            "see who unmounted it, then start the service again",
        )
        .of_kind(crate::ErrorKind::NotMounted)
    };
    if !mounted::is_mounted(zfs)? {
        return Err(gone());
    }
    let is_all_of_it = |mounted: &Mount| mounted.root == Path::new("/");
    let mounted = mountinfo::at(path)?.filter(is_all_of_it).ok_or_else(gone)?;
    HeldMount::of(&mounted, &Data::Dataset(zfs.name())).map_err(|_| gone())
}

/// What ZFS is told of a mount: where it mounts what is looked at below `.zfs/snapshot`; `zfs mount` says so as well.
pub(super) fn options(zfs: &Zfs<'_>) -> String {
    format!("mntpoint={}", zfs.service.mountpoint.display())
}

/// Whether it is noted that writers were shut out and not let in again.
pub(super) fn is_noted(zfs: &Zfs<'_>) -> bool {
    std::fs::read_to_string(note(zfs)).is_ok_and(|noted| noted.trim_end() == zfs.name())
}

fn note(zfs: &Zfs<'_>) -> PathBuf {
    Path::new(NOTES).join(zfs.service.name.as_str())
}

/// Notes that writers are about to be shut out, should this run be killed before they are let in again.
///
/// # Errors
/// When it cannot be noted.
pub(super) fn write_note(zfs: &Zfs<'_>) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(NOTES);
    made.and_then(|()| {
        let mut note = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(note(zfs))?;
        note.write_all(zfs.name().as_bytes())
    })
    .map_err(|error| unnoted(zfs, &error))
}

/// Forgets that: they are let in again, or what they were shut out of is not in the place any more.
///
/// # Errors
/// When the note cannot be removed.
pub(super) fn forget(zfs: &Zfs<'_>) -> Result<()> {
    match std::fs::remove_file(note(zfs)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unnoted(zfs, &error)),
        _ => Ok(()),
    }
}

fn unnoted(zfs: &Zfs<'_>, error: &std::io::Error) -> Error {
    Error::new(
        shown(&note(zfs)),
        format!("it cannot be noted there what is read-only for a moment: {error}"),
        "see that /run is writable, and that we run as root",
    )
    .caused_by(error)
}

fn refused(zfs: &Zfs<'_>, what: &str, error: nix::Error) -> Error {
    let path = &zfs.service.mountpoint;
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        format!(
            "see that its pool is healthy with `zpool status`, and `mount -o remount,rw {}`",
            quoted(path)
        ),
    )
    .caused_by(&error)
}

/// Somebody has something open that keeps it from being made read-only.
fn in_use(zfs: &Zfs<'_>, device: u64) -> NotRolledBack {
    let holders = writers::of(device);
    let error = Error::new(
        shown(&zfs.service.mountpoint),
        format!(
            "{}, so nothing in it is rolled back",
            holders.in_words("somebody writes to it")
        ),
        holders.help(),
    )
    .of_kind(crate::ErrorKind::Busy);
    if holders.only_hold_deleted_files() {
        NotRolledBack::Refused(error)
    } else {
        NotRolledBack::Storage(error)
    }
}
