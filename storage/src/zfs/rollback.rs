//! Rolls a dataset back in its place: what is looked at is what is rolled back, and nobody writes in between.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::dataset::Zfs;
use super::promote::mark_dataset;
use super::properties::gone;
use super::quotas::{self, Quotas};
use super::{call, inspect, shut};
use crate::mark::{PROPERTY, Stage};
use crate::{
    Contents, Error, ErrorKind, InPlace, Mark, MarkState, NotRolledBack, Result, Snapshot,
    Snapshots, contents, mountinfo, mountpoint, nested, shown,
};

/// See [`crate::Snapshots::rollback`].
pub(super) fn rollback(
    zfs: &Zfs<'_>,
    snapshot: &Snapshot,
    mark: &Mark,
) -> std::result::Result<(), NotRolledBack> {
    if !zfs.owns(snapshot) {
        // `zfs rollback` would roll that one back.
        return Err(NotRolledBack::Refused(Error::new(
            zfs.name(),
            format!("{} is a snapshot of another dataset", snapshot.name),
            "the tier `snapshot` restores without a rollback",
        )));
    }
    let before = zfs
        .seen()
        .and_then(|seen| seen.dataset.ok_or_else(|| gone(zfs.name())))
        .map_err(NotRolledBack::Storage)?;
    let quotas = quotas::wanted(&before).map_err(NotRolledBack::Storage)?;
    let shut = shut::shut(zfs)?;
    let rolled_back = while_shut(zfs, snapshot, mark, &before.mark(), &quotas);
    // Whatever came of it: nothing stays read-only.
    match (rolled_back, shut.open()) {
        (Ok(()), Ok(())) => {}
        (Err(error), Ok(())) => return Err(error),
        (Ok(()), Err(error)) => return Err(NotRolledBack::Storage(error)),
        (Err(NotRolledBack::Storage(error) | NotRolledBack::Refused(error)), Err(also)) => {
            let attempt = format!("after a rollback that did not happen ({})", error.fault());
            return Err(NotRolledBack::Storage(also.while_doing(&attempt)));
        }
    }
    finish(zfs, snapshot, mark, &quotas).map_err(NotRolledBack::Storage)
}

/// Looks, and rolls back. If that is refused, the mark is as it was `before`.
fn while_shut(
    zfs: &Zfs<'_>,
    snapshot: &Snapshot,
    mark: &Mark,
    before: &MarkState,
    quotas: &Quotas,
) -> std::result::Result<(), NotRolledBack> {
    must_lose_nothing(zfs).map_err(NotRolledBack::Storage)?;
    // A rollback takes them back as well.
    quotas.note_on(zfs.name()).map_err(NotRolledBack::Refused)?;
    zfs.set_mark(&mark.at_stage(Stage::Seeding))
        .map_err(NotRolledBack::Storage)?;
    // Never with -r, -R or -f: `zfs rollback` itself then refuses if anything newer would be lost.
    let Err(error) = call::zfs(&["rollback", &snapshot.name]) else {
        return Ok(());
    };
    // Nothing changed but the mark: what is written from now on must not pass for this restore's.
    put_mark_back(zfs, before)
        .and_then(|()| quotas::forget_on(zfs.name()))
        .map_err(NotRolledBack::Storage)?;
    Err(NotRolledBack::Refused(error.with_help(
        "see what is newer than it with `zfs list -t snapshot,bookmark`; \
         the tier `snapshot` restores without a rollback",
    )))
}

/// See [`crate::Snapshots::put_mark_back`].
pub(super) fn put_mark_back(zfs: &Zfs<'_>, before: &MarkState) -> Result<()> {
    match before {
        // Its quotas are as they were.
        MarkState::Ours(mark) => {
            let now = zfs.seen()?.dataset.ok_or_else(|| gone(zfs.name()))?;
            mark_dataset(zfs, &now, mark)
        }
        MarkState::None | MarkState::Foreign(_) => {
            call::zfs(&["inherit", PROPERTY, zfs.name()]).map(drop)
        }
    }
}

/// That the dataset holds nothing that a rollback would destroy: seen from its own root, whatever is mounted where.
fn must_lose_nothing(zfs: &Zfs<'_>) -> Result<()> {
    let place = &zfs.service.mountpoint;
    let mounted_on: BTreeSet<OsString> = mountinfo::all_below(place)?
        .iter()
        .filter(|point| point.parent() == Some(place))
        .filter_map(|point| point.file_name().map(ToOwned::to_owned))
        .collect();
    let service = zfs.service;
    let lost = inspect::mounted(zfs.name(), |root| {
        let unreadable = |error| unreadable(root, &error);
        let ways = nested::ways(root, service).map_err(unreadable)?;
        would_be_lost(root, &mounted_on, &ways.bare)
    })?;
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        zfs.name(),
        format!(
            "a rollback would destroy what lies there: {}",
            contents::named(&lost)
        ),
        format!(
            "look into {}; if it is worth nothing, remove it, then start the service again: it is decided anew",
            shown(place)
        ),
    ).of_kind(ErrorKind::InTheWay))
}

/// The entries of a dataset's root but those that only something else is mounted on,
/// and those that only lead to other parts of the service.
fn would_be_lost(
    root: &Path,
    mounted_on: &BTreeSet<OsString>,
    ways: &[OsString],
) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for entry in std::fs::read_dir(root).map_err(|error| unreadable(root, &error))? {
        let entry = entry.map_err(|error| unreadable(root, &error))?;
        let name = entry.file_name();
        if name == ".zfs" || ways.contains(&name) {
            continue;
        }
        let path = entry.path();
        if mounted_on.contains(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let mut below = std::fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
            if below.next().is_none() {
                continue;
            }
        }
        lost.push(name);
    }
    Ok(Contents::names(lost.iter().map(OsString::as_os_str)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        shown(path),
        format!("cannot be looked at: {error}"),
        "see that its pool is healthy with `zpool status`, then start the service again",
    )
    .caused_by(error)
}

/// Quotas, owner, mode and final mark, once the data is seen to be there.
fn finish(zfs: &Zfs<'_>, snapshot: &Snapshot, mark: &Mark, quotas: &Quotas) -> Result<()> {
    let place = &zfs.service.mountpoint;
    quotas.set_on(zfs.name())?;
    // The directory itself is now as it was then.
    mountpoint::own(place, zfs.service, &mut Vec::new())?;
    crate::give_contents_in_place(zfs.service)?;
    if let Some(lacks) = zfs.observe()?.contents.lacks() {
        return Err(Error::new(
            shown(place),
            format!("after the rollback to {} {lacks}", snapshot.name),
            "see what lies there and who writes to it, then start the service again",
        )
        .of_kind(ErrorKind::PartlyThere));
    }
    let now = zfs.seen()?.dataset.ok_or_else(|| gone(zfs.name()))?;
    mark_dataset(zfs, &now, &mark.at_stage(Stage::Seeded))?;
    quotas::forget_on(zfs.name())
}
