//! Makes a service's dataset be what is declared.

use std::borrow::Cow;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::properties::Properties;
use super::{
    Zfs, aside, call, create, existing, half_created, mount, promote, refusals, shut, swap,
    withdraw,
};
use crate::error::ErrorKind;
use crate::mark::Stage;
use crate::mountinfo::Mount;
use crate::{
    Applied, Error, Mark, MarkState, Result, as_found, binds, mount_id, mountinfo, mountpoint,
    quoted, shown,
};

/// See [`crate::InPlace::apply`]. One call of `zfs` where nothing is to be changed.
pub(super) fn apply(zfs: &Zfs<'_>, applied: &mut Applied) -> Result<()> {
    if shut::reopen(zfs)? {
        let place = shown(&zfs.service.mountpoint);
        let change = format!("made {place} writable again after a rollback that was interrupted");
        applied.changes.push(change);
    }
    let mut found = zfs.look()?.dataset;
    if let Some(properties) = &found
        && promote::load_key_again(zfs, properties)?
    {
        found = zfs.look()?.dataset;
    }
    if found.is_none() {
        call::pool_must_be_imported(zfs.name())?;
        // Missing because the power went between the two renames of a swap, or truly missing.
        if let Some(restore) = swap::go_on(zfs)? {
            applied.finished = Some(restore);
            found = zfs.look()?.dataset;
        }
    }
    if let Some(properties) = &found {
        refusals::must_be_below_the_root(zfs, Some(properties))?;
    }
    let is_new = match &found {
        Some(properties) if let Some(mark) = not_settled(properties) => {
            refusals::must_be_usable(properties)?;
            applied
                .changes
                .extend(swap::settle(zfs, properties, None, &mark)?);
            applied.finished = Some((mark, None));
            false
        }
        Some(properties) => converge(zfs, properties, &mut applied.changes)?,
        None => {
            create::create(zfs, &mut applied.changes)?;
            true
        }
    };
    bring_into_view(zfs, found.as_ref(), &mut applied.changes)?;
    // Only now: it keeps nothing from being used.
    if found.as_ref().is_some_and(promote::is_to_be_promoted) {
        promote::again(zfs, applied)?;
    }
    own(zfs, found.as_ref(), is_new, &mut applied.changes)
}

/// Mounts it where it is not, with all that a swap may have taken down. `found` is what it was before; none if it was made.
fn bring_into_view(
    zfs: &Zfs<'_>,
    found: Option<&Properties>,
    changes: &mut Vec<String>,
) -> Result<()> {
    // A swap that was interrupted before its first rename leaves both, and the data may be back since.
    let withdrawn = found.filter(|found| found.is_local(swap::KEPT));
    if !is_mounted(zfs)? {
        // Who stands in what was unmounted by such a swap keeps its file system read-only.
        mount::at_place(zfs, withdrawn.is_some())?;
        if found.is_none() {
            aside::share_again(zfs.name(), &existing(zfs.name())?)?;
        }
        changes.push(format!(
            "mounted {} at {}",
            zfs.name(),
            shown(&zfs.service.mountpoint)
        ));
    }
    if let Some(properties) = withdrawn {
        withdraw::make_writable(zfs, properties)?;
        // It may have been unshared and not unmounted.
        aside::share_again(zfs.name(), properties)?;
        withdraw::forget_why(zfs.name(), properties)?;
    }
    changes.extend(binds::put_back(zfs.service)?);
    Ok(())
}

/// Gives its directory the owner and mode that are declared; where it was there, only those that the service's own file
/// says.
fn own(
    zfs: &Zfs<'_>,
    found: Option<&Properties>,
    is_new: bool,
    changes: &mut Vec<String>,
) -> Result<()> {
    let place = &zfs.service.mountpoint;
    // Made, and the power went before it was given its owner.
    let has_mark = found.is_some_and(|found| matches!(found.mark(), MarkState::Ours(_)));
    let service = if is_new || !has_mark && mountpoint::is_as_made(place)? {
        Cow::Borrowed(zfs.service)
    } else {
        as_found::owned(zfs.service, place)?
    };
    let owned = mountpoint::own(place, &service, changes);
    owned.map_err(|error| match found.map(refusals::must_be_writable) {
        Some(Err(readonly)) => error.with_help(readonly.help()),
        _ => error,
    })
}

