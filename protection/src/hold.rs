//! The hold: the last good snapshot of a service is never destroyed before a newer one has proved itself.

mod candidates;
mod proof;

use declaration::settings::Service;
use jiff::Timestamp;
use restore::points;
use storage::{Error, Snapshot, local, policy_snapshots};

pub(crate) use self::candidates::{POLICYS, newest_first, of_the_future};

use self::candidates::{apart_since, is_young, newest, newest_of_one_point};
use self::proof::{Passed, look, passed};
use crate::checks::Checks;
use crate::doubt;
use crate::record::{self, Good, Record};

/// What came of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It is on the last good snapshot, and that is young: what is older may be pruned.
    Held,
    /// The newest ones are not good or not of one moment, or there are none.
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

/// Of which part it cannot be told whether it is good, and why.
pub(crate) struct Untold<'a> {
    pub(crate) part: &'a Service,
    pub(crate) error: Error,
}

/// A result of a part.
pub(crate) type OfPart<'a, T> = Result<T, Untold<'a>>;

impl<'a> Untold<'a> {
    /// Makes of an error one of this part.
    pub(crate) fn of(part: &'a Service) -> impl FnOnce(Error) -> Self {
        move |error| Self { part, error }
    }
}

/// Has the newest snapshots of these parts prove themselves, if it is time; they are held then, and the earlier ones no more. Parts
/// of one time are given together: what one of them holds is of no use without the same moment of the others, so their holds move
/// to snapshots of one moment that are good in all of them, or not at all. What cannot be proved without `checks` that are left
/// out stays as it is.
///
/// # Errors
/// When it cannot be told whether it is good, or something cannot be held.
pub(crate) fn renew<'a>(parts: &[Part<'a>], checks: Checks) -> OfPart<'a, Renewal> {
    let records = parts.iter().map(|part| {
        let record = record::read(part.service.name.as_str());
        record.map_err(Untold::of(part.service))
    });
    let records: Vec<Record> = records.collect::<Result<_, _>>()?;
    let now = Timestamp::now();
    let listed: Vec<&[Snapshot]> = parts.iter().map(|part| &*part.snapshots).collect();
    let newest = listed.iter().map(|snapshots| newest(snapshots, now));
    let Some(newest) = newest.collect::<Option<Vec<&Snapshot>>>() else {
        // One of them has none yet.
        return Ok(Renewal::Doubted);
    };
    let of_one_point = newest_of_one_point(&listed, now);
    let Some(snapshots) = of_one_point.filter(|of_one_point| {
        // Where they keep having none of one point, what is newer is not looked at: nothing may be pruned for it.
        *of_one_point == newest || of_one_point.iter().all(|one| is_young(one.taken, now))
    }) else {
        return not_of_one_point(parts, &records, now);
    };
    let still: Option<Vec<&Good>> = parts
        .iter()
        .zip(&records)
        .map(|(part, record)| still_held(part, record))
        .collect();
    let is_it = |(good, snapshot): (&&Good, &&Snapshot)| good.snapshot == snapshot.name;
    if let Some(still) = still
        && records.iter().all(|record| record.doubt.is_none())
        && (are_young(&still, now) || still.iter().zip(&snapshots).all(is_it))
    {
        // A round that was cut off has left the ones before held as well.
        for (part, good) in parts.iter().zip(still) {
            release_others(part, good)?;
        }
        return Ok(Renewal::Held);
    }
    let proved = match prove(parts, &records, &snapshots, checks)? {
        Ok(proved) => proved,
        Err(renewal) => return Ok(renewal),
    };
    // All are held before any is noted, and all are noted before any is released: wherever this is cut off, one moment of all
    // parts is held.
    for (part, good) in parts.iter().zip(&proved) {
        policy_snapshots::hold(&good.snapshot).map_err(Untold::of(part.service))?;
    }
    for (part, good) in parts.iter().zip(&proved) {
        let noted = record::update(part.service.name.as_str(), |record| {
            record.held = Some(good.clone());
            record.doubt = None;
            record.accepted = false;
            record.has_vanished = false;
        });
        noted.map_err(Untold::of(part.service))?;
    }
    for (part, good) in parts.iter().zip(&proved) {
        release_others(part, good)?;
    }
    Ok(Renewal::Held)
}

