//! Every way a dataset may be found that keeps it from being used, or from being replaced by a restore.
//!
//! Each answer is a sentence with what to do; ARCHITECTURE.md has the whole table.

use super::dataset::Zfs;
use super::properties::{self, Properties};
use super::{admins, call, declared, key, left_over, names};
use crate::holders::{self, Data};
use crate::{Error, ErrorKind, Origin, Result, Snapshot, mountpoint, quoted, shown};

/// That it is a whole file system whose key is loaded.
///
/// # Errors
/// When it is not, with what to do about it.
pub(super) fn must_be_usable(found: &Properties) -> Result<()> {
    let dataset = found.dataset();
    match found.value("type") {
        Some("filesystem") => {}
        other => {
            return Err(Error::new(
                dataset,
                format!(
                    "a {} of that name is in the way",
                    other.unwrap_or("dataset of unknown type")
                ),
                format!(
                    "rename it with `zfs rename {dataset} …`, or declare another `name` in [dataset], \
                     then start the service again"
                ),
            ).of_kind(ErrorKind::InTheWay));
        }
    }
    key::must_have_its_key(found)?;
    // A file system whose version cannot be told is one whose first snapshot is not complete.
    if found.value("version").is_some() {
        return Ok(());
    }
    Err(if found.value("receive_resume_token").is_some() {
        Error::new(
            dataset,
            "it was received in part, and the rest is awaited",
            format!(
                "send the rest (`zfs send -t`, or syncoid again), or give it up with `zfs receive -A {dataset}`, \
                 then start the service again"
            ),
        ).of_kind(ErrorKind::Busy)
    } else {
        being_received(dataset)
    })
}

/// That ZFS would mount it where its mountpoint says: a pool that was imported with `-R` has another root, and what is below
/// that would pass for the service's place.
///
/// # Errors
/// When it would not, or when that cannot be told.
pub(super) fn must_be_below_the_root(zfs: &Zfs<'_>, found: Option<&Properties>) -> Result<()> {
    let name = zfs.name();
    // Asked only where it may be so: a place that is as declared is below the root.
    let place = found.and_then(|found| found.value("mountpoint"));
    if place.is_some_and(|place| {
        !place.starts_with('/') || *zfs.service.mountpoint == *std::path::Path::new(place)
    }) {
        return Ok(());
    }
    let pool = name.split('/').next().unwrap_or(name);
    let told = call::zpool(&["get", "-H", "-o", "value", "altroot", pool])?;
    let root = told.strip_suffix('\n').unwrap_or(&told);
    if matches!(root, "-" | "" | "/") {
        return Ok(());
    }
    Err(Error::new(
        name,
        format!(
            "its pool was imported with an alternate root (altroot={root}), so its mountpoint is not where its service looks"
        ),
        format!(
            "`zpool export {pool}`, `zpool import {pool}` without `-R`, then start the service again"
        ),
    ).of_kind(ErrorKind::NotMounted))
}

fn being_received(dataset: &str) -> Error {
    Error::new(
        dataset,
        "it is being received just now",
        "wait until that `zfs receive` has ended, then start the service again",
    )
    .of_kind(ErrorKind::Busy)
}

/// That nobody receives an increment into it.
///
/// # Errors
/// When somebody does.
pub(super) fn must_not_be_receiving(zfs: &Zfs<'_>) -> Result<()> {
    if zfs.seen()?.is_receiving {
        return Err(being_received(zfs.name()));
    }
    Ok(())
}

/// That a restore may write to it.
///
/// # Errors
/// When it is read-only.
pub(super) fn must_be_writable(found: &Properties) -> Result<()> {
    if found.value("readonly") != Some("on") {
        return Ok(());
    }
    let dataset = found.dataset();
    let source = found.source("readonly");
    let help = if source == "temporary" {
        // Told of each dataset of a pool that was imported so, and of one that was mounted so.
        let pool = dataset.split('/').next().unwrap_or(dataset);
        format!(
            "if its pool was imported to be read only, `zpool export {pool}`, `zpool import {pool}`; else `zfs unmount {dataset}`; \
             then start the service again"
        )
    } else {
        format!("`zfs set readonly=off {dataset}`, then start the service again")
    };
    Err(Error::new(
        dataset,
        format!("it has readonly=on ({source}), so nothing is written to it"),
        help,
    )
    .of_kind(ErrorKind::ReadOnly))
}

/// That a dataset staged from `origin` could take the real one's place: nothing else would move away with it.
///
/// # Errors
/// When it could not, with what to do about it.
pub(super) fn must_be_replaceable(zfs: &Zfs<'_>, origin: &Origin<'_>) -> Result<()> {
    must_be_movable(zfs)?;
    must_not_be_receiving(zfs)?;
    must_be_stageable(zfs, origin)
}

