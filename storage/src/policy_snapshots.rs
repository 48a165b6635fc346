//! Snapshots that a policy takes, and the hold on the last good one.

use std::collections::BTreeSet;

use declaration::settings::Service;

use crate::frozen::{Extent, Seen, counted, expected_in};
use crate::zfs::{backup_snapshot, call, inspect};
use crate::{Contents, Error, Result};

/// The tag of our holds (zfs-hold(8)).
const TAG: &str = "preseed:good";

/// Whether a snapshot is one that a backup is made from, and that goes with it.
#[must_use]
pub fn is_of_a_backup(snapshot: &str) -> bool {
    backup_snapshot::is_named(snapshot)
}

/// Takes all of these snapshots, of different datasets of one pool: at the same moment, or none.
///
/// # Errors
/// When one cannot be taken. Then none is.
pub fn take(snapshots: &[&str]) -> Result<()> {
    call::zfs(&[&["snapshot"], snapshots].concat()).map(drop)
}

/// Has nothing destroy a snapshot before [`release`].
///
/// # Errors
/// When it cannot be held.
pub fn hold(snapshot: &str) -> Result<()> {
    if held_among(&[snapshot])?.contains(snapshot) {
        return Ok(());
    }
    call::zfs(&["hold", TAG, snapshot]).map(drop)
}

/// Ends our hold on a snapshot. Holds of others stay.
///
/// # Errors
/// When it cannot be ended.
pub fn release(snapshot: &str) -> Result<()> {
    call::zfs(&["release", TAG, snapshot]).map(drop)
}

/// The snapshots of a dataset that we hold.
///
/// # Errors
/// When they cannot be listed.
pub fn held(dataset: &str) -> Result<Vec<String>> {
    let args = [
        "list",
        "-H",
        "-p",
        "-t",
        "snapshot",
        "-d",
        "1",
        "-o",
        "userrefs,name",
        dataset,
    ];
    let listed = call::zfs(&args)?;
    let somebodys = listed.lines().filter_map(|line| line.split_once('\t'));
    let somebodys = somebodys.filter(|(count, _)| *count != "0");
    let somebodys: Vec<&str> = somebodys.map(|(_, name)| name).collect();
    if somebodys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(held_among(&somebodys)?.into_iter().collect())
}

fn held_among(snapshots: &[&str]) -> Result<BTreeSet<String>> {
    let listed = call::zfs(&[&["holds", "-H"], snapshots].concat())?;
    let lines = listed.lines().filter_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let (name, tag) = (columns.next()?, columns.next()?);
        (tag == TAG).then(|| name.to_owned())
    });
    Ok(lines.collect())
}

/// Looks into a snapshot of a service's dataset.
///
/// # Errors
/// When it cannot be looked into.
pub fn look_into(service: &Service, snapshot: &str) -> Result<Seen> {
    inspect::mounted(snapshot, |place| {
        let (entries, bytes) = counted(place).map_err(|error| {
            Error::new(
                snapshot,
                format!("its size cannot be told: {error}"),
                "see `zpool status`",
            )
        })?;
        Ok(Seen {
            contents: Contents::of_copy(place, service)?,
            extent: Extent {
                entries,
                bytes,
                expected: expected_in(place, service),
            },
        })
    })
}