/// Has these snapshots of the parts prove themselves, each one. Gives what is known of them now; else what comes of the holds.
fn prove<'a>(
    parts: &[Part<'a>],
    records: &[Record],
    snapshots: &[&Snapshot],
    checks: Checks,
) -> OfPart<'a, Result<Vec<Good>, Renewal>> {
    let bad = |part: &Part<'a>, record: &Record, why: &Error| {
        let told = doubt::of_snapshots(part.service, record, why, still_held(part, record));
        told.map_err(Untold::of(part.service))?;
        Ok(Err(Renewal::Doubted))
    };
    let all = || parts.iter().zip(records).zip(snapshots);
    // Checks may take hours: none is begun for a moment that is not good elsewhere.
    let mut proved = Vec::new();
    for ((part, record), snapshot) in all() {
        let seen = look(part.service, snapshot, record).map_err(Untold::of(part.service))?;
        match seen {
            Ok(good) => proved.push(good),
            Err(why) => return bad(part, record, &why),
        }
    }
    for ((part, record), snapshot) in all() {
        let passed = passed(part.service, snapshot, checks);
        match passed.map_err(Untold::of(part.service))? {
            Passed::Yes => {}
            Passed::No(why) => return bad(part, record, &why),
            Passed::NotNow => return Ok(Err(Renewal::ToBeChecked)),
        }
    }
    Ok(Ok(proved))
}

/// There are no snapshots of one moment any more: nothing may be pruned for what is newer. The next round may take some; what is so
/// for long is told.
fn not_of_one_point<'a>(
    parts: &[Part<'a>],
    records: &[Record],
    now: Timestamp,
) -> OfPart<'a, Renewal> {
    let listed: Vec<&[Snapshot]> = parts.iter().map(|part| &*part.snapshots).collect();
    let since = apart_since(&listed, now);
    if let (Some(part), Some(record), false) =
        (parts.first(), records.first(), is_young(since, now))
    {
        let names = parts.iter().map(|part| part.service.name.as_str());
        let why = Error::new(
            part.service.of(),
            format!(
                "{} must be of one time, and have had no snapshots of one moment since {}",
                names.collect::<Vec<_>>().join(", "),
                local(since)
            ),
            "see `journalctl -u storage-snapshots` for what could not be taken, and whether somebody else takes snapshots \
             under the policy's names",
        );
        let told = doubt::of_snapshots(part.service, record, &why, still_held(part, record));
        told.map_err(Untold::of(part.service))?;
    }
    Ok(Renewal::Doubted)
}

/// Whether these are of one moment, and need no newer ones yet.
fn are_young(held: &[&Good], now: Timestamp) -> bool {
    let are_of_one_point = held.iter().zip(held.iter().skip(1)).all(|(one, other)| {
        points::are_of_one_point((&one.snapshot, one.taken), (&other.snapshot, other.taken))
    });
    are_of_one_point && held.iter().all(|good| is_young(good.taken, now))
}

/// What is noted to be held, if it is.
fn still_held<'r>(part: &Part<'_>, record: &'r Record) -> Option<&'r Good> {
    let is_held = |good: &&Good| part.held.contains(&good.snapshot);
    record.held.as_ref().filter(is_held)
}

fn release_others<'a>(part: &Part<'a>, good: &Good) -> OfPart<'a, ()> {
    let mut others = part.held.iter().filter(|other| **other != good.snapshot);
    let released = others.try_for_each(|other| policy_snapshots::release(other));
    released.map_err(Untold::of(part.service))
}
