//! The hold: the last good snapshot of a service is never destroyed before a newer one has proved itself.

use declaration::settings::Service;
use jiff::{SignedDuration, Timestamp};
use report::{Event, Kind};
use restore::failure::Failure;
use restore::source::restic::snapshot_entry::{SHRUNK, UNSOUND};
use storage::{Error, ErrorKind, Result, Snapshot, local, policy_snapshots};

use crate::checks::{Checked, Checks};
use crate::record::{self, Good, Record};
use crate::{checks, shrink};

/// How old the held snapshot may be before a newer one is to prove itself.
const OLD: SignedDuration = SignedDuration::from_hours(20);

/// How far ahead of the clock a snapshot may be: clocks are set a little all the time.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// How the names of a policy's snapshots begin, as Sanoid and we call them.
pub(crate) const POLICYS: &str = "autosnap_";

/// How often its owner is told that one cannot.
const DAY: SignedDuration = SignedDuration::from_hours(24);

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

/// Has the newest snapshot of the service prove itself, if it is time; it is held then, and the earlier one no more. `snapshots` are the service's, newest first, and `held` those of them that we hold. What
/// cannot be proved without `checks` that are left out stays as it is.
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
            doubt(service, &record, &why, still.as_ref())?;
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

/// The newest that may be held. A backup's own goes with it; one of the future would be the newest until then, and no newer
/// one would prove itself.
fn newest_of(snapshots: &[Snapshot], now: Timestamp) -> Option<&Snapshot> {
    snapshots
        .iter()
        .find(|snapshot| !policy_snapshots::is_of_a_backup(&snapshot.name) && snapshot.taken <= now)
}

/// Whether what was held then needs no newer one yet. A clock that was once ahead makes nothing young.
fn is_young(taken: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(taken);
    !age.is_negative() && age < OLD
}

/// Why Sanoid takes no snapshots of a service any more, if so: one of the policy's is of the future.
pub(crate) fn of_the_future(snapshots: &[Snapshot], now: Timestamp) -> Option<Error> {
    let is_policys = |name: &str| {
        let (_, own) = name.split_once('@').unwrap_or_default();
        own.starts_with(POLICYS)
    };
    let is_ahead = |taken: Timestamp| taken.duration_since(now) > AHEAD;
    let mut ahead = snapshots
        .iter()
        .filter(|snapshot| is_policys(&snapshot.name) && is_ahead(snapshot.taken));
    let first = ahead.next()?;
    let more = match ahead.count() {
        0 => String::new(),
        more => format!(", as are {more} more"),
    };
    Some(Error::new(
        &first.name,
        format!(
            "it is of the future ({}){more}: the clock was ahead once, or is behind now; no newer one is due until then",
            local(first.taken)
        ),
        format!(
            "see `timedatectl`; if the clock is right, `zfs destroy {0}`, or keep it under another name: \
             `zfs rename {0} {1}@NAME`",
            first.name,
            first.name.split('@').next().unwrap_or_default()
        ),
    ))
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
    let has_vanished = why.kind() == ErrorKind::InDoubt;
    if !is_to_be_told(record.doubt) && !record.accepted {
        // Each round may find another reason.
        return record::update(service.name.as_str(), |record| {
            record.has_vanished = has_vanished;
        });
    }
    tell(service, &kept(held), why, None);
    let now = Timestamp::now();
    record::update(service.name.as_str(), |record| {
        record.doubt = Some(now);
        record.accepted = false;
        record.has_vanished = has_vanished;
    })
}

/// Tells the owner, once a day, that most of a service's data has vanished: backups of it are filed apart.
///
/// # Errors
/// When what was told cannot be noted.
pub(crate) fn shrunk(service: &Service, record: &Record, why: &Error) -> Result<()> {
    if !is_to_be_told(record.shrunk) {
        return Ok(());
    }
    tell(service, &kept_apart(record, SHRUNK), why, Some("restic"));
    let now = Timestamp::now();
    record::update(service.name.as_str(), |record| record.shrunk = Some(now))
}

/// Tells the owner, once a day, that no newer backup has passed the declared checks: `checked` says why.
///
/// # Errors
/// When what was told cannot be noted.
pub(crate) fn unproved(service: &Service, record: &Record, checked: &Checked) -> Result<()> {
    let (keeps, why) = match checked {
        Checked::Sound => return Ok(()),
        Checked::Unsound(why) => (kept_apart(record, UNSOUND), why),
        Checked::Untold(why) => (kept(record.good.as_ref()), why),
    };
    if !is_to_be_told(record.unproved) {
        return Ok(());
    }
    tell(service, &keeps, why, Some("restic"));
    let now = Timestamp::now();
    record::update(service.name.as_str(), |record| record.unproved = Some(now))
}