/// See [`crate::InPlace::must_be_applicable`].
pub(super) fn must_be_applicable(zfs: &Zfs<'_>) -> Result<()> {
    if let Some(properties) = &zfs.look()?.dataset {
        refusals::must_be_usable(properties)?;
        refusals::must_be_below_the_root(zfs, Some(properties))?;
        must_not_be_a_container(zfs, properties)?;
        if !is_mounted(zfs)? {
            mountpoint::must_be_mountable(zfs.service)?;
        }
    } else {
        call::pool_must_be_imported(zfs.name())?;
        create::must_be_creatable(zfs)?;
    }
    mountpoint::owner(zfs.service).map(drop)
}

/// The mark of a restore that was renamed into its place and not settled.
fn not_settled(properties: &Properties) -> Option<Mark> {
    match properties.mark() {
        MarkState::Ours(mark) if mark.stage == Stage::Staged => Some(mark),
        _ => None,
    }
}

/// Whether exactly this dataset is what is seen at the service's mountpoint.
pub(super) fn is_mounted(zfs: &Zfs<'_>) -> Result<bool> {
    let path = &zfs.service.mountpoint;
    match mountinfo::at(path)? {
        None => Ok(false),
        Some(mounted) if mounted.kind == "zfs" && mounted.source == zfs.name() => {
            must_be_whole(zfs, &mounted)?;
            must_be_seen(zfs, &mounted)?;
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

fn must_not_be_a_container(zfs: &Zfs<'_>, properties: &Properties) -> Result<()> {
    if properties.value("canmount") == Some("off") {
        return Err(Error::new(
            zfs.name(),
            "it has canmount=off, so it is a container and cannot hold a service's data",
            format!(
                "`zfs set canmount=on {}`, or declare another `name` in [dataset]",
                zfs.name()
            ),
        )
        .of_kind(ErrorKind::NotMounted));
    }
    Ok(())
}

/// Sets what the service's own file says and differs, in one call; on a dataset that was just made, all that is
/// declared. Gives whether it was.
fn converge(zfs: &Zfs<'_>, properties: &Properties, changes: &mut Vec<String>) -> Result<bool> {
    refusals::must_be_usable(properties)?;
    must_not_be_a_container(zfs, properties)?;
    // A swap that was interrupted before its first rename leaves both, and the data may be back since: it is mounted again.
    if properties.is_local(swap::KEPT) && properties.value("canmount") == Some("noauto") {
        let canmount = aside::canmount(properties);
        if canmount != "noauto" {
            call::zfs(&["set", &format!("canmount={canmount}"), zfs.name()])?;
        }
    }
    // One that was made by hand, or the power went before its properties were set.
    let is_new = half_created::is_new(properties)?;
    let sets = to_be_set(zfs, properties, is_new)?;
    if sets.is_empty() {
        return Ok(is_new);
    }
    if sets.iter().any(is_needed) && !is_mounted(zfs)? {
        // Either of them makes `zfs set` mount it.
        mountpoint::must_be_mountable(zfs.service)?;
    }
    set_what_can_be(zfs, properties, sets, changes)?;
    Ok(is_new)
}

/// The properties that are to be set, and their values.
fn to_be_set(
    zfs: &Zfs<'_>,
    properties: &Properties,
    is_new: bool,
) -> Result<Vec<(&'static str, String)>> {
    let mut sets: Vec<(&str, String)> = Vec::new();
    if is_new {
        let missing = AT_CREATION.iter().filter(|(property, value)| {
            !properties.is_given(property) && properties.value(property) != Some(value)
        });
        sets.extend(missing.map(|(property, value)| (*property, (*value).to_owned())));
    }
    let nowhere = properties.value("mountpoint") == Some("none");
    for (property, value) in of_a_new_one(zfs) {
        // Its line in /etc/fstab would fail from then on, and with it the boot.
        if property == "mountpoint" && properties.value(property) == Some("legacy") {
            if !is_mounted(zfs)? {
                refusals::must_be_mounted_by_zfs(zfs, properties)?;
            }
            continue;
        }
        // What is there stays as it is, unless the service's own file says otherwise. One that has no place gets one.
        let applies = is_new || says(zfs, property) || property == "mountpoint" && nowhere;
        if !applies {
            continue;
        }
        if properties.value(property) != Some(as_told(property, &value)) {
            sets.push((property, value));
        }
    }
    Ok(sets)
}

/// Whether the data can be used only with this property.
fn is_needed((property, _): &(&str, String)) -> bool {
    matches!(*property, "mountpoint" | "canmount")
}

/// Sets properties, in one call. How the data is stored never keeps it from being used: a pool may lack a feature.
fn set_what_can_be(
    zfs: &Zfs<'_>,
    properties: &Properties,
    sets: Vec<(&str, String)>,
    changes: &mut Vec<String>,
) -> Result<()> {
    let changed = |(property, value): &(&str, String)| {
        let was = properties.value(property).unwrap_or("-");
        format!("{property}={value} (was {was})")
    };
    let Err(refused) = set(zfs, &sets) else {
        changes.extend(sets.iter().map(changed));
        return Ok(());
    };
    let (needed, wished): (Vec<_>, Vec<_>) = sets.into_iter().partition(is_needed);
    // Any other failure says nothing of the property.
    let is_refused = |error: &Error| error.kind() == ErrorKind::PropertyRefused;
    if wished.is_empty() || !is_refused(&refused) {
        return Err(refused);
    }
    if !needed.is_empty() {
        set(zfs, &needed)?;
        changes.extend(needed.iter().map(changed));
    }
    for one in wished {
        changes.push(match set(zfs, std::slice::from_ref(&one)) {
            Ok(()) => changed(&one),
            Err(error) if !is_refused(&error) => return Err(error),
            Err(error) => {
                let (property, value) = one;
                let stays = properties.value(property).unwrap_or("-");
                format!(
                    "{property} stays {stays}, it cannot be {value}: {}",
                    error.what()
                )
            }
        });
    }
    Ok(())
}

/// Sets properties of the service's dataset, in one call.
fn set(zfs: &Zfs<'_>, properties: &[(&str, String)]) -> Result<()> {
    let sets: Vec<String> = properties
        .iter()
        .map(|(property, value)| format!("{property}={value}"))
        .collect();
    let args: Vec<&str> = sets.iter().map(String::as_str).collect();
    mount::set(zfs, &args)
}

/// Whether the service's own file says what a property is to be.
fn says(zfs: &Zfs<'_>, property: &str) -> bool {
    match property {
        "mountpoint" => zfs.service.mountpoint.is_own(),
        "recordsize" => zfs.dataset.recordsize.is_own(),
        "compression" => zfs.dataset.compression.is_own(),
        _ => false,
    }
}

/// What a dataset is created with besides what is declared. An admin may change it later.
///
/// `overlay=off`: `zfs mount -a` must not hide files either. `acltype` and `xattr`: what a backup holds
/// of access control lists and extended attributes can be restored, and is kept in the inode (zfsprops(7)).
pub(super) const AT_CREATION: [(&str, &str); 3] =
    [("overlay", "off"), ("acltype", "posix"), ("xattr", "sa")];

/// The properties of what takes the place of the service's dataset: those that its own file says, and those that the
/// dataset has; where there is none, all that are declared.
pub(super) fn declared(zfs: &Zfs<'_>) -> Vec<(&'static str, String)> {
    let seen = zfs.seen.borrow();
    let there = seen.as_ref().and_then(|seen| seen.dataset.as_ref());
    let mut properties = of_a_new_one(zfs);
    if let Some(there) = there {
        properties.retain_mut(|(property, value)| {
            if matches!(*property, "mountpoint" | "canmount") || says(zfs, property) {
                return true;
            }
            // What it inherits, its successor inherits as well.
            match there.value(property) {
                Some(has) if there.is_given(property) => {
                    has.clone_into(value);
                    true
                }
                _ => false,
            }
        });
    }
    properties
}

/// The declared properties and their values.
pub(super) fn of_a_new_one(zfs: &Zfs<'_>) -> Vec<(&'static str, String)> {
    vec![
        (
            "mountpoint",
            zfs.service.mountpoint.to_string_lossy().into_owned(),
        ),
        ("canmount", "on".to_owned()),
        ("recordsize", zfs.dataset.recordsize.bytes().to_string()),
        ("compression", zfs.dataset.compression.as_str().to_owned()),
    ]
}

/// The value as `zfs get` tells it: some are two names of one thing (zfsprops(7)).
pub(super) fn as_told<'a>(property: &str, value: &'a str) -> &'a str {
    match (property, value) {
        ("compression", "gzip-6") => "gzip",
        ("compression", "zstd-3") => "zstd",
        ("compression", "zstd-fast-1") => "zstd-fast",
        _ => value,
    }
}
