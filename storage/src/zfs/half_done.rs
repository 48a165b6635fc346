//! Snapshots that somebody took of a staged dataset while it was being filled (a recursive one of the container, for
//! instance): each holds a part of the data, and none is ever a candidate.
//!
//! They are known by their guids, which a copy in a replica has as well. The list is a property of the restored dataset,
//! and a file of this machine, which is there when the dataset is gone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::dataset::Zfs;
use super::program::Change;
use super::snapshots::snapshots_of;
use super::{call, memory, program};
use crate::{Error, Listed, Mark, Result, Snapshot, step};

/// The property of a restored dataset that lists their guids.
pub(super) const PROPERTY: &str = "preseed:half-done";

/// Where the files are, one for each service.
const FILES: &str = "/var/lib/preseed/half-done";

/// How many guids are listed: of 20 digits each they fit into a property (8,191 bytes, zfsprops(7)).
const MOST: usize = 350;

/// What is listed.
#[derive(Debug, Default, PartialEq, Eq)]
struct List {
    guids: BTreeSet<u64>,
    /// Where there are more than are listed: the transaction groups from the first to the last of them. These are known
    /// in this pool only.
    groups: Vec<(u64, u64)>,
}

impl List {
    /// What cannot be read of it is left out.
    fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for word in text.split(',') {
            if let Ok(guid) = word.parse() {
                list.guids.insert(guid);
            } else if let Some((first, last)) = word
                .strip_prefix("txg:")
                .and_then(|groups| groups.split_once('-'))
                && let (Ok(first), Ok(last)) = (first.parse(), last.parse())
            {
                list.groups.push((first, last));
            }
        }
        list
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (first, last) in self.groups.iter().rev().take(10) {
            // Writing to a string cannot fail.
            let _ = write!(text, "txg:{first}-{last},");
        }
        for guid in self.guids.iter().take(MOST) {
            let _ = write!(text, "{guid},");
        }
        text.truncate(text.trim_end_matches(',').len());
        text
    }

    fn holds(&self, snapshot: &Listed) -> bool {
        let group = snapshot.created;
        self.guids.contains(&snapshot.guid)
            || self
                .groups
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&group))
    }
}

/// Makes these changes of the staged dataset's properties, with which it is complete. What was taken of it until then is
/// destroyed, as far as nobody holds, clones or sends it; the rest is listed. What is taken later holds all of the data.
pub(super) fn complete(zfs: &Zfs<'_>, mark: &Mark, mut changes: Vec<Change>) -> Result<()> {
    let staging = zfs.staging_name();
    let short = mark.from.rsplit_once('@').map(|(_, name)| name);
    let received = short
        .filter(|_| mark.by == "receive")
        .map(|short| format!("{staging}@{short}"));
    let received = received.unwrap_or_default();
    let known = known(zfs)?;
    let listed = |list: &List| match list.text() {
        text if text.is_empty() => None,
        text => Some(Change::Set(PROPERTY, text)),
    };
    let with_known = [changes.clone(), Vec::from_iter(listed(&known))].concat();
    if program::change_without_snapshots(&staging, &received, &with_known)? {
        return Ok(());
    }
    changes.extend(listed(&without_what_was_taken(zfs, &received, known)?));
    program::change(&staging, &changes)
}

/// Destroys what was taken of the staged dataset but what it was `received` with, and lists what cannot be destroyed.
fn without_what_was_taken(zfs: &Zfs<'_>, received: &str, mut list: List) -> Result<List> {
    let mut left = Vec::new();
    for listed in snapshots_of(&zfs.staging_name())?.unwrap_or_default() {
        let name = &listed.snapshot.name;
        if name == received {
            continue;
        }
        // Never with -r, -R or -f: `zfs destroy` refuses if anybody needs it.
        if !call::try_zfs(&["destroy", name])?.status.success() {
            left.push(listed);
        }
    }
    let groups = left.iter().map(|listed| listed.created);
    if list.guids.len() + left.len() > MOST
        && let (Some(first), Some(last)) = (groups.clone().min(), groups.max())
    {
        list.groups.push((first, last));
    }
    list.guids.extend(left.iter().map(|listed| listed.guid));
    if !left.is_empty() {
        write(zfs, &list.text())?;
    }
    Ok(list)
}

