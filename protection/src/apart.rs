//! Backups that may lack files: until one is filed apart, under a tag of its own, it is noted, and no restore of this machine
//! takes it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use declaration::settings::Backup;
use jiff::Timestamp;
use restore::source::restic as repository;
use restore::source::restic::call::Call;
use restore::source::restic::doubtful;
use restore::source::restic::snapshot_entry::{INCOMPLETE, SnapshotEntry, is_apart};
use storage::{Error, Result};

use crate::{record, work};

/// Notes that a backup of a service is about to be made of its data as it was at `taken`: until it is known how that ended, it
/// counts as one that lacks files. One of the same `paths` (absolute) that was begun before and not ended is noted by its id.
///
/// # Errors
/// When that cannot be noted, or the repository not be asked.
pub(crate) fn begin(
    call: &Call<'_>,
    service: &str,
    backup: &Backup,
    paths: &[&Path],
    taken: Timestamp,
) -> Result<()> {
    let repository = &backup.repository;
    let before = record::read(service)?.doubtful_in(repository).begun;
    let found = match before {
        Some(_) => snapshots_of(call, backup)?,
        None => Vec::new(),
    };
    let ids = cut_off(&found, before, paths, &backup.tags);
    record::update(service, |record| {
        let doubtful = record.doubtful_in_mut(repository);
        doubtful.unfiled.extend(ids);
        doubtful.begun = Some(taken);
    })
}

/// The ids of those that a backup of these paths and tags has made which was `begun` and did not end. Another service's may be
/// of the same second, and may have all of these tags.
fn cut_off(
    found: &[SnapshotEntry],
    begun: Option<Timestamp>,
    paths: &[&Path],
    tags: &[impl AsRef<str>],
) -> Vec<String> {
    let own: BTreeSet<&Path> = paths.iter().copied().collect();
    let is_of_it = |told: &&SnapshotEntry| {
        let of = told.paths.iter().map(Path::new);
        let has = |tag: &str| told.tags.iter().any(|own| own == tag);
        doubtful::is_of(begun, told)
            && of.collect::<BTreeSet<_>>() == own
            && tags.iter().all(|tag| has(tag.as_ref()))
    };
    let of_it = found.iter().filter(is_of_it);
    of_it.map(|told| told.id.clone()).collect()
}

/// Notes that the backup that was begun has all files, or was filed apart from the start.
///
/// # Errors
/// When that cannot be noted.
pub(crate) fn is_complete(service: &str, backup: &Backup) -> Result<()> {
    record::update(service, |record| {
        record.doubtful_in_mut(&backup.repository).begun = None;
    })
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
        let doubtful = record.doubtful_in_mut(&backup.repository);
        doubtful.unfiled.insert(id.to_owned());
        doubtful.begun = None;
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
    for id in record::read(service)?
        .doubtful_in(&backup.repository)
        .unfiled
    {
        ended = ended.and(file(call, service, (backup, &id), stall_timeout));
    }
    ended
}

fn file(
    call: &Call<'_>,
    service: &str,
    (backup, id): (&Backup, &str),
    stall_timeout: Duration,
) -> Result<()> {
    tag(call, (backup, id), stall_timeout).map_err(|error| {
        let subject = format!("the backup {id}, which may lack files");
        error.while_doing(&subject).with_help(
            "the next backup files it apart; until then, no restore of this machine takes it",
        )
    })?;
    record::update(service, |record| {
        record
            .doubtful_in_mut(&backup.repository)
            .unfiled
            .remove(id)
    })
    .map(drop)
}

/// Gives a backup the tag of what may lack files, if it is there under tags of its own. restic saves a copy with the new tags
/// and removes the first; it ends with 0 also where it may not remove anything.
///
/// # Errors
/// When it is still there under its own tags, or when that cannot be told.
fn tag(call: &Call<'_>, (backup, id): (&Backup, &str), stall_timeout: Duration) -> Result<()> {
    let found = listed(call, &[])?;
    if !counts_as_whole(&found, id, &backup.tags) {
        return Ok(());
    }
    let args: &[&str] = if has_copy_apart(&found, id, &backup.tags) {
        // Another copy each time would fill the repository.
        &["forget", id]
    } else {
        &["tag", "--set", INCOMPLETE, id]
    };
    work::run(call, args, stall_timeout).map_err(|failure| failure.error)?;
    if counts_as_whole(&listed(call, &[])?, id, &backup.tags) {
        return Err(Error::new(
            call.subject(),
            format!(
                "`restic {}` ended with success and did not remove it under its own tags",
                args[0]
            ),
            "see that this machine may delete there, or declare `append-only` of the repository",
        ));
    }
    Ok(())
}

