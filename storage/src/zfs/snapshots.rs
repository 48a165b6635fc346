//! The snapshots of a dataset, as `zfs list` tells them.

use jiff::Timestamp;

use super::{call, words};
use crate::{Error, Listed, Result, Snapshot};

/// The snapshots of exactly this dataset, newest first; `None` if the dataset does not exist.
///
/// That is no answer about its pool: see [`call::in_its_pool`].
pub(super) fn snapshots_of(dataset: &str) -> Result<Option<Vec<Listed>>> {
    let args = [
        "list",
        "-H",
        "-p",
        "-t",
        "snapshot",
        "-d",
        "1",
        "-o",
        "createtxg,guid,creation,referenced,name",
        dataset,
    ];
    let ended = call::try_zfs(&args)?;
    if words::says_missing(&ended) {
        return Ok(None);
    }
    if !ended.status.success() {
        return Err(call::failed(&args, &ended));
    }
    snapshots_in(&ended.stdout, dataset).map(Some)
}

/// The snapshots in the output of `zfs list -H -p -o createtxg,guid,creation,referenced,name`, newest first.
pub(crate) fn snapshots_in(listing: &str, dataset: &str) -> Result<Vec<Listed>> {
    let mut snapshots = Vec::new();
    for line in listing.lines() {
        let unreadable = || {
            Error::internal(
                dataset,
                format!(
                    "`zfs list` printed a line that cannot be read: `{}`",
                    line.escape_debug()
                ),
            )
        };
        let mut columns = line.splitn(5, '\t');
        let mut number = || {
            columns
                .next()
                .and_then(|column| column.parse::<u64>().ok())
                .ok_or_else(unreadable)
        };
        let (created, guid, seconds, bytes) = (number()?, number()?, number()?, number()?);
        let name = columns.next().ok_or_else(unreadable)?.to_owned();
        let taken = i64::try_from(seconds)
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
            .ok_or_else(unreadable)?;
        snapshots.push(Listed {
            guid,
            created,
            snapshot: Snapshot { name, taken, bytes },
        });
    }
    // By transaction group: two snapshots of one second have an order, and clocks may jump.
    snapshots.sort_by_key(|listed| std::cmp::Reverse(listed.created));
    Ok(snapshots)
}
