//! Directories that restores replaced.

use std::collections::{BTreeSet, HashSet};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{identity, refused};
use crate::kept::{self, Note};
use crate::namespaces::Machine;
use crate::replaced::{self, Place, Replaced};
use crate::tree::{self, Next};
use crate::{Error, Result, holders, mountinfo, mountpoint, shown, users};

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

/// The kept directories in `directory`, and why some could not be looked at.
pub(crate) fn list(directory: &Path, machine: &Machine) -> Result<(Vec<Replaced>, Vec<Error>)> {
    let unreadable = |error| refused(directory, "cannot be looked into", &error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(unreadable(error)),
    };
    let (mut replaced, mut errors) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let leaf = entry.file_name().to_string_lossy().into_owned();
        let Some(of) = leaf.strip_prefix('.').and_then(kept::leaf_of) else {
            continue;
        };
        let of = directory.join(of);
        match look_at(&entry.path(), &of, machine) {
            Ok(found) => replaced.extend(found),
            Err(error) => errors.push(error),
        }
    }
    Ok((replaced, errors))
}

/// A directory that has the name of a kept one; `None` if it is none.
fn look_at(path: &Path, of: &Path, machine: &Machine) -> Result<Option<Replaced>> {
    let Some(note) = read_note(path)? else {
        return Ok(None);
    };
    Ok(Some(Replaced {
        name: shown(path),
        has_successor: of.is_dir(),
        of: of.to_string_lossy().into_owned(),
        note,
        bytes: used(path)?,
        snapshots: Vec::new(),
        place: Place::Directory(path.to_owned()),
        in_use: in_use(path, machine)?,
    }))
}

/// Who has a directory mounted, has files open in it or stands there, and what to do about it.
fn in_use(path: &Path, machine: &Machine) -> Result<Option<(String, String)>> {
    let again = |cure: &str| format!("{cure}, then release again");
    let data = holders::of_directory(path)?;
    let holders = holders::anybody(machine, &data);
    if let Some(first) = holders.first() {
        let who = format!("it is mounted: {}", holders::in_words(&holders));
        return Ok(Some((who, again(&first.cure()))));
    }
    let using = users::users(&BTreeSet::new(), &[mountinfo::without_links(path)])?;
    if let Some(first) = using.first() {
        let who = format!("{} uses it", first.owner.in_words());
        return Ok(Some((who, again(&first.owner.end()))));
    }
    // A directory's mounts are in no list of the kernel's.
    Ok(replaced::unknown(machine))
}

/// Whether nothing lies in a kept directory.
pub(crate) fn holds_nothing(path: &Path) -> Result<bool> {
    let mut entries =
        std::fs::read_dir(path).map_err(|error| refused(path, "cannot be looked into", &error))?;
    Ok(entries.next().is_none())
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