/// That a dataset can be staged from `origin`: it would have the rules for names of the real one, and what is encrypted
/// stays so.
///
/// # Errors
/// When it cannot, with what to do about it.
pub(super) fn must_be_stageable(zfs: &Zfs<'_>, origin: &Origin<'_>) -> Result<()> {
    let seen = zfs.seen()?;
    if let Some(staging) = &seen.staging {
        left_over::must_be_ours(staging)?;
    }
    if let Origin::Receive(snapshot) = origin {
        names::must_fit_received(zfs, snapshot)?;
    }
    let Some(found) = seen.dataset else {
        return Ok(());
    };
    match origin {
        // A clone has its origin's key.
        Origin::Clone(_) => Ok(()),
        Origin::Empty => key::key_must_be_in_a_file(&found),
        Origin::Receive(snapshot) => {
            key::key_must_be_in_a_file(&found)?;
            must_stay_encrypted(&found, snapshot)?;
            // One that was just made as it is declared holds no names: what the stream has stays, and is told.
            if declared::is_made_and_empty(&found) {
                return Ok(());
            }
            let (replica, _) = snapshot.name.split_once('@').unwrap_or_default();
            admins::must_have_the_same_names(&found, replica)
        }
    }
}

/// That nothing else would move away with the real dataset, and that what takes its place is mounted as it was.
///
/// # Errors
/// When something would, with what to do about it.
pub(super) fn must_be_movable(zfs: &Zfs<'_>) -> Result<()> {
    let Some(found) = zfs.seen()?.dataset else {
        return mountpoint::must_have_no_mounts_below(&zfs.service.mountpoint, &zfs.service.nested);
    };
    // First, since a child dataset is often mounted below as well.
    must_have_no_children(&found)?;
    mountpoint::must_have_no_mounts_below(&zfs.service.mountpoint, &zfs.service.nested)?;
    holders::nobody_must_have_it(&Data::Dataset(zfs.name()), zfs.name(), zfs.service)?;
    must_be_writable(&found)?;
    must_not_be_legacy(zfs, &found)?;
    names::must_fit(zfs, found.dataset())
}

fn must_have_no_children(found: &Properties) -> Result<()> {
    let Some(child) = found.child() else {
        return Ok(());
    };
    Err(Error::new(
        found.dataset(),
        format!("it has a child dataset ({child}), which would move away with what is replaced"),
        format!(
            "rename the child out of it with `zfs rename {child} …`, then start the service again"
        ),
    )
    .of_kind(ErrorKind::InTheWay))
}

/// Whose line in /etc/fstab would not mount what replaces it: a failed mount there stops the boot.
fn must_not_be_legacy(zfs: &Zfs<'_>, found: &Properties) -> Result<()> {
    if found.value("mountpoint") != Some("legacy") {
        return Ok(());
    }
    let (dataset, place) = (found.dataset(), &zfs.service.mountpoint);
    Err(Error::new(
        dataset,
        "it has mountpoint=legacy, and what would replace it is mounted by ZFS and not by /etc/fstab",
        format!(
            "take its line out of /etc/fstab, `umount {0}`, `zfs set mountpoint={0} {dataset}`, \
             then start the service again",
            quoted(place)
        ),
    ).of_kind(ErrorKind::InTheWay))
}

/// That what came encrypted from its source is not copied in clear.
///
/// A replica that was sent raw has a key of its own. One with its parent's key may have been in clear where it
/// came from, and only its backup encrypted.
///
/// # Errors
/// When it would be, or when it cannot be told.
pub(super) fn must_stay_encrypted(found: &Properties, snapshot: &Snapshot) -> Result<()> {
    if key::has_a_key(found) {
        return Ok(());
    }
    let (replica, _) = snapshot.name.split_once('@').unwrap_or_default();
    if !properties::get(replica)?.is_some_and(|replica| key::has_a_key_of_its_own(&replica)) {
        return Ok(());
    }
    let dataset = found.dataset();
    Err(Error::new(
        dataset,
        format!("it is not encrypted, and {replica} is: copied there, the data would lie in clear"),
        format!(
            "move it away with `zfs unmount {dataset}`, `zfs set canmount=noauto {dataset}` and \
             `zfs rename {dataset} {dataset}-empty`, and receive the replica as it is with \
             `zfs send -w {} | zfs receive -u {dataset}` and `zfs load-key {dataset}`; then start the service again",
            snapshot.name
        ),
    ).of_kind(ErrorKind::Permission))
}

/// That ZFS mounts it by itself.
///
/// # Errors
/// When only /etc/fstab or mount(8) does.
pub(super) fn must_be_mounted_by_zfs(zfs: &Zfs<'_>, found: &Properties) -> Result<()> {
    if found.value("mountpoint") != Some("legacy") {
        return Ok(());
    }
    let (dataset, place) = (found.dataset(), &zfs.service.mountpoint);
    Err(Error::new(
        dataset,
        format!(
            "it has mountpoint=legacy, so /etc/fstab or `mount` mounts it, and it is not mounted at {}",
            shown(place)
        ),
        format!(
            "`mount -t zfs {dataset} {0}`, or let ZFS mount it: take its line out of /etc/fstab and \
             `zfs set mountpoint={0} {dataset}`; then start the service again",
            quoted(place)
        ),
    ).of_kind(ErrorKind::NotMounted))
}
