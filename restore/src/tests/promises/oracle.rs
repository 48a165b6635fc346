//! What is to come of a case, told without asking: from what the case is, not from how a restore goes about it.

use super::cases::Case;
use crate::tests::fakes::source::{Filed, Script};
use crate::tests::fakes::{EXPECTED, How, SKELETON, Snap};

/// How many damaged snapshots of one source are tried.
const MOST: usize = 3;

/// What the sources know of the service's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// All were reached, and none has any.
    Nothing,
    /// One could not be asked.
    Unknown,
    /// One has what is, or may be, the data.
    Seen,
}

fn holds_data(snap: &Snap) -> bool {
    snap.files.contains_key(EXPECTED)
}

/// Of a snapshot, once it can be looked into.
fn seen_in(snap: &Snap, case: &Case) -> Evidence {
    let now = case.disk.dataset.as_ref().map(|dataset| &dataset.files);
    let is_skeleton =
        |name: &String| name == SKELETON && now.is_some_and(|files| files.contains_key(name));
    if snap.files.is_empty() || snap.files.keys().all(is_skeleton) {
        Evidence::Nothing
    } else {
        Evidence::Seen
    }
}

/// The most that any source has. A look that fails leaves unknown what is older.
pub(super) fn evidence(case: &Case) -> Evidence {
    let local = seen_until(&case.disk.snapshots, case, |snap| snap.look != How::Well);
    let elsewhere = case.scripts.iter().map(|script| evidence_of(script, case));
    elsewhere.fold(local, Evidence::max)
}

fn evidence_of(script: &Script, case: &Case) -> Evidence {
    if !script.answers {
        return Evidence::Unknown;
    }
    let filed = match script.elsewhere {
        Filed::Nothing => Evidence::Nothing,
        Filed::Unknown => Evidence::Unknown,
        Filed::Doubt => Evidence::Seen,
    };
    let cut = usize::from(script.is_cut_short);
    let listed = &script.snapshots[..script.snapshots.len().saturating_sub(cut)];
    let own = seen_until(listed, case, |snap| snap.look.is_no_fault_of_the_snapshot());
    let damaged = listed.iter().any(|snap| snap.look == How::Damaged);
    if script.is_cut_short && own == Evidence::Nothing {
        Evidence::Unknown
    } else if own != Evidence::Nothing {
        own
    } else if damaged {
        Evidence::Seen
    } else {
        filed
    }
}

fn seen_until(snaps: &[Snap], case: &Case, ends: impl Fn(&Snap) -> bool) -> Evidence {
    let end = snaps.iter().position(ends);
    let looked = &snaps[..end.unwrap_or(snaps.len())];
    let seen = looked.iter().filter(|snap| snap.look == How::Well);
    let seen = seen.map(|snap| seen_in(snap, case)).max();
    let unknown = if end.is_some() {
        Evidence::Unknown
    } else {
        Evidence::Nothing
    };
    seen.map_or(unknown, |seen| seen.max(unknown))
}

/// The snapshot that is to be restored, if any: of each source the newest that holds the data, unless a newer one of it
/// could only not be had for the moment; of the first such source, or the newest of all.
pub(super) fn winner(case: &Case) -> Option<Snap> {
    let local = best_of(&case.disk.snapshots, case, |how| how == How::Well);
    let elsewhere = case
        .scripts
        .iter()
        .filter(|script| script.answers)
        .map(|script| {
            let cut = usize::from(script.is_cut_short);
            let listed = script.snapshots.len().saturating_sub(cut);
            best_of(&script.snapshots[..listed], case, |how| {
                !how.is_no_fault_of_the_snapshot()
            })
        });
    let mut good = std::iter::once(local).chain(elsewhere).flatten();
    if case.prefers_newest {
        // The first of those that are equally new.
        good.fold(None, |best: Option<Snap>, snap| match best {
            Some(best) if best.taken >= snap.taken => Some(best),
            _ => Some(snap),
        })
    } else {
        good.next()
    }
}

/// `may_pass`: whether an older one is looked at after such a look.
fn best_of(snaps: &[Snap], case: &Case, may_pass: impl Fn(How) -> bool) -> Option<Snap> {
    let mut tried = 0;
    for snap in snaps {
        if tried == MOST {
            return None;
        }
        match snap.look {
            How::Well => {}
            look if may_pass(look) => {
                tried += 1;
                continue;
            }
            _ => return None,
        }
        if !holds_data(snap) {
            continue;
        }
        let check = if case.checks { snap.check } else { How::Well };
        match (snap.fill, check) {
            (How::Well, How::Well) => return Some(snap.clone()),
            (fill, _) if fill.is_no_fault_of_the_snapshot() => return None,
            (How::Well, check) if check.is_no_fault_of_the_snapshot() => return None,
            _ => tried += 1,
        }
    }
    None
}
