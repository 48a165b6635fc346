//! Puts a staged directory in the place of the service's, and gives what was there the name it is kept under.

use std::os::unix::fs::MetadataExt;

use declaration::settings::Service;
use rustix::fs::RenameFlags;

use super::mark::{remove_seal, write_mark};
use super::spot::{exists, gone, refused, rename, sync};
use super::staging::Way;
use super::{kept_directory, withdraw};
use crate::kept::Note;
use crate::mark::Stage;
use crate::way::{Held, Spot};
use crate::{Error, ErrorKind, Kept, Mark, Result, binds, kept, shown};

/// Swaps the complete staged directory in, and keeps what was there.
pub(super) fn swap(service: &Service, mark: &Mark) -> Result<Option<Kept>> {
    let way = Way::to(service, false)?;
    way.parent()?.must_be_safe()?;
    let (place, staging) = (way.place()?, way.staging()?);
    let staging = staging.ok_or_else(|| gone(&service.mountpoint))?;
    let mut seen_by = None;
    if exists(&place)? {
        seen_by = withdraw::withdraw(service, &staging.at)?;
        rename(&staging, &place, RenameFlags::EXCHANGE)
            .map_err(|error| withdraw::put_back(service, error))?;
    } else {
        rename(&staging, &place, RenameFlags::NOREPLACE)?;
    }
    let kept = settle(service, mark)?;
    Ok(kept.map(|kept| Kept { seen_by, ..kept }))
}

/// Finishes a directory that was swapped into its place: what it replaced stands under the staging's name and is
/// given the name it is kept under. The mark says `seeded` last, so that an interrupted one is settled again.
pub(super) fn settle(service: &Service, mark: &Mark) -> Result<Option<Kept>> {
    let way = Way::to(service, false)?;
    let kept = if way.staging()?.is_some() {
        Some(keep(service, &Note::of_replaced(mark))?)
    } else {
        None
    };
    // Before the mark, which says that all is done.
    binds::put_back(service)?;
    let place = way.place()?;
    remove_seal(&place);
    kept_directory::remove_note(&place);
    write_mark(&place, &mark.at_stage(Stage::Seeded))?;
    sync(&place)?;
    way.tidy();
    Ok(kept)
}

/// Gives what stands under the staging's name the name it is kept under.
pub(super) fn keep(service: &Service, note: &Note) -> Result<Kept> {
    let way = Way::to(service, false)?;
    let staging = way.staging()?.ok_or_else(|| gone(&service.mountpoint))?;
    // Beside the service's directory, hidden.
    let leaf = service.mountpoint.file_name().unwrap_or_default();
    // The declaration left room for the whole name.
    let [full, ..] = kept::names(&leaf.to_string_lossy(), note);
    let kept = way.parent()?.entry(format!(".{full}"));
    kept_directory::write_note(&staging, note)?;
    rename(&staging, &kept, RenameFlags::NOREPLACE)?;
    Ok(Kept {
        name: shown(&kept.real),
        seen_by: None,
        pending: None,
    })
}

/// Gives what stands under the staging's name the kept name that it had, if it was brought back by an undo and not put in
/// place: a copy may be thrown away one day, and this is somebody's data.
pub(super) fn keep_staged(service: &Service) -> Result<Option<Kept>> {
    let Some(staging) = Way::to(service, false)?.staging()? else {
        return Ok(None);
    };
    match kept_directory::note_at(&staging)? {
        Some(note) => keep(service, &note).map(Some),
        None => Ok(None),
    }
}

/// That a restored directory can take its place by one rename: it is on the file system of what it lies in.
pub(super) fn must_be_replaceable(place: &Spot, parent: &Held) -> Result<()> {
    let metadata = place.at.symlink_metadata();
    let device = metadata
        .map_err(|error| refused(&place.real, "cannot be looked at", &error))?
        .dev();
    if device == parent.device {
        return Ok(());
    }
    Err(Error::new(
        shown(&place.real),
        "a file system is mounted exactly there, so no restored directory could take its place",
        "declare a directory below it as the mountpoint",
    )
    .of_kind(ErrorKind::InTheWay))
}
