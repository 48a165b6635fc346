//! The hold: the last good snapshot of a service is never destroyed before a newer one has proved itself.

mod candidates;
mod proof;

use declaration::settings::Service;
use jiff::Timestamp;
use storage::{Result, Snapshot, policy_snapshots};

pub(crate) use self::candidates::{POLICYS, newest_first, of_the_future};

use self::candidates::{is_young, newest_of};
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

/// Has the newest snapshot of the service prove itself, if it is time; it is held then, and the earlier one no more. `snapshots`
/// are the service's, newest first, and `held` those of them that we hold. What cannot be proved without `checks` that are left
/// out stays as it is.
///
/// # Errors
/// When it cannot be told whether it is good, or something cannot be held.
pub(crate) fn renew(
    service: &Service,
    snapshots: &[Snapshot],
    held: &[String],
    checks: Checks,
) -> Result<Renewal> {
    let name = service.name.as_str();
    let record = record::read(name)?;
    let is_held = |good: &Good| held.contains(&good.snapshot);
    let still = record.held.clone().filter(is_held);
    let now = Timestamp::now();
    let Some(newest) = newest_of(snapshots, now) else {
        return Ok(Renewal::Doubted);
    };
    if let Some(good) = &still
        && record.doubt.is_none()
        && (is_young(good.taken, now) || good.snapshot == newest.name)
    {
        // A round that was cut off has left the one before held as well.
        release_others(held, &good.snapshot)?;
        return Ok(Renewal::Held);
    }
    match prove(service, newest, &record, checks)? {
        Proof::Good(good) => {
            policy_snapshots::hold(&newest.name)?;
            record::update(name, |record| {
                record.held = Some(good);
                record.doubt = None;
                record.accepted = false;
                record.has_vanished = false;
            })?;
            release_others(held, &newest.name)?;
            Ok(Renewal::Held)
        }
        Proof::Bad(why) => {
            doubt::of_snapshots(service, &record, &why, still.as_ref())?;
            Ok(Renewal::Doubted)
        }
        Proof::NotNow => Ok(Renewal::ToBeChecked),
    }
}

/// Whether the newest snapshot of a service is to prove itself, as it is noted.
pub(crate) fn is_due(record: &Record, now: Timestamp) -> bool {
    let is_young = |good: &Good| is_young(good.taken, now);
    record.doubt.is_some() || !record.held.as_ref().is_some_and(is_young)
}

fn release_others(held: &[String], good: &str) -> Result<()> {
    let mut others = held.iter().filter(|other| *other != good);
    others.try_for_each(|other| policy_snapshots::release(other))
}
