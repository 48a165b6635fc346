//! The hold: the last good snapshot of a service is never destroyed before a newer one has proved itself.

use declaration::settings::Service;
use jiff::{SignedDuration, Timestamp};
use report::{Event, Kind};
use restore::failure::Failure;
use restore::source::restic::snapshot_entry::SHRUNK;
use restore::verify::verify;
use storage::{Error, Origin, Result, Snapshot, local, lock, policy_snapshots};

use crate::record::{self, Good, Record};
use crate::shrink;

/// How old the held snapshot may be before a newer one is to prove itself.
const OLD: SignedDuration = SignedDuration::from_hours(20);

/// How often its owner is told that one cannot.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Has the newest snapshot of the service prove itself, if it is time; it is held then, and the earlier one no more. Gives
/// whether anything may be pruned. `dataset` is the service's.
///
/// # Errors
/// When it cannot be told whether it is good, or something cannot be held.
pub(crate) fn renew(service: &Service, dataset: &str) -> Result<bool> {
    let name = service.name.as_str();
    let record = record::read(name)?;
    let snapshots = newest_first(service)?;
    let held = policy_snapshots::held(dataset)?;
    let is_held = |good: &Good| held.contains(&good.snapshot);
    let still = record.held.clone().filter(is_held);
    // A backup's own goes with it.
    let is_lasting = |snapshot: &&Snapshot| !policy_snapshots::is_of_a_backup(&snapshot.name);
    let Some(newest) = snapshots.iter().find(is_lasting) else {
        return Ok(false);
    };
    let is_young = |good: &Good| Timestamp::now().duration_since(good.taken) < OLD;
    if let Some(good) = &still
        && record.doubt.is_none()
        && (is_young(good) || good.snapshot == newest.name)
    {
        return Ok(true);
    }
    match prove(service, newest, &record)? {
        Proof::Good(good) => {
            policy_snapshots::hold(&newest.name)?;
            record::update(name, |record| {
                record.held = Some(good);
                record.doubt = None;
            })?;
            for other in held.iter().filter(|other| **other != newest.name) {
                policy_snapshots::release(other)?;
            }
            Ok(true)
        }
        Proof::Bad(why) => {
            doubt(service, &record, &why, still.as_ref())?;
            Ok(false)
        }
        Proof::NotNow => Ok(false),
    }
}

/// What a look at a snapshot has shown.
enum Proof {
    Good(Good),
    /// Why it is not good.
    Bad(Error),
    /// It could not be looked at for the moment: the next round does.
    NotNow,
}

/// Tells the owner, once a day, why nothing of a service is pruned or forgotten.
///
/// # Errors
/// When what was told cannot be noted.
pub(crate) fn doubt(
    service: &Service,
    record: &Record,
    why: &Error,
    held: Option<&Good>,
) -> Result<()> {
    if !is_due(record.doubt) {
        return Ok(());
    }
    tell(service, &kept(held), why, None);
    let now = Timestamp::now();
    record::update(service.name.as_str(), |record| record.doubt = Some(now))
}

/// Tells the owner, once a day, that most of a service's data has vanished: backups of it are filed apart.
///
/// # Errors
/// When what was told cannot be noted.
pub(crate) fn shrunk(service: &Service, record: &Record, why: &Error) -> Result<()> {
    if !is_due(record.shrunk) {
        return Ok(());
    }
    let keeps = format!(
        "{}, and backups are made under the tag {SHRUNK}, which no restore takes by itself",
        kept(record.good.as_ref())
    );
    tell(service, &keeps, why, Some("restic"));
    let now = Timestamp::now();
    record::update(service.name.as_str(), |record| record.shrunk = Some(now))
}

fn is_due(told: Option<Timestamp>) -> bool {
    told.is_none_or(|told| Timestamp::now().duration_since(told) >= DAY)
}

fn tell(service: &Service, keeps: &str, why: &Error, tier: Option<&'static str>) {
    let event = Event::new(Kind::Held, service.name.as_str(), format!("{keeps}: {why}"));
    let event = event.outcome("held");
    match tier {
        Some(tier) => event.tier(tier).tell(),
        None => event.tell(),
    }
}

fn kept(held: Option<&Good>) -> String {
    held.map_or_else(
        || "nothing of it is pruned or forgotten".to_owned(),
        |good| {
            format!(
                "{} of {} is held, and nothing of it is pruned or forgotten",
                good.label(),
                local(good.taken)
            )
        },
    )
}

fn newest_first(service: &Service) -> Result<Vec<Snapshot>> {
    let storage = storage::open(service);
    storage
        .with_snapshots()
        .map_or_else(|| Ok(Vec::new()), storage::Snapshots::snapshots)
}

/// Whether a snapshot is good: it holds the data, passes its checks, and has not mostly vanished.
///
/// # Errors
/// When it cannot be told.
fn prove(service: &Service, snapshot: &Snapshot, record: &Record) -> Result<Proof> {
    let seen = policy_snapshots::look_into(service, &snapshot.name)?;
    let bad = |what: String, help: &str| Ok(Proof::Bad(Error::new(&snapshot.name, what, help)));
    if !seen.contents.holds_the_data() {
        let lacks = seen
            .contents
            .lacks()
            .unwrap_or_else(|| "it is empty".to_owned());
        return bad(
            format!("it does not hold the data: {lacks}"),
            "look into it; a restore brings the data back",
        );
    }
    if let Some(good) = record.held.as_ref().filter(|_| !service.allow_shrink)
        && let Some(what) = shrink::vanished(&good.extent(), &seen.extent)
    {
        let help = format!(
            "look into it; if that is right, `preseedctl accept {}`, or for good `allow-shrink = true` in [preseed]",
            service.of()
        );
        return bad(
            format!(
                "most of the data has vanished since {}: {what}",
                local(good.taken)
            ),
            &help,
        );
    }
    Ok(match checked(service, snapshot)? {
        Some(Ok(())) => Proof::Good(Good::new(None, snapshot, seen.extent)),
        Some(Err(failure)) => bad_or_untold(failure)?,
        None => Proof::NotNow,
    })
}

/// A check that was not finished says nothing of the data.
fn bad_or_untold(failure: Failure) -> Result<Proof> {
    match failure {
        Failure::Snapshot(why) => Ok(Proof::Bad(why)),
        Failure::Source(error) | Failure::Unavailable(error) | Failure::Storage(error) => {
            Err(error)
        }
    }
}

/// Runs the declared checks on a clone of a snapshot that is thrown away. `None`: they cannot be run for the moment.
fn checked(
    service: &Service,
    snapshot: &Snapshot,
) -> Result<Option<std::result::Result<(), Failure>>> {
    if service.verify.is_empty() {
        return Ok(Some(Ok(())));
    }
    // Beside what restores stage: a complete copy may wait there to be put in its place. A drill may be at work.
    let Some(_lock) = lock::try_lock_for_a_drill(service)? else {
        return Ok(None);
    };
    let storage = storage::open_for_a_drill(service);
    let staged = storage.stage(&Origin::Clone(snapshot), &mut |_, _| {})?;
    let verified = verify(service, storage.as_ref(), &staged, &snapshot.name);
    storage.discard(&staged)?;
    Ok(Some(verified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_told_is_no_doubt() {
        let error = || Error::new("tank/a@x", "it cannot be told", "look");
        let is_bad = |failure| matches!(bad_or_untold(failure), Ok(Proof::Bad(_)));
        assert!(is_bad(Failure::Snapshot(error())));
        for failure in [Failure::Source, Failure::Unavailable, Failure::Storage] {
            assert!(bad_or_untold(failure(error())).is_err());
        }
    }
}
