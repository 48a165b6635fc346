//! Puts what a restore replaced back in its place: the swap of a restore, with what was kept in the part of the copy.
//!
//! It goes through the name that restores are staged under, marked as complete: wherever the power goes, the next start finds
//! either dataset in the place, and the other under a kept name.

use jiff::Timestamp;

use super::dataset::Zfs;
use super::properties::{self, Properties, existing};
use super::{brought_back, call, kept_record, kinds, refusals, replaced, swap};
use crate::mark::{PROPERTY, Stage};
use crate::replaced::entry::{KeptIn, Replaced};
use crate::{Error, Kept, Mark, Result, Seal, namespaces, seal};

/// See [`crate::Staging::must_be_undoable`].
pub(super) fn must_be_possible(zfs: &Zfs<'_>, kept: &str) -> Result<()> {
    possible(zfs, kept).map(drop)
}

/// The kept dataset of this name, if nothing keeps it from its place.
fn possible(zfs: &Zfs<'_>, name: &str) -> Result<(Replaced, Properties)> {
    refusals::must_be_movable(zfs)?;
    refusals::must_not_be_receiving(zfs)?;
    if zfs.seen()?.staging.is_some() {
        return Err(Error::new(
            zfs.staging_name(),
            "something is staged there",
            format!(
                "start dataset-{0}.service and preseed-{0}.service, which put it away, then undo again",
                zfs.service.of()
            ),
        ));
    }
    let beside = zfs.beside("");
    let container = beside.trim_end_matches('/');
    let (listed, _) = replaced::list(container, &namespaces::look()?)?;
    let Some(kept) = listed.into_iter().find(|kept| kept.name == name) else {
        return Err(is_otherwise(name));
    };
    let found = usable(&kept)?;
    Ok((kept, found))
}

fn is_otherwise(name: &str) -> Error {
    Error::new(
        name,
        "it is not what a restore of preseed's replaced any more",
        "see `preseedctl kept`",
    )
}

/// The kept dataset, if it is still what it was when it was listed, and nobody uses it.
fn usable(kept: &Replaced) -> Result<Properties> {
    let otherwise = |what: &str, help: String| Err(Error::new(&kept.name, what, help));
    let KeptIn::Dataset(guid, in_the_way) = &kept.kept_in else {
        return Err(Error::internal(&kept.name, "it is no dataset"));
    };
    let found = properties::get(&kept.name)?
        .filter(|found| found.is_local(kinds::KEPT) && found.identity() == format!("guid:{guid}"));
    let found = found.ok_or_else(|| is_otherwise(&kept.name))?;
    refusals::must_be_usable(&found)?;
    if let Some(child) = &in_the_way.child {
        return otherwise(
            &format!("it has a child dataset ({child}), which would come along"),
            format!("rename the child out of it with `zfs rename {child} …`, then undo again"),
        );
    }
    if let Some((who, help)) = &kept.in_use {
        let help = help.replace("then release again", "then undo again");
        return otherwise(who, help);
    }
    Ok(found)
}

/// See [`crate::Staging::bring_beside`].
pub(super) fn bring_beside(zfs: &Zfs<'_>, kept: &str, mark: &Mark) -> Result<()> {
    let (kept, found) = possible(zfs, kept)?;
    let place = zfs.service.mountpoint.as_path();
    let over = zfs.seen()?.dataset.map(|real| (real.identity(), place));
    let taken = kept.note.at.unwrap_or_else(Timestamp::now);
    let seal = format!("{}={}", seal::PROPERTY, Seal::new(over, taken)?);
    let marked = mark.at_stage(Stage::Staged).bound_to(&found.identity());
    let marked = format!("{PROPERTY}={marked}");
    // From here on, that it is somebody's data is told by the note alone.
    kept_record::have(&found, &kept.note)?;
    // Under its kept name, neither says anything.
    call::zfs(&["set", &marked, &seal, &kept.name])?;
    zfs.seen.replace(None);
    call::zfs(&["rename", "-u", &kept.name, &zfs.staging_name()])?;
    Ok(())
}

/// See [`crate::Staging::bring_back`].
pub(super) fn bring_back(zfs: &Zfs<'_>, kept: &str, mark: &Mark) -> Result<Option<Kept>> {
    bring_beside(zfs, kept, mark)?;
    let staged = existing(&zfs.staging_name())?;
    match swap::swap(zfs, &staged, mark) {
        Ok(kept) => Ok(kept),
        Err(error) => Err(put_back(zfs, error)),
    }
}

/// Puts what was to be brought back under its kept name again, since this error kept it from the place.
fn put_back(zfs: &Zfs<'_>, error: Error) -> Error {
    // It may be in the place: then the next start settles it.
    let staged = zfs
        .look()
        .map(|seen| seen.staging.filter(|_| seen.dataset.is_some()));
    let put_back = match &staged {
        Ok(Some(staged)) => brought_back::keep_again(zfs, staged).map(drop),
        _ => return error,
    };
    match put_back {
        Ok(()) => error,
        Err(also) => error.while_doing(&format!(
            "it is left as {} ({also}) after",
            zfs.staging_name()
        )),
    }
}
