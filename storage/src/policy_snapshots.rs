//! Snapshots that a policy takes, and the hold on the last good one.

use declaration::settings::Service;

use crate::extent::{Extent, counted, expected_in};
use crate::frozen::Seen;
use crate::zfs::{backup_snapshot, call, inspect};
use crate::{Contents, Error, Result};

pub use crate::zfs::holds::{
    held, held_of_all, hold, holders, is_ours, needed_by_what_is_kept, release,
};

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
                expected: expected_in(place, service)?,
                ..Extent::default()
            },
        })
    })
}
