//! A mount that is acted on as what it was found to be.
//!
//! Other users may own directories above the place where it is. They can move them, or put a link in their place, at any
//! moment, and a path then leads to another mount. A directory that something is mounted on cannot be moved itself. So the
//! one above it is held, and the mount is reached from there.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::mountinfo::Mount;
use crate::{mount_id, shown, step};

/// A mount of this mount namespace.
pub(crate) struct HeldMount {
    above: File,
    name: OsString,
    point: PathBuf,
    own: MsFlags,
    is_read_only: bool,
}

impl HeldMount {
    /// Holds what was found in mountinfo.
    ///
    /// # Errors
    /// As openat2(2); `ESTALE`: it is not there any more.
    pub(crate) fn of(found: &Mount) -> nix::Result<Self> {
        let failed = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
        let (Some(above), Some(name)) = (found.point.parent(), found.point.file_name()) else {
            return Err(Errno::EINVAL);
        };
        let links = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let above = openat2(CWD, above, flags | OFlags::DIRECTORY, Mode::empty(), links);
        let held = Self {
            above: File::from(above.map_err(failed)?),
            name: name.to_owned(),
            point: found.point.clone(),
            own: found.flags(),
            is_read_only: found.is_read_only(),
        };
        let within = links | ResolveFlags::BENEATH;
        let root = openat2(&held.above, name, flags, Mode::empty(), within).map_err(failed)?;
        match mount_id::id_of(root.as_fd()) {
            Ok(id) if id == found.id => Ok(held),
            _ => Err(Errno::ESTALE),
        }
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
        umount2(&self.path(), how | MntFlags::UMOUNT_NOFOLLOW)
    }

    /// Lets nobody write through it. All else of it stays as it is.
    ///
    /// # Errors
    /// As mount(2); `EBUSY` if somebody has a file open for writing through it.
    pub(crate) fn make_read_only(&self) -> nix::Result<()> {
        step::at(|| format!("remount,bind {} read-only", shown(&self.point)));
        self.set_own(self.own | MsFlags::MS_RDONLY)
    }

    /// Gives it these options of its own.
    ///
    /// # Errors
    /// As mount(2).
    pub(crate) fn set_own(&self, own: MsFlags) -> nix::Result<()> {
        self.remount(MsFlags::MS_BIND | own, None)
    }

    /// Makes its whole file system read-only, or writable, for everybody; `options` are what the file system is told. The
    /// mount's other options stay.
    ///
    /// # Errors
    /// As mount(2); `EBUSY` if somebody writes to it.
    pub(crate) fn make_all(&self, read_only: bool, options: &str) -> nix::Result<()> {
        let mut flags = self.own;
        flags.set(MsFlags::MS_RDONLY, read_only);
        self.remount(flags, Some(options))
    }

    fn remount(&self, flags: MsFlags, options: Option<&str>) -> nix::Result<()> {
        let none: Option<&str> = None;
        mount(
            none,
            &self.path(),
            none,
            MsFlags::MS_REMOUNT | flags,
            options,
        )
    }

    /// A path that nobody else can make lead elsewhere.
    fn path(&self) -> PathBuf {
        let above = PathBuf::from(format!("/proc/self/fd/{}", self.above.as_raw_fd()));
        above.join(&self.name)
    }
}
