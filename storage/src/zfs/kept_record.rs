//! What this machine has noted of the datasets that restores replaced: a small file for each in /var/lib/preseed/kept, called
//! by its guid, for root alone.
//!
//! A dataset carries a note as well, which comes along to another machine. But whoever may set user properties can write
//! anything into that. So it only tells: for how long a dataset has been kept, and whether it goes without having been, is
//! decided by the file.

use std::path::Path;

use super::properties::Properties;
use crate::kept::Note;
use crate::{Error, Result, state_file, step};

/// Where the files are.
const DIRECTORY: &str = "/var/lib/preseed/kept";

/// The most that is read of a file: a note has a few hundred bytes.
const LARGEST: u64 = 16 << 10;

/// What was noted of the dataset with this guid; `None`: nothing that can be read.
pub(crate) fn read(guid: u64) -> Option<Note> {
    let read = state_file::read(Path::new(DIRECTORY), &guid.to_string(), LARGEST);
    let text = String::from_utf8(read.ok()??).ok()?;
    let note = Note::parse(text.strip_suffix('\n')?);
    note.at.is_some().then_some(note)
}

/// The same of the dataset with these properties.
pub(super) fn of(found: &Properties) -> Option<Note> {
    guid_of(found).and_then(read)
}

/// Notes when and why the dataset with this guid was replaced, and for how long it has been kept.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(guid: u64, note: &Note) -> Result<()> {
    step::at(|| format!("note what is kept {}", note.why));
    let line = format!("{note}\n");
    let written = state_file::write(Path::new(DIRECTORY), &guid.to_string(), line.as_bytes());
    written.map_err(|error| {
        Error::new(
            Path::new(DIRECTORY)
                .join(guid.to_string())
                .to_string_lossy(),
            format!("cannot be written: {error}"),
            "see that /var/lib is writable, and that we run as root",
        )
        .caused_by(&error)
    })
}

/// The same of a dataset with these properties. What cannot be noted is kept for longer: its time begins at the next look.
pub(super) fn begin(found: &Properties, note: &Note) {
    if let Some(guid) = guid_of(found)
        && write(guid, note).is_err()
    {
        // It may have been kept before.
        forget(guid);
    }
}

/// Has the dataset with these properties noted, if it is not yet: another machine may have kept it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn have(found: &Properties, note: &Note) -> Result<()> {
    match guid_of(found) {
        Some(guid) if read(guid).is_none_or(|known| known.at != note.at) => write(guid, note),
        _ => Ok(()),
    }
}

/// Forgets that a dataset with these properties was kept: it has its place again.
pub(super) fn end(found: &Properties) {
    if let Some(guid) = guid_of(found) {
        forget(guid);
    }
}

fn guid_of(found: &Properties) -> Option<u64> {
    found.value("guid")?.parse().ok()
}

/// Forgets a dataset that is gone.
pub(crate) fn forget(guid: u64) {
    // A file that stays says nothing of any other dataset.
    let _ = std::fs::remove_file(Path::new(DIRECTORY).join(guid.to_string()));
}
