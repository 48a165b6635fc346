//! Whether ZFS allows the names that a restore needs, asked before anything is changed: what is replaced gets a longer one,
//! and so does each snapshot of it.

use super::dataset::Zfs;
use super::snapshots::snapshots_of;
use crate::kept::{self, Note};
use crate::mark::{Mark, Stage};
use crate::{Error, Result, Snapshot};

/// How many bytes a name may have, a snapshot's with that of its dataset (`ZFS_MAX_DATASET_NAME_LEN`).
const LONGEST: usize = 255;

/// The name under which `dataset` is kept: the most telling one for which there is room.
///
/// # Errors
/// When ZFS would not allow any.
pub(super) fn kept(zfs: &Zfs<'_>, dataset: &str, note: &Note) -> Result<String> {
    let snapshots = if dataset == zfs.name() {
        // One that is taken from now on makes ZFS refuse the rename.
        zfs.listed()?
    } else {
        snapshots_of(dataset)?
    };
    let snapshots = snapshots.unwrap_or_default();
    let longest = snapshots
        .iter()
        .filter_map(|listed| listed.snapshot.name.split_once('@'))
        .map(|(_, short)| short)
        .max_by_key(|short| short.len());
    let taken = longest.map_or(0, |short| 1 + short.len());
    let mut shortest = 0;
    for name in names(zfs, note) {
        if name.len() + taken <= LONGEST {
            return Ok(name);
        }
        shortest = name.len();
    }
    Err(too_long(zfs, dataset, shortest, longest))
}

/// The names that what is replaced may get, the shortest last.
fn names(zfs: &Zfs<'_>, note: &Note) -> [String; 3] {
    kept::names(zfs.leaf(), note).map(|name| zfs.beside(&name))
}

/// How long the shortest of them is.
fn shortest(zfs: &Zfs<'_>) -> usize {
    let [.., shortest] = names(zfs, &some_note());
    shortest.len()
}

/// That `dataset`, which is to be replaced, can be kept under a name.
///
/// # Errors
/// When ZFS would not allow it.
pub(super) fn must_fit(zfs: &Zfs<'_>, dataset: &str) -> Result<()> {
    kept(zfs, dataset, &some_note()).map(drop)
}

/// The same for a snapshot that is received: it is staged, and may be kept unused.
///
/// # Errors
/// When ZFS would not allow it.
pub(super) fn must_fit_received(zfs: &Zfs<'_>, snapshot: &Snapshot) -> Result<()> {
    let shortest = shortest(zfs);
    let (dataset, name) = snapshot.name.split_once('@').unwrap_or_default();
    if shortest + 1 + name.len() <= LONGEST {
        return Ok(());
    }
    Err(too_long(zfs, dataset, shortest, Some(name)))
}

/// That a new dataset of the service's name could be restored at all, one day.
///
/// # Errors
/// When its name is too long for that.
pub(super) fn must_leave_room(zfs: &Zfs<'_>) -> Result<()> {
    let length = shortest(zfs);
    if length + "@x".len() <= LONGEST {
        return Ok(());
    }
    Err(too_long(zfs, zfs.name(), length, None))
}

/// One with a name as long as any.
fn some_note() -> Note {
    Note::new(kept::UNUSED, &Mark::new(Stage::Staged, "", ""))
}

/// `dataset` has the snapshot; the service's own may have another name.
fn too_long(zfs: &Zfs<'_>, dataset: &str, kept: usize, snapshot: Option<&str>) -> Error {
    let needed = kept + snapshot.map_or(0, |snapshot| 1 + snapshot.len());
    let what = match snapshot {
        Some(snapshot) => format!(
            "a restore keeps what it replaces under a longer name: with that, its snapshot @{snapshot} would have a name of \
             {needed} bytes, and ZFS allows {LONGEST}"
        ),
        None => format!(
            "its name is too long: a restore keeps what it replaces under a longer one, of {needed} bytes, and ZFS allows {LONGEST}"
        ),
    };
    let rename = format!(
        "declare a shorter `name` in [dataset] and `zfs rename {}` to it",
        zfs.name()
    );
    let help = match (snapshot, LONGEST.checked_sub(kept + 1)) {
        (Some(snapshot), Some(room)) if room > 0 => format!(
            "give the snapshot a name of at most {room} bytes with `zfs rename {dataset}@{snapshot} …`, or {rename}"
        ),
        _ => rename,
    };
    Error::new(
        dataset,
        what,
        format!("{help}; then start the service again"),
    )
}
