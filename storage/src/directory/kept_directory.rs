//! A directory that a restore replaced and that is kept: noted on, looked into, removed.

use std::fs::{File, Metadata};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use xattr::FileExt;

use super::mark::identity_of;
use super::spot::refused;
use crate::kept::Note;
use crate::way::{Held, Spot};
use crate::{Error, ErrorKind, Result, mountpoint, shown, tree};

/// The extended attribute that says when and why a directory was replaced, bound to that directory:
/// a copy of it is none of ours.
const ATTRIBUTE: &str = "trusted.preseed.kept";

/// A kept directory, and the directory that it lies in, held.
#[derive(Debug, Clone)]
pub(crate) struct KeptDirectory {
    pub(super) spot: Spot,
    pub(super) identity: String,
}

/// Notes on the directory that is there when and why it is replaced.
pub(crate) fn write_note(spot: &Spot, note: &Note) -> Result<()> {
    let directory = open(spot)?;
    note_on(&directory, &spot.real, note)
}

fn note_on(directory: &File, path: &Path, note: &Note) -> Result<()> {
    let text = format!("of={} {note}", identity_of(&metadata(directory, path)?));
    directory
        .set_xattr(ATTRIBUTE, text.as_bytes())
        .map_err(|error| {
            refused(
                path,
                &format!("`{ATTRIBUTE}` cannot be written to it"),
                &error,
            )
        })
}

/// The note on the directory that is there; `None` if it was not replaced by a restore.
pub(super) fn note_at(spot: &Spot) -> Result<Option<Note>> {
    read_note(&open(spot)?, &spot.real)
}

/// Takes the note from a directory that is in its place, where it is of no use: what cannot be removed is never read.
pub(super) fn remove_note(place: &Spot) {
    let _ = xattr::remove(&place.at, ATTRIBUTE);
}

pub(super) fn open(spot: &Spot) -> Result<File> {
    let opened = spot.open();
    opened.map_err(|error| refused(&spot.real, "cannot be looked at", &error))
}

pub(super) fn metadata(directory: &File, path: &Path) -> Result<Metadata> {
    let found = directory.metadata();
    found.map_err(|error| refused(path, "cannot be looked at", &error))
}

/// A path that leads to exactly what a descriptor holds.
pub(super) fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Where a directory is now.
pub(super) fn real(opened: &File, spot: &Spot) -> Result<PathBuf> {
    let real = std::fs::read_link(by_descriptor(opened));
    real.map_err(|error| refused(&spot.real, "cannot be looked at", &error))
}

/// The note on a directory; `None` if it was not replaced by a restore.
pub(super) fn read_note(directory: &File, path: &Path) -> Result<Option<Note>> {
    let text = directory
        .get_xattr(ATTRIBUTE)
        .map_err(|error| refused(path, &format!("its `{ATTRIBUTE}` cannot be read"), &error))?;
    let Some(text) = text else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&text);
    let bound = format!("of={} ", identity_of(&metadata(directory, path)?));
    Ok(text.strip_prefix(&bound).map(Note::parse))
}

impl KeptDirectory {
    /// Opens it, if it is still what it was when it was listed.
    fn open(&self) -> Result<File> {
        let path = &self.spot.real;
        let opened = open(&self.spot)?;
        let is_kept = read_note(&opened, path)?.is_some();
        if is_kept && identity_of(&metadata(&opened, path)?) == self.identity {
            return Ok(opened);
        }
        Err(self.otherwise())
    }

    /// Holds it, if it is still what it was when it was listed; with where it lies.
    pub(super) fn hold(&self) -> Result<(&Spot, Held)> {
        self.open()?;
        let held = self.spot.hold();
        let held = held.map_err(|error| refused(&self.spot.real, "cannot be opened", &error))?;
        let is = held.file().metadata();
        let is = is.map_err(|error| refused(&self.spot.real, "cannot be looked at", &error))?;
        if identity_of(&is) != self.identity {
            return Err(self.otherwise());
        }
        Ok((&self.spot, held))
    }

    fn otherwise(&self) -> Error {
        Error::new(
            shown(&self.spot.real),
            "it is not what a restore of preseed's replaced",
            "see `preseedctl kept`",
        )
        .of_kind(ErrorKind::InTheWay)
    }

    /// Notes on it when and why it was replaced.
    pub(crate) fn write_note(&self, note: &Note) -> Result<()> {
        note_on(&self.open()?, &self.spot.real, note)
    }

    /// Whether nothing lies in it.
    pub(crate) fn holds_nothing(&self) -> Result<bool> {
        let mut entries = std::fs::read_dir(by_descriptor(&self.open()?))
            .map_err(|error| refused(&self.spot.real, "cannot be looked into", &error))?;
        Ok(entries.next().is_none())
    }

    /// Removes it with all that is in it.
    pub(crate) fn remove(&self) -> Result<()> {
        let opened = self.open()?;
        mountpoint::must_have_no_mounts_below(&real(&opened, &self.spot)?, &[])?;
        tree::remove_opened(&opened.into(), &self.spot.at)
            .map_err(|error| refused(&self.spot.real, "cannot be removed", &error))
    }
}