/// What is listed of the service's datasets.
fn known(zfs: &Zfs<'_>) -> Result<List> {
    let seen = zfs.seen()?.dataset;
    let listed = seen.as_ref().and_then(|real| real.value(PROPERTY));
    let mut list = listed.map_or_else(List::default, List::parse);
    match std::fs::read_to_string(file(zfs)) {
        Ok(text) => list.guids.extend(List::parse(text.trim_end()).guids),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unwritten(zfs, "cannot be read", &error)),
    }
    Ok(list)
}

fn file(zfs: &Zfs<'_>) -> PathBuf {
    Path::new(FILES).join(zfs.service.name.as_str())
}

/// Writes the file of the service anew, whole or not at all.
fn write(zfs: &Zfs<'_>, text: &str) -> Result<()> {
    let file = file(zfs);
    let new = Path::new(FILES).join(format!(".{}.new", zfs.service.name));
    step::at(|| format!("write {}", file.display()));
    let written = DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(FILES)
        .and_then(|()| {
            let mut opened = File::create(&new)?;
            writeln!(opened, "{text}")?;
            opened.sync_all()?;
            std::fs::rename(&new, &file)?;
            File::open(FILES)?.sync_all()
        });
    written.map_err(|error| unwritten(zfs, "cannot be written", &error))
}

fn unwritten(zfs: &Zfs<'_>, what: &str, error: &std::io::Error) -> Error {
    Error::new(
        file(zfs).display().to_string(),
        format!("what was snapshotted of a half-done restore {what} there: {error}"),
        "see that its file system is sound and writable, then start the service again",
    )
    .caused_by(error)
}

/// Those of the dataset's snapshots, or of copies of them, that may be candidates.
pub(super) fn without(zfs: &Zfs<'_>, listed: Vec<Listed>) -> Result<Vec<Snapshot>> {
    let list = known(zfs)?;
    // The transaction groups of another pool are others.
    let in_another_pool = List {
        guids: list.guids.clone(),
        groups: Vec::new(),
    };
    let own = memory::pool_of(zfs.name());
    let is_half_done = |listed: &Listed| {
        let (dataset, _) = listed.snapshot.name.split_once('@').unwrap_or_default();
        if memory::pool_of(dataset) == own {
            list.holds(listed)
        } else {
            in_another_pool.holds(listed)
        }
    };
    Ok(listed
        .into_iter()
        .filter(|listed| !is_half_done(listed))
        .map(|listed| listed.snapshot)
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn taken(guid: u64, created: u64) -> Listed {
        let snapshot = Snapshot {
            name: format!("tank/a@{guid}"),
            taken: "2026-11-23T07:21:00Z".parse().unwrap(),
            bytes: 0,
        };
        Listed {
            snapshot,
            guid,
            created,
        }
    }

    #[test]
    fn what_is_listed_is_told_from_all_others() {
        let list = List::parse("17,txg:100-200,18446744073709551615");
        assert!(list.holds(&taken(17, 1)));
        assert!(list.holds(&taken(u64::MAX, 1)));
        assert!(list.holds(&taken(5, 100)) && list.holds(&taken(5, 200)));
        assert!(!list.holds(&taken(18, 99)) && !list.holds(&taken(18, 201)));
        assert_eq!(List::parse(&list.text()), list);
        assert_eq!(List::parse("-,x,txg:1,,"), List::default());
        assert_eq!(List::default().text(), "");
    }

    #[test]
    fn a_list_fits_into_a_property() {
        let list = List {
            guids: (0..1000).map(|n| u64::MAX - n).collect(),
            groups: vec![(u64::MAX, u64::MAX); 20],
        };
        assert!(list.text().len() < 8192);
    }
}
