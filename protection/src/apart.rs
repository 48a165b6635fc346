//! Backups that may lack files: until one is filed apart, under a tag of its own, it is noted, and no restore of this machine
//! takes it.

use std::time::Duration;

use declaration::settings::Backup;
use jiff::Timestamp;
use restore::source::restic as repository;
use restore::source::restic::call::Call;
use restore::source::restic::doubtful;
use restore::source::restic::snapshot_entry::{INCOMPLETE, SnapshotEntry};
use storage::Result;

use crate::{record, work};

/// Notes that a backup of a service is about to be made of its data as it was at `taken`: until it is known how that ended, it
/// counts as one that lacks files. One that was begun before and not ended is noted by its id.
///
/// # Errors
/// When that cannot be noted, or the repository not be asked.
pub(crate) fn begin(
    call: &Call<'_>,
    service: &str,
    backup: &Backup,
    taken: Timestamp,
) -> Result<()> {
    let before = record::read(service)?.begun;
    let found = match before {
        Some(_) => snapshots_of(call, backup)?,
        None => Vec::new(),
    };
    let of_it = found.iter().filter(|told| {
        doubtful::is_of(before, told) && backup.tags.iter().all(|tag| told.tags.contains(tag))
    });
    let ids: Vec<String> = of_it.map(|told| told.id.clone()).collect();
    record::update(service, |record| {
        record.unfiled.extend(ids);
        record.begun = Some(taken);
    })
}

/// Notes that the backup that was begun has all files, or was filed apart from the start.
///
/// # Errors
/// When that cannot be noted.
pub(crate) fn is_complete(service: &str) -> Result<()> {
    record::update(service, |record| record.begun = None)
}

/// Files a backup of a service apart that lacks files. Should this be interrupted, [`rest`] does it.
///
/// # Errors
/// When it cannot be done yet.
pub(crate) fn incomplete(
    call: &Call<'_>,
    service: &str,
    id: &str,
    backup: &Backup,
    stall_timeout: Duration,
) -> Result<()> {
    record::update(service, |record| {
        record.unfiled.insert(id.to_owned());
        record.begun = None;
    })?;
    rest(call, service, backup, stall_timeout)
}

/// Files apart what an earlier run should have and could not. Where this machine may only add to the repository, it stays noted.
///
/// # Errors
/// When one cannot be; the others are.
pub(crate) fn rest(
    call: &Call<'_>,
    service: &str,
    backup: &Backup,
    stall_timeout: Duration,
) -> Result<()> {
    let mut ended = Ok(());
    if backup.repository.append_only {
        return ended;
    }
    for id in record::read(service)?.unfiled {
        ended = ended.and(file(call, service, &id, stall_timeout));
    }
    ended
}

fn file(call: &Call<'_>, service: &str, id: &str, stall_timeout: Duration) -> Result<()> {
    let args = ["tag", "--set", INCOMPLETE, id];
    work::run(call, &args, stall_timeout).map_err(|failure| {
        let subject = format!("the backup {id}, which may lack files");
        let what = failure.error.while_doing(&subject);
        what.with_help(
            "the next backup files it apart; until then, no restore of this machine takes it",
        )
    })?;
    record::update(service, |record| record.unfiled.remove(id)).map(drop)
}

/// All snapshots of the host that a backup is filed under.
fn snapshots_of(call: &Call<'_>, backup: &Backup) -> Result<Vec<SnapshotEntry>> {
    let of_host = format!("--host={}", repository::host(backup)?);
    let told = call
        .ask(&["snapshots", "--json", &of_host])
        .map_err(|failure| failure.error)?;
    serde_json::from_str(&told.stdout).map_err(|error| call.unreadable("snapshots", &error))
}
