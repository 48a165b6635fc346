//! The hold: the last good snapshot of a service is never destroyed before a newer one has proved itself.

mod candidates;
mod proof;

use declaration::settings::Service;
use jiff::Timestamp;
use storage::{Result, Snapshot, policy_snapshots};

pub(crate) use self::candidates::{POLICYS, newest_first, of_the_future};

use self::candidates::{is_young, moment, newest_moment};
use self::proof::{Proof, prove};
use crate::checks::Checks;
use crate::doubt;
use crate::record::{self, Good, Record};

/// What came of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It is on the last good snapshot, and that is young: what is older may be pruned.
    Held,
    /// The newest one is not good, or there is none.
    Doubted,
    /// Its checks are still to be run.
    ToBeChecked,
}

/// A service, or a place of one, whose snapshots are held.
pub(crate) struct Part<'a> {
    /// It, as its storage is found.
    pub(crate) service: &'a Service,
    /// Its snapshots, newest first.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Those of them that we hold.
    pub(crate) held: Vec<String>,
}

/// Has the newest snapshots of these parts prove themselves, if it is time; they are held then, and the earlier ones no more. Parts
/// of one time are given together: what one of them holds is of no use without the same moment of the others, so their holds move
/// to snapshots of one name that are good in all of them, or not at all. What cannot be proved without `checks` that are left out
/// stays as it is.
///
/// # Errors
/// When it cannot be told whether it is good, or something cannot be held.
pub(crate) fn renew(parts: &[Part<'_>], checks: Checks) -> Result<Renewal> {
    let records = parts
        .iter()
        .map(|part| record::read(part.service.name.as_str()));
    let records: Vec<Record> = records.collect::<Result<_>>()?;
    let now = Timestamp::now();
    let listed: Vec<&[Snapshot]> = parts.iter().map(|part| &*part.snapshots).collect();
    let Some(newest) = newest_moment(&listed, now) else {
        return Ok(Renewal::Doubted);
    };
    let still: Option<Vec<&Good>> = parts
        .iter()
        .zip(&records)
        .map(|(part, record)| still_held(part, record))
        .collect();
    if let Some(still) = still
        && records.iter().all(|record| record.doubt.is_none())
        && (are_young(&still, now) || still.iter().all(|good| moment(&good.snapshot) == newest))
    {
        // A round that was cut off has left the ones before held as well.
        for (part, good) in parts.iter().zip(still) {
            release_others(part, good)?;
        }
        return Ok(Renewal::Held);
    }
    let mut proved = Vec::new();
    for (part, record) in parts.iter().zip(&records) {
        let mut snapshots = part.snapshots.iter();
        let Some(snapshot) = snapshots.find(|one| moment(&one.name) == newest) else {
            return Ok(Renewal::Doubted);
        };
        match prove(part.service, snapshot, record, checks)? {
            Proof::Good(good) => proved.push(good),
            Proof::Bad(why) => {
                doubt::of_snapshots(part.service, record, &why, still_held(part, record))?;
                return Ok(Renewal::Doubted);
            }
            Proof::NotNow => return Ok(Renewal::ToBeChecked),
        }
    }
    // All are held before any is noted, and all are noted before any is released: wherever this is cut off, one moment of all
    // parts is held.
    for good in &proved {
        policy_snapshots::hold(&good.snapshot)?;
    }
    for (part, good) in parts.iter().zip(&proved) {
        record::update(part.service.name.as_str(), |record| {
            record.held = Some(good.clone());
            record.doubt = None;
            record.accepted = false;
            record.has_vanished = false;
        })?;
    }
    for (part, good) in parts.iter().zip(&proved) {
        release_others(part, good)?;
    }
    Ok(Renewal::Held)
}

/// Whether the newest snapshots of parts that are held at one moment are to prove themselves, as it is noted of them.
pub(crate) fn are_due(records: &[Record], now: Timestamp) -> bool {
    let held: Option<Vec<&Good>> = records.iter().map(|one| one.held.as_ref()).collect();
    let are_young = held.is_some_and(|held| are_young(&held, now));
    !are_young || records.iter().any(|record| record.doubt.is_some())
}

/// Whether these are of one moment, and need no newer ones yet.
fn are_young(held: &[&Good], now: Timestamp) -> bool {
    let mut moments = held.iter().map(|good| moment(&good.snapshot));
    let first = moments.next();
    moments.all(|moment| Some(moment) == first) && held.iter().all(|good| is_young(good.taken, now))
}

/// What is noted to be held, if it is.
fn still_held<'r>(part: &Part<'_>, record: &'r Record) -> Option<&'r Good> {
    let is_held = |good: &&Good| part.held.contains(&good.snapshot);
    record.held.as_ref().filter(is_held)
}

fn release_others(part: &Part<'_>, good: &Good) -> Result<()> {
    let mut others = part.held.iter().filter(|other| **other != good.snapshot);
    others.try_for_each(|other| policy_snapshots::release(other))
}