/// Notes that no restore would take the newest backup, or that this could not be asked, which was told. None is forgotten until
/// a newer one is good.
///
/// # Errors
/// When it cannot be noted.
pub(crate) fn not_found(name: &str) -> Result<()> {
    let now = Timestamp::now();
    record::update(name, |record| {
        record.unfound.get_or_insert(now);
    })
}

fn kept_apart(record: &Record, tag: &str) -> String {
    format!(
        "{}, and backups are made under the tag {tag}, which no restore takes by itself",
        kept(record.good.as_ref())
    )
}

fn is_to_be_told(told: Option<Timestamp>) -> bool {
    told.is_none_or(|told| Timestamp::now().duration_since(told) >= DAY)
}

fn tell(service: &Service, keeps: &str, why: &Error, tier: Option<&'static str>) {
    let event = Event::new(Kind::Held, service.name.as_str(), format!("{keeps}: {why}"));
    let event = event.outcome("held").error(why.kind().code());
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

/// The snapshots of a service's dataset.
///
/// # Errors
/// When they cannot be listed.
pub(crate) fn newest_first(service: &Service) -> Result<Vec<Snapshot>> {
    let storage = storage::open(service);
    storage
        .with_snapshots()
        .map_or_else(|| Ok(Vec::new()), storage::Snapshots::snapshots)
}

/// Whether a snapshot is good: it holds the data, passes its checks, and has not mostly vanished.
///
/// # Errors
/// When it cannot be told.
fn prove(service: &Service, snapshot: &Snapshot, record: &Record, checks: Checks) -> Result<Proof> {
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
        let what = format!(
            "most of the data has vanished since {}: {what}",
            local(good.taken)
        );
        let why = Error::new(&snapshot.name, what, help);
        // That its owner may accept.
        return Ok(Proof::Bad(why.of_kind(ErrorKind::InDoubt)));
    }
    Ok(match checks::of_snapshot(service, snapshot, checks)? {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_dated_is_not_young() {
        let now = at("2026-11-26T12:00:00Z");
        for (taken, expected) in [
            ("2026-11-26T12:00:00Z", true),
            ("2026-11-25T16:00:01Z", true),
            ("2026-11-25T16:00:00Z", false),
            ("2026-11-26T12:00:01Z", false),
            ("2031-01-01T00:00:00Z", false),
        ] {
            assert_eq!(is_young(at(taken), now), expected, "{taken}");
        }
    }

    fn snapshots(names: &[(&str, &str)]) -> Vec<Snapshot> {
        let named = names.iter().map(|(name, taken)| Snapshot {
            name: format!("tank/a@{name}"),
            taken: at(taken),
            bytes: 0,
        });
        named.collect()
    }

    #[test]
    fn the_newest_that_proves_itself_is_none_of_the_future() {
        let listed = snapshots(&[
            ("ahead", "2031-01-01T00:00:00Z"),
            ("newest", "2026-11-26T12:00:00Z"),
            ("older", "2026-11-26T11:00:00Z"),
        ]);
        let newest = |now: &str| newest_of(&listed, at(now)).map(|found| found.name.as_str());
        assert_eq!(newest("2026-11-26T12:00:00Z"), Some("tank/a@newest"));
        assert_eq!(newest("2031-01-01T00:00:00Z"), Some("tank/a@ahead"));
        assert_eq!(newest("2020-01-01T00:00:00Z"), None);
    }

    #[test]
    fn a_policys_snapshot_of_the_future_is_told() {
        let now = at("2026-11-26T12:00:00Z");
        let told = |names: &[(&str, &str)]| {
            let told = of_the_future(&snapshots(names), now);
            told.map(|error| error.to_string())
        };
        let future = "2031-01-01T00:00:00Z";
        let sound = [
            ("autosnap_a_hourly", "2026-11-26T11:00:00Z"),
            ("autosnap_b_hourly", "2026-11-26T12:59:00Z"),
            ("mine", future),
        ];
        assert_eq!(told(&sound), None);
        let ahead = [
            sound[0],
            ("autosnap_c_daily", future),
            ("autosnap_d_daily", future),
        ];
        let told = told(&ahead).unwrap();
        for words in ["tank/a@autosnap_c_daily", "as are 1 more", "zfs destroy"] {
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn what_could_not_be_told_is_no_fault_of_the_snapshot() {
        let error = || Error::new("tank/a@x", "it cannot be told", "look");
        let is_bad = |failure| matches!(bad_or_untold(failure), Ok(Proof::Bad(_)));
        assert!(is_bad(Failure::Snapshot(error())));
        for failure in [Failure::Source, Failure::Unavailable, Failure::Storage] {
            assert!(bad_or_untold(failure(error())).is_err());
        }
    }
}
