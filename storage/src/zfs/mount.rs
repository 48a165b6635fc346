//! Mounts a dataset at the service's place, and nowhere else.
//!
//! Other users may own directories above the place, and move them at any moment. So the place is held by a descriptor, and
//! looked at and mounted on through that: `zfs mount` would go down the path once more.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2};
use rustix::io::Errno;

use super::dataset::Zfs;
use super::properties::{Properties, gone};
use super::{call, mounted, properties};
use crate::mountinfo::{self, Mount};
use crate::{Error, Result, mount_id, mountpoint, shown, step, way};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The directory on which a service's dataset is mounted, held.
pub(super) struct HeldMountpoint {
    directory: File,
    path: PathBuf,
}

/// Holds the service's place, which is made if it is missing.
///
/// # Errors
/// When mounting there would hide something, or when another user than the service's own can move it away.
pub(super) fn hold(zfs: &Zfs<'_>) -> Result<HeldMountpoint> {
    let path = &zfs.service.mountpoint;
    let refused = |error: std::io::Error| {
        Error::new(
            shown(path),
            format!("nothing can be mounted there: {error}"),
            "see that it is a directory or missing, and that its file system is writable, then start the service again",
        ).caused_by(&error)
    };
    let own = mountpoint::owner(zfs.service).ok();
    let way = way::down(path.parent().unwrap_or(path), own, true)?;
    let parent = way.last().ok_or_else(|| gone(zfs.name()))?;
    parent.must_be_safe()?;
    let leaf = path.file_name().unwrap_or(OsStr::new("."));
    match mkdirat(parent.file(), leaf, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(refused(error.into())),
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let directory = match openat2(parent.file(), leaf, DIRECTORY, Mode::empty(), resolve) {
        Ok(directory) => File::from(directory),
        Err(Errno::LOOP) => {
            return Err(Error::new(
                shown(path),
                "it is a link, and nothing is mounted where links lead",
                "remove the link, or declare its target as the mountpoint; then start the service again",
            ).of_kind(crate::ErrorKind::NotTrusted));
        }
        Err(error) => return Err(refused(error.into())),
    };
    let path = parent.path.join(leaf);
    mountpoint::must_hide_nothing_in(&by_descriptor(&directory), &path)?;
    Ok(HeldMountpoint { directory, path })
}

/// Mounts the dataset, which has these properties, at the service's place; `again` if a swap has just unmounted it, for which it may be mounted
/// elsewhere, and is to be readable only if somebody who stands in what was unmounted keeps its file system so.
///
/// # Errors
/// As [`hold`], and when it is mounted elsewhere, or is not what is seen there afterwards. Then it is unmounted again.
pub(super) fn at_place(zfs: &Zfs<'_>, properties: &Properties, again: bool) -> Result<()> {
    let name = zfs.name();
    let before = mounts(zfs)?;
    if let Some(other) = before.first().filter(|_| !again) {
        return Err(Error::new(
            name,
            format!("it is mounted at {}", shown(&other.point)),
            format!("`zfs unmount {name}`, then start the service again"),
        )
        .of_kind(crate::ErrorKind::NotMounted));
    }
    let place = hold(zfs)?;
    let (flags, options) = how(zfs, properties, &place)?;
    step::at(|| format!("mount {name} {}", shown(&place.path)));
    let target = by_descriptor(&place.directory);
    let mounted = |flags: MsFlags| {
        let options = Some(options.as_str());
        mount(Some(name), &target, Some("zfs"), flags, options)
    };
    let mut done = mounted(flags);
    if again && done.is_err() {
        done = mounted(flags | MsFlags::MS_RDONLY);
    }
    done.map_err(|error| {
        Error::new(
            name,
            format!("it cannot be mounted at {}: {error}", shown(&place.path)),
            "see that its pool is healthy (`zpool status`), its key loaded, and that we run as root, \
             then start the service again",
        ).caused_by(&error)
    })?;
    must_be_there(zfs, &before)
}

/// That the dataset, which had these mounts `before`, is what is seen at the service's place.
///
/// # Errors
/// When it is not: somebody has moved a directory above it meanwhile. Then it has no other mount.
fn must_be_there(zfs: &Zfs<'_>, before: &[Mount]) -> Result<()> {
    let Err(error) = mounted::must_be_mounted(zfs) else {
        return Ok(());
    };
    let is_new = |mount: &Mount| before.iter().all(|other| other.id != mount.id);
    for mounted in mounts(zfs)?.into_iter().filter(is_new) {
        if let Err(also) = take_down(&mounted) {
            let point = shown(&mounted.point);
            return Err(error.while_doing(&format!(
                "it stays mounted at {point} as well ({also}) after"
            )));
        }
    }
    Err(error)
}

/// Where the whole machine sees all of the dataset.
fn mounts(zfs: &Zfs<'_>) -> Result<Vec<Mount>> {
    let mut mounts = mountinfo::own()?;
    mounts.retain(|mount| mount.is_of_dataset(zfs.name()) && mount.root == Path::new("/"));
    Ok(mounts)
}

/// Unmounts exactly this mount.
fn take_down(mounted: &Mount) -> Result<()> {
    let point = &mounted.point;
    let refused = |error: std::io::Error| {
        Error::new(
            shown(point),
            format!("cannot be unmounted: {error}"),
            "see what uses it with `fuser -vm`, then start the service again",
        )
        .caused_by(&error)
    };
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let root =
        openat2(CWD, point, DIRECTORY, Mode::empty(), resolve).map_err(|e| refused(e.into()))?;
    if mount_id::id_of(root.as_fd())? != mounted.id {
        return Err(refused(ErrorKind::NotFound.into()));
    }
    step::at(|| format!("unmount {}", shown(point)));
    // Lazily: the descriptor is in it.
    umount2(&by_descriptor(&File::from(root)), MntFlags::MNT_DETACH).map_err(|e| refused(e.into()))
}

/// A path that leads to exactly what a descriptor holds.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// How its properties say that it is mounted, as `zfs mount` does (`zfs_add_options()` in OpenZFS's libzfs_mount.c).
fn how(
    zfs: &Zfs<'_>,
    properties: &Properties,
    place: &HeldMountpoint,
) -> Result<(MsFlags, String)> {
    let value = |property: &str| properties.value(property);
    let is = |property: &str, wanted: &str| value(property) == Some(wanted);
    let mut flags = MsFlags::empty();
    flags.set(MsFlags::MS_NODEV, is("devices", "off"));
    flags.set(MsFlags::MS_NOEXEC, is("exec", "off"));
    flags.set(MsFlags::MS_NOSUID, is("setuid", "off"));
    flags.set(MsFlags::MS_RDONLY, is("readonly", "on"));
    flags.set(MsFlags::MS_MANDLOCK, is("nbmand", "on"));
    flags |= match (value("atime"), value("relatime")) {
        (Some("off"), _) => MsFlags::MS_NOATIME,
        (_, Some("on")) => MsFlags::MS_RELATIME,
        _ => MsFlags::MS_STRICTATIME,
    };
    // `mntpoint`: where ZFS mounts what is looked at below `.zfs/snapshot`.
    let mut options = format!("mntpoint={}", place.path.display());
    if Path::new("/sys/fs/selinux/enforce").exists() {
        options.push_str(&contexts(zfs.name())?);
    }
    Ok((flags, options))
}

/// With which labels of SELinux a dataset is to be mounted, as options of mount(8).
fn contexts(name: &str) -> Result<String> {
    const ASKED: [&str; 5] = ["context", "fscontext", "defcontext", "rootcontext", "guid"];
    let told = properties::table(&[], &ASKED, &[name], |_| true)?;
    let told = told.get(name).ok_or_else(|| gone(name))?;
    let mut options = String::new();
    for context in &ASKED[..4] {
        match told.get(*context).map(|told| told.value.as_str()) {
            None | Some("none" | "-") => {}
            Some(label) => options.extend([",", context, "=\"", label, "\""]),
        }
    }
    Ok(options)
}

/// Has ZFS set properties that may make it mount the dataset, by its path: what comes of that is looked at.
///
/// # Errors
/// When they cannot be set, or when it is mounted elsewhere by that. Then it is unmounted again.
pub(super) fn set(zfs: &Zfs<'_>, sets: &[&str]) -> Result<()> {
    let before = mounts(zfs)?;
    call::zfs(&[&["set"], sets, &[zfs.name()]].concat())?;
    // The number alone may be that of one that was unmounted just now.
    let is_old = |mount: &Mount| {
        let same = |other: &&Mount| other.id == mount.id && other.point == mount.point;
        before.iter().any(|other| same(&other))
    };
    if mounts(zfs)?.iter().all(is_old) {
        return Ok(());
    }
    must_be_there(zfs, &before)
}
