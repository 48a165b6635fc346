//! Makes a service's dataset be what is declared.

use std::borrow::Cow;

use super::dataset::Zfs;
use super::properties::Properties;
use super::properties::existing;
use super::{
    aside, call, create, declared, half_created, kinds, mount, mounted, promote, refusals, shut,
    swap, withdraw,
};
use crate::error::ErrorKind;
use crate::mark::Stage;
use crate::{Applied, Error, Mark, MarkState, Result, as_found, binds, mountpoint, shown};

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
    let withdrawn = found.filter(|found| found.is_local(kinds::KEPT));
    if !mounted::is_mounted(zfs)? {
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
        if !mounted::is_mounted(zfs)? {
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
    if properties.is_local(kinds::KEPT) && properties.value("canmount") == Some("noauto") {
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
    if sets.iter().any(is_needed) && !mounted::is_mounted(zfs)? {
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
        let missing = declared::AT_CREATION.iter().filter(|(property, value)| {
            !properties.is_given(property) && properties.value(property) != Some(value)
        });
        sets.extend(missing.map(|(property, value)| (*property, (*value).to_owned())));
    }
    let nowhere = properties.value("mountpoint") == Some("none");
    for (property, value) in declared::of_a_new_one(zfs) {
        // Its line in /etc/fstab would fail from then on, and with it the boot.
        if property == "mountpoint" && properties.value(property) == Some("legacy") {
            if !mounted::is_mounted(zfs)? {
                refusals::must_be_mounted_by_zfs(zfs, properties)?;
            }
            continue;
        }
        // What is there stays as it is, unless the service's own file says otherwise. One that has no place gets one.
        let applies =
            is_new || declared::says(zfs, property) || property == "mountpoint" && nowhere;
        if !applies {
            continue;
        }
        if properties.value(property) != Some(declared::as_told(property, &value)) {
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
