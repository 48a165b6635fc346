//! A service's dataset as it was replicated to another pool of this machine.

use declaration::settings::Replica;

use super::snapshots::snapshots_of;
use super::{call, words};
use crate::{Error, ErrorKind, Listed, Result};

/// The snapshots of a replica, newest first; none if its parent is there and has no such child.
///
/// # Errors
/// When it cannot be asked: its pool is not imported, its parent is not there, ….
pub fn snapshots(replica: &Replica) -> Result<Vec<Listed>> {
    if let Some(host) = &replica.host {
        return Err(Error::new(
            format!("replica {}", replica.name),
            format!("it is on {host}, and replicas of other machines cannot be asked yet"),
            format!(
                "receive it into a pool of this machine, and leave `host` out of [replica.{}]",
                replica.name
            ),
        )
        .of_kind(ErrorKind::Unreachable));
    }
    let (dataset, parent) = (replica.dataset.as_str(), replica.parent.as_str());
    if let Some(snapshots) = call::in_its_pool(parent, || snapshots_of(dataset))? {
        return Ok(snapshots);
    }
    // Missing because it was never replicated, or because what should hold it is missing?
    let args = ["list", "-H", "-o", "name", parent];
    let ended = call::try_zfs(&args)?;
    if words::says_missing(&ended) {
        return Err(without_its_parent(replica));
    }
    if !ended.status.success() {
        return Err(call::failed(&args, &ended));
    }
    Ok(Vec::new())
}

/// The error that what should hold a replica is missing.
pub(crate) fn without_its_parent(replica: &Replica) -> Error {
    Error::new(
        replica.parent.as_str(),
        format!("the parent of replica {} does not exist", replica.name),
        format!(
            "create it or correct `parent` in [replica.{}]; a missing parent is not taken for a missing backup",
            replica.name
        ),
    )
    .of_kind(ErrorKind::NoRepository)
}

/// The newest snapshot of each dataset below the replica's parent that is named like the replica and stands elsewhere.
/// Of one without snapshots there is none.
///
/// # Errors
/// When they cannot be listed.
pub fn elsewhere(replica: &Replica) -> Result<Vec<Listed>> {
    let args = [
        "list",
        "-H",
        "-r",
        "-t",
        "filesystem",
        "-o",
        "name",
        replica.parent.as_str(),
    ];
    let listing = call::zfs(&args)?;
    let mut newest = Vec::new();
    for name in listing.lines() {
        let last = name.rsplit('/').next();
        if last != Some(replica.dataset.last()) || name == replica.dataset.as_str() {
            continue;
        }
        // One that is destroyed meanwhile has none.
        let snapshots = snapshots_of(name)?.unwrap_or_default();
        newest.extend(snapshots.into_iter().next());
    }
    Ok(newest)
}
