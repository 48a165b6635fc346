//! Directories that restores replaced.
//!
//! Another user may own the directory that they lie in, or one above it. So it is held by a descriptor from the moment it is
//! listed, and what is released is what was listed, whatever has that name or path since.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::kept_directory::{KeptDirectory, by_descriptor, metadata, open, read_note, real};
use super::mark::identity_of;
use super::spot::refused;
use crate::kept::{self};
use crate::namespaces::Machine;
use crate::replaced::entry::{self, KeptIn, Replaced};
use crate::tree::{self, Next};
use crate::way::{self, Held, Spot};
use crate::{Error, Result, holders, mountinfo, shown, users};

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
        // An attribute that nobody else can set.
        is_known: true,
        bytes: used(&opened, &spot.real)?,
        snapshots: Vec::new(),
        kept_in: KeptIn::Directory(KeptDirectory {
            spot: spot.clone(),
            identity: identity_of(&metadata(&opened, &spot.real)?),
        }),
        in_use: in_use(&real(&opened, spot)?, machine)?,
    }))
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
    Ok(entry::unknown(machine))
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
