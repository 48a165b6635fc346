//! Puts a directory that a restore replaced back in its place: the swap of a restore, with what was kept in the part of the
//! copy.

use declaration::settings::Service;
use jiff::Timestamp;
use rustix::fs::RenameFlags;

use super::mark::{identity, mark_of, write_mark, write_seal};
use super::spot::{exists, rename, sync};
use super::staging::Way;
use super::{replaced, swap};
use crate::mark::Stage;
use crate::replaced::entry::{KeptIn, Replaced};
use crate::{Error, Kept, Mark, MarkState, Result, Seal, namespaces};

/// See [`crate::Staging::must_be_undoable`]; that the directory can be replaced at all is known.
pub(super) fn must_be_possible(service: &Service, kept: &str) -> Result<()> {
    possible(service, kept).map(drop)
}

/// The kept directory of this name, if nothing keeps it from its place.
fn possible(service: &Service, name: &str) -> Result<Replaced> {
    let path = service.mountpoint.as_path();
    if Way::to(service, false)?.staging()?.is_some() {
        return Err(Error::new(
            path.to_string_lossy(),
            "a restore of it is staged",
            format!(
                "start dataset-{0}.service and preseed-{0}.service, which put it away, then undo again",
                service.name
            ),
        ));
    }
    let beside = path.parent().unwrap_or(path);
    let (listed, _) = replaced::list(beside, &namespaces::look()?)?;
    let Some(kept) = listed.into_iter().find(|kept| kept.name == name) else {
        return Err(Error::new(
            name,
            "it is not what a restore of preseed's replaced any more",
            "see `preseedctl kept`",
        ));
    };
    if let Some((who, help)) = &kept.in_use {
        let help = help.replace("then release again", "then undo again");
        return Err(Error::new(name, who, help));
    }
    Ok(kept)
}

/// See [`crate::Staging::bring_back`]; that the directory can be replaced at all is known.
pub(super) fn bring_back(service: &Service, kept: &str, mark: &Mark) -> Result<Option<Kept>> {
    let kept = possible(service, kept)?;
    let KeptIn::Directory(kept_directory) = &kept.kept_in else {
        return Err(Error::internal(&kept.name, "it is no directory"));
    };
    // What lies under its name may be another's by now: it is held first.
    let (spot, held) = kept_directory.hold()?;
    let here = held.entry(".");
    let is = identity(&here.at)?;
    let way = Way::to(service, false)?;
    let place = way.place()?;
    let over = if exists(&place)? {
        Some((identity(&place.at)?, &*place.at))
    } else {
        None
    };
    let taken = kept.note.at.unwrap_or_else(Timestamp::now);
    let staging = way.new_staging()?;
    write_seal(&here, &Seal::new(over, taken)?)?;
    // Under its kept name, neither says anything.
    write_mark(&here, &mark.at_stage(Stage::Staged))?;
    sync(&here)?;
    rename(spot, &staging, RenameFlags::NOREPLACE)?;
    if !exists(&staging)? || identity(&staging.at)? != is {
        rename(&staging, spot, RenameFlags::NOREPLACE)?;
        return Err(Error::new(
            &kept.name,
            "something else was put there meanwhile",
            "see who can write there, and `preseedctl kept`",
        ));
    }
    sync(&staging)?;
    match swap::swap(service, mark) {
        Ok(kept) => Ok(kept),
        Err(error) => Err(put_back(service, error)),
    }
}

/// Gives what was to be brought back its kept name again, since this error kept it from the place.
fn put_back(service: &Service, error: Error) -> Error {
    let kept = Way::to(service, false).and_then(|way| {
        let is_in_place = mark_of(&way.place()?)?;
        let is_swapped =
            matches!(is_in_place, MarkState::Ours(mark) if mark.stage == Stage::Staged);
        if is_swapped || way.staging()?.is_none() {
            return Ok(());
        }
        swap::keep_staged(service).map(drop)
    });
    match kept {
        Ok(()) => error,
        Err(also) => error.while_doing(&format!(
            "it is left where restores are staged ({also}) after"
        )),
    }
}
