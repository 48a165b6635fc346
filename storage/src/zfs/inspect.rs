//! Looks into a snapshot, or a dataset that is in no place of its own, without anybody else seeing it.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::key;
use crate::{Error, Result, mountinfo, namespace};

/// What is mounted is never a way to more rights, or to a device.
const HARMLESS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Gives `look` a snapshot or dataset of this machine, mounted or not, as a directory to read from.
///
/// It is mounted read-only in a mount namespace of a thread of its own, which is gone with the thread,
/// however the process ends. (`.zfs/snapshot` shows only the snapshots of mounted datasets,
/// and its automounts stay for minutes.) Programs that `look` starts see it as well.
pub(crate) fn mounted<T: Send>(
    snapshot: &str,
    look: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    seeing(snapshot, &[], look)
}

/// The same, while `needs` can be seen as well.
pub(super) fn seeing<T: Send>(
    snapshot: &str,
    needs: &[PathBuf],
    look: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    namespace::inside(snapshot, needs, |place| read_only(snapshot, place, look))
}

/// Gives `work` a dataset as a directory to write to, in a namespace of its own, in which `needs` can be seen as well.
pub(super) fn writable<T: Send>(
    dataset: &str,
    needs: &[PathBuf],
    work: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    namespace::inside(dataset, needs, |place| {
        with(
            dataset,
            &namespace::directory(place, "staged")?,
            HARMLESS,
            work,
        )
    })
}

/// Gives `work` a snapshot to read from and a dataset to write to.
pub(super) fn both<T: Send>(
    snapshot: &str,
    dataset: &str,
    work: impl FnOnce(&Path, &Path) -> Result<T> + Send,
) -> Result<T> {
    namespace::inside(dataset, &[], |place| {
        let staged = namespace::directory(place, "staged")?;
        with(dataset, &staged, HARMLESS, |staged| {
            read_only(snapshot, place, |from| work(from, staged))
        })
    })
}

fn read_only<T>(snapshot: &str, place: &Path, look: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let flags = HARMLESS | MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC;
    with(
        snapshot,
        &namespace::directory(place, "snapshot")?,
        flags,
        look,
    )
}

/// Mounts what is called `name` on `place` for as long as `work` takes.
fn with<T>(
    name: &str,
    place: &Path,
    flags: MsFlags,
    work: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    let none: Option<&str> = None;
    mount(Some(name), place, Some("zfs"), flags, none).map_err(|error| {
        match key::must_be_readable(name) {
            // The kernel only says that it may not.
            Err(locked) => locked,
            Ok(()) => Error::new(
                name,
                format!("it cannot be mounted: {error}"),
                "see that it can be mounted: its dataset's key loaded, its pool healthy (`zpool status`), and we run as root",
            ).caused_by(&error),
        }
    })?;
    let worked = work(place);
    // The kernel takes the namespace down only after the thread has been joined: what is destroyed or
    // renamed next would be busy. If this fails, that says so.
    for place in places(name).unwrap_or_else(|_| vec![place.to_owned()]) {
        let _ = umount2(&place, MntFlags::UMOUNT_NOFOLLOW);
    }
    worked
}

/// Where this thread sees what is called `name`, the last one first: a check is shown it in a place of its own as well.
fn places(name: &str) -> Result<Vec<PathBuf>> {
    let table = mountinfo::own()?.into_iter().rev();
    let here = table.filter(|mount| mount.is_of_dataset(name));
    Ok(here.map(|mount| mount.point).collect())
}
