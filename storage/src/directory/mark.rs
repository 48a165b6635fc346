//! What is written on a directory itself, in extended attributes: its mark, and the seal of one that is staged.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::spot::refused;
use crate::mark::PROPERTY;
use crate::way::Spot;
use crate::{Error, Mark, MarkState, Result, Seal, seal, shown, step};

/// The extended attribute of the mark. `trusted.`: only root can write it, so no service can forge it (xattr(7)).
fn attribute() -> String {
    format!("trusted.{}", PROPERTY.replace(':', "."))
}

/// The extended attribute of the seal.
fn seal_attribute() -> String {
    format!("trusted.{}", seal::PROPERTY.replace(':', "."))
}

/// The mark of the directory that is there.
pub(super) fn mark_of(spot: &Spot) -> Result<MarkState> {
    match xattr::get(&spot.at, attribute()) {
        Ok(None) => Ok(MarkState::None),
        Ok(Some(text)) => Ok(Mark::read(
            &String::from_utf8_lossy(&text),
            &identity(&spot.at)?,
        )),
        Err(error) => Err(refused(&spot.real, "its mark cannot be read", &error)),
    }
}

/// Gives the directory that is there this mark, bound to it.
pub(super) fn write_mark(spot: &Spot, mark: &Mark) -> Result<()> {
    let text = mark.bound_to(&identity(&spot.at)?);
    let path = shown(&spot.real);
    step::at(|| format!("mark {path} {text}"));
    xattr::set(&spot.at, attribute(), text.as_bytes()).map_err(|error| {
        Error::new(
            path,
            format!("its mark cannot be written as `{}`: {error}", attribute()),
            "see that its file system holds extended attributes and is writable, and that we run as root",
        ).caused_by(&error)
    })
}

/// What a mark is bound to: a copy of the directory has another inode or time of birth.
pub(super) fn identity(path: &Path) -> Result<String> {
    let found = path.symlink_metadata();
    let found = found.map_err(|error| refused(path, "cannot be looked at", &error))?;
    Ok(identity_of(&found))
}

/// The same, of a directory that was looked at.
pub(super) fn identity_of(metadata: &Metadata) -> String {
    let born = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    format!("inode:{}:{born}", metadata.ino())
}

/// The seal of a staged directory; `None` if it has none, or none that can be understood.
pub(super) fn seal_of(staging: &Spot) -> Result<Option<Seal>> {
    let told = xattr::get(&staging.at, seal_attribute())
        .map_err(|error| refused(&staging.real, "its seal cannot be read", &error))?;
    Ok(told.and_then(|text| Seal::parse(&String::from_utf8_lossy(&text))))
}

/// Seals a staged directory.
pub(super) fn write_seal(staging: &Spot, seal: &Seal) -> Result<()> {
    xattr::set(&staging.at, seal_attribute(), seal.to_string().as_bytes())
        .map_err(|error| refused(&staging.real, "its seal cannot be written", &error))
}

/// Takes the seal from a directory that is in its place, where it is of no use: what cannot be removed is never read.
pub(super) fn remove_seal(place: &Spot) {
    let _ = xattr::remove(&place.at, seal_attribute());
}
