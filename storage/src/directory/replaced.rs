//! Directories that restores replaced.
//!
//! Another user may own the directory that they lie in, or one above it. So it is held by a descriptor from the moment it is
//! listed, and what is released is what was listed, whatever has that name or path since.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, Metadata};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use xattr::FileExt;

use super::mark::identity_of;
use super::spot::refused;
use crate::kept::{self, Note};
use crate::namespaces::Machine;
use crate::replaced::{self, KeptIn, Replaced};
use crate::tree::{self, Next};
use crate::way::{self, Held, Spot};
use crate::{Error, ErrorKind, Result, holders, mountinfo, mountpoint, shown, users};

/// The extended attribute that says when and why a directory was replaced, bound to that directory:
/// a copy of it is none of ours.
const ATTRIBUTE: &str = "trusted.preseed.kept";

/// A kept directory, and the directory that it lies in, held.
#[derive(Debug, Clone)]
pub(crate) struct KeptDirectory {
    spot: Spot,
    identity: String,
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

fn open(spot: &Spot) -> Result<File> {
    let opened = spot.open();
    opened.map_err(|error| refused(&spot.real, "cannot be looked at", &error))
}

fn metadata(directory: &File, path: &Path) -> Result<Metadata> {
    let found = directory.metadata();
    found.map_err(|error| refused(path, "cannot be looked at", &error))
}

/// The kept directories in `directory`, and why some could not be looked at.
pub(crate) fn list(directory: &Path, machine: &Machine) -> Result<(Vec<Replaced>, Vec<Error>)> {
    if matches!(directory.try_exists(), Ok(false)) {
        return Ok(Default::default());
    }
    let way = way::down(directory, None, false)?;
    let Some(held) = way.last() else {
        return Ok(Default::default());
    };
    let unreadable = |error| refused(directory, "cannot be looked into", &error);
    let entries = held.entry(".").open().map_err(unreadable)?;
    let (mut replaced, mut errors) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(by_descriptor(&entries)).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let leaf = name.to_string_lossy().into_owned();
        let Some(of) = leaf.strip_prefix('.').and_then(kept::leaf_of) else {
            continue;
        };
        match look_at(held, &held.entry(&name), of, directory, machine) {
            Ok(found) => replaced.extend(found),
            Err(error) => errors.push(error),
        }
    }
    Ok((replaced, errors))
}

/// A path that leads to exactly what a descriptor holds.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// A directory that has the name of one that was kept of `of`; `None` if it is none. `directory` is where it lies, as
/// it is declared.
fn look_at(
    held: &Held,
    spot: &Spot,
    of: &str,
    directory: &Path,
    machine: &Machine,
) -> Result<Option<Replaced>> {
    let found = spot.at.symlink_metadata();
    let found = found.map_err(|error| refused(&spot.real, "cannot be looked at", &error))?;
    if !found.is_dir() {
        return Ok(None);
    }
    let opened = open(spot)?;
    let Some(note) = read_note(&opened, &spot.real)? else {
        return Ok(None);
    };
    Ok(Some(Replaced {
        name: shown(&directory.join(spot.real.file_name().unwrap_or_default())),
        has_successor: held.entry(of).open().is_ok(),
        of: directory.join(of).to_string_lossy().into_owned(),
        note,
        bytes: used(&opened, &spot.real)?,
        snapshots: Vec::new(),
        kept_in: KeptIn::Directory(KeptDirectory {
            spot: spot.clone(),
            identity: identity_of(&metadata(&opened, &spot.real)?),
        }),
        in_use: in_use(&real(&opened, spot)?, machine)?,
    }))
}

/// Where a directory is now.
fn real(opened: &File, spot: &Spot) -> Result<PathBuf> {
    let real = std::fs::read_link(by_descriptor(opened));
    real.map_err(|error| refused(&spot.real, "cannot be looked at", &error))
}

/// Who has a directory mounted, has files open in it or stands there, and what to do about it.
fn in_use(path: &Path, machine: &Machine) -> Result<Option<(String, String)>> {
    let again = |help: &str| format!("{help}, then release again");
    let data = holders::of_directory(path)?;
    let holders = holders::anybody(machine, &data);
    if let Some(first) = holders.first() {
        let who = format!("it is mounted: {}", holders::in_words(&holders));
        return Ok(Some((who, again(&first.help()))));
    }
    let using = users::users(&BTreeSet::new(), &[mountinfo::without_links(path)])?;
    if let Some(first) = using.first() {
        let who = format!("{} uses it", first.owner.in_words());
        return Ok(Some((who, again(&first.owner.end()))));
    }
    // A directory's mounts are in no list of the kernel's.
    Ok(replaced::unknown(machine))
}

/// The note on a directory; `None` if it was not replaced by a restore.
fn read_note(directory: &File, path: &Path) -> Result<Option<Note>> {
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
        Err(Error::new(
            shown(path),
            "it is not what a restore of preseed's replaced",
            "see `preseedctl kept`",
        )
        .of_kind(ErrorKind::InTheWay))
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
        mountpoint::must_have_no_mounts_below(&real(&opened, &self.spot)?)?;
        tree::remove_opened(&opened.into(), &self.spot.at)
            .map_err(|error| refused(&self.spot.real, "cannot be removed", &error))
    }
}

/// The bytes that a tree takes on its file system; what has several links once. Of one that cannot be looked at in whole,
/// or is changed meanwhile, those that were seen: what a service's user does to it must not hide what else is kept.
fn used(directory: &File, path: &Path) -> Result<u64> {
    let root = metadata(directory, path)?;
    // In units of 512 bytes (stat(2)).
    let mut blocks = root.blocks();
    let mut linked = HashSet::new();
    let _ = tree::walk(&by_descriptor(directory).join("."), |entry| {
        let stat = &entry.stat;
        if entry.is_directory() || stat.st_nlink == 1 || linked.insert(stat.st_ino) {
            blocks = blocks.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0));
        }
        ControlFlow::<(), _>::Continue(Next::Enter)
    });
    Ok(blocks.saturating_mul(512))
}
