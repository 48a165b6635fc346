//! What is done to a directory where it lies, and what is said if it cannot be done.

use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::way::{Held, Spot};
use crate::{Error, Result, room, shown, step};

/// Whether a directory is there.
///
/// # Errors
/// When something else is, or when it cannot be told.
pub(super) fn exists(spot: &Spot) -> Result<bool> {
    match spot.at.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => Err(Error::new(
            shown(&spot.real),
            "it is not a directory",
            "move it away (where it is a link: declare its target as the mountpoint), then start the service again",
        ).of_kind(crate::ErrorKind::InTheWay)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(refused(&spot.real, "cannot be looked at", &error)),
    }
}

/// Gives a directory another name, in one step.
pub(super) fn rename(from: &Spot, to: &Spot, flags: RenameFlags) -> Result<()> {
    let (old, new) = (shown(&from.real), shown(&to.real));
    step::at(|| format!("rename {old} {new}"));
    renameat_with(CWD, &from.at, CWD, &to.at, flags).map_err(|error| {
        Error::new(
            old,
            format!("cannot be renamed to {new}: {error}"),
            "see that its file system is writable and knows renameat2(2)",
        )
        .caused_by(&error)
    })
}

/// Brings the file system that holds the directory to the disk.
pub(super) fn sync(spot: &Spot) -> Result<()> {
    let synced = spot.open().and_then(|file| Ok(rustix::fs::syncfs(file)?));
    synced.map_err(|error| refused(&spot.real, "cannot be brought to the disk", &error))
}

/// How many bytes a drill may take of the file system that holds a directory.
pub(super) fn room(directory: &Held) -> Result<u64> {
    let found = rustix::fs::fstatvfs(directory.file());
    let found =
        found.map_err(|error| refused(&directory.path, "cannot be looked at", &error.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(room::of(bytes(found.f_blocks), bytes(found.f_bavail)))
}

/// That nothing is staged any more for the directory `path`.
pub(super) fn gone(path: &Path) -> Error {
    Error::new(
        shown(path),
        "what was staged for it is gone",
        "see who removed it, then start the service again",
    )
    .of_kind(crate::ErrorKind::Gone)
}

/// That something cannot be done to the directory `path`.
pub(super) fn refused(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        "see that its file system is sound and writable, and that we run as root",
    )
    .caused_by(error)
}
