//! Makes a service's dataset be what is declared.

use std::borrow::Cow;

use super::dataset::Zfs;
use super::properties::Properties;
use super::properties::existing;
use super::{
    aside, converge, create, kinds, mount, mounted, promote, refusals, shut, swap, withdraw,
};
use crate::mark::Stage;
use crate::{Applied, Mark, MarkState, Result, as_found, binds, mountpoint, shown};

/// See [`crate::InPlace::apply`]. One call of `zfs` where nothing is to be changed.
pub(super) fn apply(zfs: &Zfs<'_>, applied: &mut Applied) -> Result<()> {
    if shut::reopen(zfs)? {
        let place = shown(&zfs.service.mountpoint);
        let change = format!("made {place} writable again after a restore that was interrupted");
        applied.changes.push(change);
    }
    let mut found = zfs.look_in_its_pool()?.dataset;
    if let Some(properties) = &found
        && promote::load_key_again(zfs, properties)?
    {
        found = zfs.look()?.dataset;
    }
    if found.is_none() {
        // Missing because the power went between the two renames of a swap, or truly missing.
        if let Some(restore) = swap::go_on(zfs)? {
            applied.finished = Some(restore);
            applied.differs.append(&mut zfs.not_set.take());
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
            applied.differs.append(&mut zfs.not_set.take());
            false
        }
        Some(properties) => converge::converge(zfs, properties, applied)?,
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
        // As it was made, or as what was found was corrected.
        let now = existing(zfs.name())?;
        // Who stands in what was unmounted by such a swap keeps its file system read-only.
        let is_shut = shut::is_noted(zfs);
        mount::at_place(zfs, &now, withdrawn.is_some() || is_shut)?;
        if is_shut {
            withdraw::make_writable(zfs, &now)?;
            shut::forget(zfs)?;
        }
        if found.is_none() {
            aside::share_again(zfs.name(), &now)?;
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
    if let Some(properties) = &zfs.look_in_its_pool()?.dataset {
        refusals::must_be_usable(properties)?;
        refusals::must_be_below_the_root(zfs, Some(properties))?;
        converge::must_not_be_a_container(zfs, properties)?;
        if !mounted::is_mounted(zfs)? {
            mountpoint::must_be_mountable(zfs.service)?;
        }
    } else {
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
