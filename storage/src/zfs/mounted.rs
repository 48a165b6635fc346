//! Whether a service's dataset is mounted in its place.

use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::dataset::Zfs;
use crate::mountinfo::Mount;
use crate::{Error, ErrorKind, Result, mount_id, mountinfo, quoted, shown};

/// Whether exactly this dataset is what is seen at the service's mountpoint.
pub(super) fn is_mounted(zfs: &Zfs<'_>) -> Result<bool> {
    is_among(zfs, &mountinfo::own()?)
}

/// The same, with all that is mounted.
pub(super) fn is_among(zfs: &Zfs<'_>, mounts: &[Mount]) -> Result<bool> {
    let path = &zfs.service.mountpoint;
    match mountinfo::uppermost(mounts, &mountinfo::without_links(path)) {
        None => Ok(false),
        Some(mounted) if mounted.kind == "zfs" && mounted.source == zfs.name() => {
            must_be_whole(zfs, mounted)?;
            must_be_seen(zfs, mounted)?;
            Ok(true)
        }
        Some(other) => Err(Error::new(
            shown(path),
            format!(
                "{} `{}` is mounted there, not {}",
                other.kind,
                other.source,
                zfs.name()
            ),
            if other.kind == "zfs" {
                format!(
                    "unmount it with `zfs unmount {0}` and give it another mountpoint with `zfs set mountpoint=… {0}`, \
                     or declare another one for the service; then start the service again",
                    other.source
                )
            } else {
                format!(
                    "unmount it with `umount {}`, or declare another mountpoint, then start the service again",
                    quoted(path)
                )
            },
        ).of_kind(ErrorKind::InTheWay)),
    }
}

/// That all of the dataset is mounted there, and not a directory of it.
fn must_be_whole(zfs: &Zfs<'_>, mounted: &Mount) -> Result<()> {
    if mounted.root == Path::new("/") {
        return Ok(());
    }
    let path = &zfs.service.mountpoint;
    Err(Error::new(
        shown(path),
        format!(
            "only the directory {} of {} is mounted there (a bind mount), which covers the rest of it",
            shown(&mounted.root),
            zfs.name()
        ),
        format!(
            "`umount {}`, and see what mounts it (/etc/fstab, a unit), then start the service again",
            quoted(path)
        ),
    ).of_kind(ErrorKind::InTheWay))
}

/// That the mounted dataset is what is seen at its mountpoint: something mounted above it later would show
/// another, perhaps empty, directory.
fn must_be_seen(zfs: &Zfs<'_>, mounted: &Mount) -> Result<()> {
    let path = &zfs.service.mountpoint;
    // By the mount and not only by the device: it may be covered by a directory of its own.
    let seen = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_PATH | nix::libc::O_NOFOLLOW)
        .open(path);
    if let Ok(seen) = seen
        && mount_id::id_of(seen.as_fd())? == mounted.id
    {
        return Ok(());
    }
    Err(Error::new(
        shown(path),
        format!(
            "{} is mounted there, but something mounted later above it covers it",
            zfs.name()
        ),
        "see what with `findmnt`, unmount it, then start the service again",
    )
    .of_kind(ErrorKind::InTheWay))
}

pub(super) fn must_be_mounted(zfs: &Zfs<'_>) -> Result<()> {
    if is_mounted(zfs)? {
        return Ok(());
    }
    Err(Error::new(
        zfs.name(),
        format!(
            "it was mounted, but is not what is seen at {}",
            shown(&zfs.service.mountpoint)
        ),
        "see whether somebody moves a directory above it, and whether the mountpoint is a link: declare the link's target; \
         then start the service again",
    ).of_kind(ErrorKind::NotMounted))
}
