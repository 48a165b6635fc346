//! The doubts of a service's data, told to its owner once a day: while there is one, nothing is pruned or forgotten.

use declaration::settings::Service;
use jiff::{SignedDuration, Timestamp};
use report::{Event, Kind};
use restore::source::restic::snapshot_entry::{SHRUNK, UNSOUND};
use storage::{Error, ErrorKind, Result, local};

use crate::checks::Checked;
use crate::record::{self, Good, Record};

/// How often an owner is told.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Tells the owner, once a day, why nothing of a service is pruned or forgotten.
///
/// # Errors
/// When what was told cannot be noted.
pub(crate) fn of_snapshots(
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
    let event = event
        .of(service.of())
        .outcome("held")
        .error(why.kind().code());
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
