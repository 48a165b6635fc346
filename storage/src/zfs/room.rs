//! How much a drill may take of a pool.

use super::call;
use super::dataset::Zfs;
use crate::{Error, Result, room};

/// The bytes that may be written beside the service's dataset, so that a fifth of its pool is left free.
pub(super) fn beside(zfs: &Zfs<'_>) -> Result<u64> {
    let name = zfs.name();
    let pool = name.split('/').next().unwrap_or(name);
    let parent = name.rsplit_once('/').map_or(name, |(parent, _)| parent);
    let [used, free] = numbers(pool)?;
    let [_, here] = numbers(parent)?;
    Ok(here.min(room::of(used.saturating_add(free), free)))
}

/// What a dataset uses, and what is available to it.
fn numbers(dataset: &str) -> Result<[u64; 2]> {
    let told = call::zfs(&["get", "-H", "-p", "-o", "value", "used,available", dataset])?;
    let numbers: Vec<u64> = told.lines().filter_map(|line| line.parse().ok()).collect();
    numbers
        .try_into()
        .map_err(|_| Error::internal(dataset, "`zfs get used,available` told no numbers"))
}
