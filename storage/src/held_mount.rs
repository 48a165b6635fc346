//! A mount that is acted on as what it was found to be.
//!
//! Other users may own directories above the place where it is. They can move them, or put a link in their place, at any
//! moment, and a path then leads to another mount. Here, a directory that something is mounted on cannot be moved itself, but
//! it can where it is not mounted (mount_namespaces(7)). So the directory above is held, the mount is reached from there, no
//! link is followed, and what is remounted is held itself.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstatvfs, openat2};

use crate::holders::Data;
use crate::mountinfo::Mount;
use crate::{mount_id, shown, step};

/// A mount of this mount namespace.
pub(crate) struct HeldMount {
    id: u64,
    device: u64,
    above: File,
    name: OsString,
    point: PathBuf,
    is_read_only: bool,
}

impl HeldMount {
    /// Holds what was found in mountinfo, if it shows this data: a link may have led there.
    ///
    /// # Errors
    /// As openat2(2); `ESTALE`: it is something else, or is not there any more.
    pub(crate) fn of(found: &Mount, data: &Data<'_>) -> nix::Result<Self> {
        if !data.is_shown_by(found) {
            return Err(Errno::ESTALE);
        }
        let (Some(above), Some(name)) = (found.point.parent(), found.point.file_name()) else {
            return Err(Errno::EINVAL);
        };
        let directory = FLAGS | OFlags::DIRECTORY;
        let above = openat2(CWD, above, directory, Mode::empty(), NO_LINKS).map_err(failed)?;
        let held = Self {
            id: found.id,
            device: found.device,
            above: File::from(above),
            name: name.to_owned(),
            point: found.point.clone(),
            is_read_only: found.is_read_only(),
        };
        held.root()?;
        Ok(held)
    }

    /// Its root, if it is still there.
    fn root(&self) -> nix::Result<OwnedFd> {
        let within = NO_LINKS | ResolveFlags::BENEATH;
        let root = openat2(&self.above, &self.name, FLAGS, Mode::empty(), within);
        let root = root.map_err(failed)?;
        match mount_id::id_of(root.as_fd()) {
            Ok(id) if id == self.id => Ok(root),
            _ => Err(Errno::ESTALE),
        }
    }

    /// The device number that files in it have.
    pub(crate) fn device(&self) -> u64 {
        self.device
    }

    /// Where it was found.
    pub(crate) fn point(&self) -> &Path {
        &self.point
    }

    /// Whether nothing could be written through it when it was found.
    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Takes it down; `lazily` also while somebody uses it, who goes on with what it was.
    ///
    /// # Errors
    /// As umount2(2); `EBUSY` if somebody uses it.
    pub(crate) fn take_down(&self, lazily: bool) -> nix::Result<()> {
        step::at(|| format!("unmount {}", shown(&self.point)));
        let how = if lazily {
            MntFlags::MNT_DETACH
        } else {
            MntFlags::empty()
        };
        let above = PathBuf::from(format!("/proc/self/fd/{}", self.above.as_raw_fd()));
        umount2(&above.join(&self.name), how | MntFlags::UMOUNT_NOFOLLOW)
    }

    /// Lets nobody write through it. All else of it stays as it is.
    ///
    /// # Errors
    /// As mount(2); `EBUSY` if somebody has a file open for writing through it.
    pub(crate) fn make_read_only(&self) -> nix::Result<()> {
        step::at(|| format!("remount,bind {} read-only", shown(&self.point)));
        self.remount(MsFlags::MS_BIND, true, None)
    }

    /// Makes its whole file system read-only, or writable, for everybody; `options` are what the file system is told. The
    /// mount's other options stay.
    ///
    /// # Errors
    /// As mount(2); `EBUSY` if somebody writes to it.
    pub(crate) fn make_all(&self, read_only: bool, options: &str) -> nix::Result<()> {
        self.remount(MsFlags::empty(), read_only, Some(options))
    }

    fn remount(&self, what: MsFlags, read_only: bool, options: Option<&str>) -> nix::Result<()> {
        let root = self.root()?;
        let mut flags = MsFlags::MS_REMOUNT | what | options_of(&root)?;
        flags.set(MsFlags::MS_RDONLY, read_only);
        let none: Option<&str> = None;
        // mount(2) follows a link that has come in its place.
        let held = PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()));
        mount(none, &held, none, flags, options)
    }
}

/// What a mount is given as mount(2) takes it, but for `ro`. Without any of those for access times, these stay as they are.
fn options_of(root: &OwnedFd) -> nix::Result<MsFlags> {
    /// Not among those that rustix names (statfs(2)).
    const ST_NOSYMFOLLOW: u64 = 0x2000;
    const MS_NOSYMFOLLOW: nix::libc::c_ulong = 0x100;
    let has = fstatvfs(root).map_err(failed)?.f_flag;
    let mut flags = MsFlags::empty();
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
    Ok(flags)
}

const FLAGS: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

const NO_LINKS: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);

fn failed(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
