//! Directories that restores replaced.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{identity, refused};
use crate::kept::{self, Note};
use crate::replaced::{Place, Replaced};
use crate::tree::{self, Next};
use crate::{Error, Result, mountpoint, shown};

/// The extended attribute that says when and why a directory was replaced, bound to that directory:
/// a copy of it is none of ours.
const ATTRIBUTE: &str = "trusted.preseed.kept";

/// Notes on a directory when and why it is replaced.
pub(crate) fn write_note(path: &Path, note: &Note) -> Result<()> {
    let text = format!("of={} {note}", identity(path)?);
    xattr::set(path, ATTRIBUTE, text.as_bytes()).map_err(|error| {
        refused(
            path,
            &format!("`{ATTRIBUTE}` cannot be written to it"),
            &error,
        )
    })
}

/// The kept directories in `directory`.
pub(crate) fn list(directory: &Path) -> Result<Vec<Replaced>> {
    let unreadable = |error| refused(directory, "cannot be looked into", &error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut replaced = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let leaf = entry.file_name().to_string_lossy().into_owned();
        let Some(of) = leaf.strip_prefix('.').and_then(kept::leaf_of) else {
            continue;
        };
        let path = entry.path();
        let Some(note) = read_note(&path)? else {
            continue;
        };
        let of = directory.join(of);
        replaced.push(Replaced {
            name: shown(&path),
            has_successor: of.is_dir(),
            of: of.to_string_lossy().into_owned(),
            note,
            bytes: used(&path)?,
            snapshots: Vec::new(),
            place: Place::Directory(path),
        });
    }
    Ok(replaced)
}

/// The note on a directory; `None` if it is not one, or was not replaced by a restore.
fn read_note(path: &Path) -> Result<Option<Note>> {
    let is_directory = path
        .symlink_metadata()
        .map_err(|error| refused(path, "cannot be looked at", &error))?
        .is_dir();
    if !is_directory {
        return Ok(None);
    }
    let text = xattr::get(path, ATTRIBUTE)
        .map_err(|error| refused(path, &format!("its `{ATTRIBUTE}` cannot be read"), &error))?;
    let Some(text) = text else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&text);
    let bound = format!("of={} ", identity(path)?);
    Ok(text.strip_prefix(&bound).map(Note::parse))
}

/// The bytes that a tree takes on its file system; what has several links once. Of one that cannot be looked at in whole,
/// or is changed meanwhile, those that were seen: what a service's user does to it must not hide what else is kept.
fn used(path: &Path) -> Result<u64> {
    let unreadable = |error| refused(path, "cannot be looked at", &error);
    let root = path.symlink_metadata().map_err(unreadable)?;
    // In units of 512 bytes (stat(2)).
    let mut blocks = root.blocks();
    let mut linked = HashSet::new();
    let _ = tree::walk(path, |entry| {
        let stat = &entry.stat;
        if entry.is_directory() || stat.st_nlink == 1 || linked.insert(stat.st_ino) {
            blocks = blocks.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0));
        }
        ControlFlow::<(), _>::Continue(Next::Enter)
    });
    Ok(blocks.saturating_mul(512))
}

/// Removes a kept directory with all that is in it.
pub(crate) fn remove(path: &Path) -> Result<()> {
    mountpoint::must_have_no_mounts_below(path)?;
    if read_note(path)?.is_none() {
        return Err(Error::new(
            shown(path),
            "it is not what a restore of preseed's replaced",
            "see `preseedctl kept`",
        ));
    }
    tree::remove(path).map_err(|error| refused(path, "cannot be removed", &error))
}
