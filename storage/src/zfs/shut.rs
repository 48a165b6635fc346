//! Shuts writers out of a mounted dataset, so that what is looked at is what is acted on.
//!
//! The whole file system is made read-only, which the kernel refuses while anybody has a file of it open for
//! writing, through whatever mount and in whatever namespace; readers go on. It is a flag of the mounted file system
//! and nothing that is stored: the next mount is writable again. A run that is killed in between leaves a note.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use rustix::fs::{StatVfsMountFlags, fstatvfs};

use super::dataset::Zfs;
use super::mounted;
use super::properties::existing;
use crate::mountinfo::Mount;
use crate::{Error, NotRolledBack, Result, mount_id, mountinfo, quoted, shown, step, writers};

/// Where is noted what was made read-only: as long as the flag, this does not outlive the machine's power.
const NOTES: &str = "/run/preseed/read-only";

/// How long a file that was just closed or deleted may take to be let go of by the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// A dataset that nobody can write to.
pub(super) struct Shut<'a> {
    zfs: &'a Zfs<'a>,
    root: File,
}

/// Makes the dataset, which must be mounted at its place, read-only for everybody.
///
/// # Errors
/// When somebody writes to it, with who; or when it cannot be made so. Somebody who only holds a deleted file of it open
/// keeps the kernel from it as well: another restore may do.
pub(super) fn shut<'a>(zfs: &'a Zfs<'a>) -> std::result::Result<Shut<'a>, NotRolledBack> {
    let (root, device) = own_root(zfs).map_err(NotRolledBack::Storage)?;
    let shut = Shut { zfs, root };
    write_note(zfs).map_err(NotRolledBack::Storage)?;
    step::at(|| format!("remount ro {}", shown(&zfs.service.mountpoint)));
    let since = Instant::now();
    loop {
        match remount(zfs, &shut.root, true) {
            Ok(()) => return Ok(shut),
            Err(nix::Error::EBUSY) if since.elapsed() < PATIENCE => {
                // Nobody tells when the last writer is gone.
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => {
                forget(zfs).map_err(NotRolledBack::Storage)?;
                return Err(match error {
                    nix::Error::EBUSY => in_use(zfs, device),
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
        open(self.zfs, &self.root)
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
    let (root, _) = own_root(zfs)?;
    open(zfs, &root).map(|()| true)
}

fn open(zfs: &Zfs<'_>, root: &File) -> Result<()> {
    step::at(|| format!("remount rw {}", shown(&zfs.service.mountpoint)));
    remount(zfs, root, false).map_err(|error| refused(zfs, "stays read-only", error))?;
    forget(zfs)
}

/// The root of the mounted dataset itself, and its device number.
fn own_root(zfs: &Zfs<'_>) -> Result<(File, u64)> {
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
    // A link that was put on the way since may have led to another.
    let is_own =
        |mounted: &Mount| mounted.is_of_dataset(zfs.name()) && mounted.root == Path::new("/");
    let mounted = mountinfo::at(path)?.filter(is_own).ok_or_else(gone)?;
    let root = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_PATH | nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW)
        .open(path)
        .map_err(|_| gone())?;
    match mount_id::id_of(root.as_fd())? {
        id if id == mounted.id => Ok((root, mounted.device)),
        _ => Err(gone()),
    }
}

/// Sets or takes away the flag of the whole file system; everything else of the mount stays.
fn remount(zfs: &Zfs<'_>, root: &File, read_only: bool) -> nix::Result<()> {
    /// Not among those that rustix names (statfs(2)).
    const ST_NOSYMFOLLOW: u64 = 0x2000;
    const MS_NOSYMFOLLOW: nix::libc::c_ulong = 0x100;
    let has = fstatvfs(root).map_err(|error| nix::Error::from_raw(error.raw_os_error()))?;
    let has = has.f_flag;
    let mut flags = MsFlags::MS_REMOUNT;
    // Without any of those for access times, they stay as they are (mount(2)).
    for (set, flag) in [
        (StatVfsMountFlags::NOSUID, MsFlags::MS_NOSUID),
        (StatVfsMountFlags::NODEV, MsFlags::MS_NODEV),
        (StatVfsMountFlags::NOEXEC, MsFlags::MS_NOEXEC),
        (StatVfsMountFlags::SYNCHRONOUS, MsFlags::MS_SYNCHRONOUS),
    ] {
        flags.set(flag, has.contains(set));
    }
    if has.bits() & ST_NOSYMFOLLOW != 0 {
        flags |= MsFlags::from_bits_retain(MS_NOSYMFOLLOW);
    }
    flags.set(MsFlags::MS_RDONLY, read_only);
    // Where ZFS mounts what is looked at below `.zfs/snapshot`; `zfs mount` says so as well.
    let options = format!("mntpoint={}", zfs.service.mountpoint.display());
    let target = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
    let none: Option<&str> = None;
    mount(none, &target, none, flags, Some(options.as_str()))
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
