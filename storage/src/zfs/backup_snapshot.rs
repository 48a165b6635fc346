//! The snapshots that backups are made from, which are gone once they are made.

use jiff::Timestamp;

use super::call;
use crate::{Error, ErrorKind, Result};

/// What their names begin with, after the `@`.
const NAME: &str = "preseed-backup-";

/// The property that they carry: the service.
const PROPERTY: &str = "preseed:backup";

/// Takes a snapshot of each of these datasets, of a service, at the same moment where they are of one pool. Gives the name
/// that all of them have after the `@`, and when they were taken.
pub(crate) fn take(datasets: &[&str], service: &str) -> Result<(String, Timestamp)> {
    let name = format!("{NAME}{}", Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ"));
    let mut pools: Vec<&str> = datasets.iter().map(|dataset| pool(dataset)).collect();
    pools.sort_unstable();
    pools.dedup();
    let mark = format!("{PROPERTY}={service}");
    for of in pools {
        let of_pool = datasets.iter().filter(|dataset| pool(dataset) == of);
        let snapshots: Vec<String> = of_pool.map(|dataset| format!("{dataset}@{name}")).collect();
        let mut args = vec!["snapshot", "-o", &mark];
        args.extend(snapshots.iter().map(String::as_str));
        call::zfs(&args)?;
    }
    let first = format!("{}@{name}", datasets.first().copied().unwrap_or_default());
    let told = call::zfs(&["get", "-H", "-p", "-o", "value", "creation", &first])?;
    let taken = told.trim().parse().ok();
    let taken = taken.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let taken = taken.ok_or_else(|| {
        Error::internal(
            &first,
            format!("`zfs get` told no time: `{}`", told.escape_debug()),
        )
    })?;
    Ok((name, taken))
}

fn pool(dataset: &str) -> &str {
    dataset.split('/').next().unwrap_or(dataset)
}

/// Destroys all snapshots of these datasets that backups were made from. One that somebody needs (it is held, has a clone,
/// or somebody looks into it) stays: it goes later, and keeps no backup from being made. Gives the names of those.
///
/// # Errors
/// When one cannot be destroyed for another reason; the others are.
pub(crate) fn destroy_all(datasets: &[&str]) -> Result<Vec<String>> {
    let mut ended = Ok(());
    let mut left = Vec::new();
    for dataset in datasets {
        for snapshot in of(dataset)? {
            // Never with what depends on it.
            let needed = call::zfs(&[
                "get",
                "-H",
                "-p",
                "-o",
                "value",
                "userrefs,clones",
                &snapshot,
            ])?;
            let mut needed = needed.lines();
            let holds = needed.next().unwrap_or_default();
            let clones = needed.next().unwrap_or_default();
            if holds != "0" || !matches!(clones, "" | "-") {
                left.push(snapshot);
                continue;
            }
            match call::zfs(&["destroy", &snapshot]) {
                Err(error) if error.kind() == ErrorKind::Busy => left.push(snapshot),
                destroyed => ended = ended.and(destroyed.map(drop)),
            }
        }
    }
    ended.map(|()| left)
}

/// Whether a snapshot has the name of one that a backup is made from, and that goes with it.
pub(crate) fn is_named(snapshot: &str) -> bool {
    let name = snapshot.split_once('@').map(|(_, name)| name);
    name.is_some_and(|name| name.starts_with(NAME))
}

/// The snapshots of a dataset that backups were made from. What only has such a name is somebody else's.
fn of(dataset: &str) -> Result<Vec<String>> {
    let args = [
        "list", "-H", "-t", "snapshot", "-d", "1", "-o", "name", dataset,
    ];
    let listed = call::zfs(&args)?;
    let named = listed.lines().filter(|snapshot| is_named(snapshot));
    let mut ours = Vec::new();
    for snapshot in named {
        let args = ["get", "-H", "-o", "source,value", PROPERTY, snapshot];
        if call::zfs(&args)?.starts_with("local\t") {
            ours.push(snapshot.to_owned());
        }
    }
    Ok(ours)
}
