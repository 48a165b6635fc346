//! The declared checks of snapshots: each is run on a clone that is thrown away, as by a restore.

use std::time::Duration;

use declaration::settings::Service;
use report::status;
use restore::failure::Failure;
use restore::verify::turn::{self, Turn};
use restore::verify::{must_be_possible, verify_in};
use storage::frozen::Frozen;
use storage::{Error, Origin, Result, Snapshot, as_found, lock};

/// For how long a backup waits until its checks can be begun: those of another service may last much longer, and a backup that
/// is not counted as good is better than none.
const TURN: Duration = Duration::from_mins(30);

/// What the checks say of a backup's data.
#[derive(Debug)]
pub(crate) enum Checked {
    /// It passes them, or none are declared.
    Sound,
    /// It does not pass one: the backup is filed apart.
    Unsound(Error),
    /// They could not be finished: that says nothing of the data.
    Untold(Error),
}

impl Checked {
    /// What the owner is to know of it, to be appended.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Sound => String::new(),
            Self::Unsound(why) => format!("; it does not pass its checks: {why}"),
            Self::Untold(why) => {
                format!("; it is not counted as good, as its checks could not be finished: {why}")
            }
        }
    }
}

/// Runs the checks of each part on the snapshot that a backup is made from. A directory has none: its drills check what is
/// restored of it. One part that does not pass decides for all.
pub(crate) fn of_backup(service: &Service, frozen: &Frozen<'_>) -> Checked {
    let parts = service.parts().filter(|part| part.is_restored());
    let mut untold = None;
    for part in parts.filter(|part| !part.verify.is_empty()) {
        let Some(snapshot) = frozen.snapshot_of(part) else {
            continue;
        };
        match of_part(part, &snapshot) {
            Ok(Ok(())) => {}
            Ok(Err(Failure::Snapshot(why))) => return Checked::Unsound(why),
            Ok(Err(
                Failure::Source(error) | Failure::Unavailable(error) | Failure::Storage(error),
            ))
            | Err(error) => {
                untold.get_or_insert(error);
            }
        }
    }
    untold.map_or(Checked::Sound, Checked::Untold)
}

fn of_part(part: &Service, snapshot: &Snapshot) -> Result<std::result::Result<(), Failure>> {
    // The service runs meanwhile, and waits for nothing.
    let _lock = lock::lock_for_a_drill(part, |holder| {
        status::say(&format!("waiting: a drill of it is at work ({holder})"));
    })?;
    let turn = turn::take_for_a_drill(part, Some(TURN))?;
    let part = as_found::whole(part)?;
    on_a_clone(&part, snapshot, turn)
}

/// Which checks are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// All, however long they take. Those of other services are waited for.
    Run,
    /// None.
    LeftOut,
}

/// Runs the declared checks on a clone of a snapshot of a service, as its storage is found. `None`: they are left out, or a
/// drill is at work.
///
/// # Errors
/// When there can be no clone, or it cannot be thrown away.
pub(crate) fn of_snapshot(
    service: &Service,
    snapshot: &Snapshot,
    checks: Checks,
) -> Result<Option<std::result::Result<(), Failure>>> {
    if service.verify.is_empty() {
        return Ok(Some(Ok(())));
    }
    if checks == Checks::LeftOut {
        return Ok(None);
    }
    let turn = turn::take_for_a_drill(service, None)?;
    let Some(_lock) = lock::try_lock_for_a_drill(service)? else {
        return Ok(None);
    };
    on_a_clone(service, snapshot, turn).map(Some)
}

fn on_a_clone(
    service: &Service,
    snapshot: &Snapshot,
    turn: Turn,
) -> Result<std::result::Result<(), Failure>> {
    must_be_possible(service)?;
    // Beside what restores stage: a complete copy may wait there to be put in its place.
    let storage = storage::open_for_a_drill(service);
    let staged = storage.stage(&Origin::Clone(snapshot), &mut |_, _| {})?;
    let verified = verify_in(turn, service, storage.as_ref(), &staged, &snapshot.name);
    match (verified, storage.discard(&staged)) {
        // That the data is bad is known, whatever becomes of the clone: the next check throws that away.
        (Err(Failure::Snapshot(why)), _) => Ok(Err(Failure::Snapshot(why))),
        (verified, discarded) => discarded.map(|()| verified),
    }
}