/// Whether a copy of the backup with this id is among these, filed apart.
fn has_copy_apart(found: &[SnapshotEntry], id: &str, declared: &[impl AsRef<str>]) -> bool {
    found.iter().any(|told| {
        let original = told.original.as_deref().unwrap_or_default();
        original.starts_with(id) && is_apart(&told.tags, declared)
    })
}

/// Whether the backup with this id is among these under tags of its own.
fn counts_as_whole(found: &[SnapshotEntry], id: &str, declared: &[impl AsRef<str>]) -> bool {
    let is_it = |told: &&SnapshotEntry| !id.is_empty() && told.id.starts_with(id);
    found
        .iter()
        .filter(is_it)
        .any(|told| !is_apart(&told.tags, declared))
}

/// All snapshots of the host that a backup is filed under.
fn snapshots_of(call: &Call<'_>, backup: &Backup) -> Result<Vec<SnapshotEntry>> {
    let of_host = format!("--host={}", repository::host(backup)?);
    listed(call, &[&of_host])
}

/// The snapshots of a repository that these options of `restic snapshots` select; without any, all. An id is looked for among
/// all: the host may be declared otherwise since.
fn listed(call: &Call<'_>, which: &[&str]) -> Result<Vec<SnapshotEntry>> {
    let args = [&["snapshots", "--json"], which].concat();
    let told = call.ask(&args).map_err(|failure| failure.error)?;
    // One that could not be read may be the one.
    if let Some(unread) = call.unread(&told) {
        return Err(unread);
    }
    serde_json::from_str(&told.stdout).map_err(|error| call.unreadable("snapshots", &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_restic_left_under_its_own_tags_still_counts_as_whole() {
        let told = r#"[
            {"id": "0a1b2c", "time": "2026-11-27T02:00:00Z", "paths": ["/srv/a"], "hostname": "h", "tags": ["a"]},
            {"id": "3d4e5f", "time": "2026-11-27T02:00:00Z", "paths": ["/srv/a"], "hostname": "h", "tags": ["preseed-incomplete"]}
        ]"#;
        let mut found: Vec<SnapshotEntry> = serde_json::from_str(told).unwrap();
        let whole = ["0a1b", "3d4e5f", "777", ""].map(|id| counts_as_whole(&found, id, &["a"]));
        assert_eq!(whole, [true, false, false, false]);
        assert!(!has_copy_apart(&found, "0a1b", &["a"]));
        found[1].original = Some("0a1b2c".to_owned());
        assert!(has_copy_apart(&found, "0a1b", &["a"]));
    }

    #[test]
    fn another_services_backup_of_the_same_second_is_not_the_one_that_was_cut_off() {
        let told = r#"[
            {"id": "own", "time": "2026-11-27T02:00:00.4Z", "paths": ["/srv/a/media", "/srv/a"], "hostname": "h"},
            {"id": "part", "time": "2026-11-27T02:00:00Z", "paths": ["/srv/a"], "hostname": "h"},
            {"id": "other", "time": "2026-11-27T02:00:00Z", "paths": ["/srv/b"], "hostname": "h", "tags": ["media"]},
            {"id": "later", "time": "2026-11-27T02:00:01Z", "paths": ["/srv/a", "/srv/a/media"], "hostname": "h"}
        ]"#;
        let found: Vec<SnapshotEntry> = serde_json::from_str(told).unwrap();
        let begun = Some("2026-11-27T02:00:00.9Z".parse().unwrap());
        let paths = [Path::new("/srv/a"), Path::new("/srv/a/media")];
        let none: [&str; 0] = [];
        assert_eq!(cut_off(&found, begun, &paths, &none), ["own"]);
        assert!(cut_off(&found, begun, &paths, &["media"]).is_empty());
        assert!(cut_off(&found, None, &paths, &none).is_empty());
        assert_eq!(
            cut_off(&found, begun, &[Path::new("/srv/b")], &["media"]),
            ["other"]
        );
    }
}
