//! A backup of a service's data in its restic repository.

use std::path::PathBuf;
use std::time::Duration;

use declaration::settings::{Backup, Service};
use jiff::Timestamp;
use report::progress::bytes;
use report::words::count;
use report::{Event, Kind, status};
use restore::source::restic as repository;
use restore::source::restic::call::Call;
use restore::source::restic::snapshot_entry::{SHRUNK, UNSOUND};
use restore::source::restic::stored;
use storage::extent::Extent;
use storage::frozen::{self, Frozen, Seen};
use storage::{Error, Result, Snapshot, as_found, both, local, lock};

use crate::archive::{self, Made, Order};
use crate::checks::Checked;
use crate::left::how_to_see_who_uses;
use crate::record::{self, Good, Record};
use crate::turn::Turn;
use crate::{apart, checks, commands, doubt, ready, shrink};

/// How many mounts are named that are not backed up.
const FEW: usize = 5;

/// Backs the service's data up, and tells the journal.
///
/// # Errors
/// When it cannot be backed up. `after` was run all the same.
pub fn backup(declared: &Service) -> Result<()> {
    let name = declared.name.as_str();
    let mut turn = Turn::take(name)?;
    // Of a run that was killed.
    commands::after(declared, &mut turn)?;
    let service = as_found::whole(declared)?;
    let backup = to_be_made(&service)?;
    ready::must_have_its_data(&service)?;
    let mut kept_busy = frozen::release(&service)?;
    let made = made(&service, backup, &mut turn);
    let after = commands::after(&service, &mut turn);
    let released = match &made {
        Ok(_) => frozen::release(&service).map(|busy| kept_busy.retain(|one| busy.contains(one))),
        Err(_) => release_if_there(&service),
    };
    let left = both(after, released);
    let (message, is_whole) = match made {
        Ok((words, is_whole)) => (
            words + &kept_busy_in_words(&kept_busy),
            is_whole && kept_busy.is_empty(),
        ),
        Err(error) => return both(Err(error), left),
    };
    status::set(&message);
    let event = Event::new(Kind::BackedUp, name, message);
    let event = event.tier("restic").outcome("backed-up");
    if is_whole {
        event.tell();
    } else {
        event.warning().tell();
    }
    left
}

/// Does what a backup owed that was killed: runs `after`, and destroys its snapshot.
///
/// # Errors
/// When that cannot be done.
pub fn tidy_up(declared: &Service) -> Result<()> {
    let mut turn = Turn::take(declared.name.as_str())?;
    let after = commands::after(declared, &mut turn);
    let released = as_found::whole(declared).and_then(|service| release_if_there(&service));
    both(after, released)
}

/// Destroys a backup's snapshot, unless it may be all there is of the data.
fn release_if_there(service: &Service) -> Result<()> {
    match ready::lacks_its_data(service)? {
        None => frozen::release(service).map(drop),
        Some(_) => Ok(()),
    }
}

fn to_be_made(service: &Service) -> Result<&Backup> {
    let backup = service.backup.as_ref().ok_or_else(|| {
        Error::new(
            service.source.to_string_lossy(),
            "it declares no backup",
            "write `repository = \"NAME\"` and `schedule = \"daily\"` below [backup]",
        )
    })?;
    ready::must_be_found_again(service, backup)?;
    Ok(backup)
}

/// Gives what was made, in words, and whether it is all that lies there.
fn made(service: &Service, backup: &Backup, turn: &mut Turn) -> Result<(String, bool)> {
    let name = service.name.as_str();
    let record = record::read(name)?;
    let call = Call::to(&backup.repository, service.stall_timeout)?;
    let host = repository::host(backup)?;
    commands::before(service, turn)?;
    let frozen = freeze(service, &record)?;
    if frozen.is_of_one_moment() {
        commands::after(service, turn)?;
    }
    let paths = frozen.paths();
    let placed = as_found::placed(service)?;
    let not_read = frozen.not_read()?;
    let checked = checks::of_backup(service, &frozen);
    let mut order = Order {
        backup,
        service: name,
        host: &host,
        mountpoint: &placed.mountpoint,
        paths: &paths,
        apart: Vec::new(),
        taken: frozen.taken,
        stall_timeout: service.stall_timeout,
    };
    apart::begin(&call, name, backup, &paths, frozen.taken)?;
    let (made, extent, expected, shrunk) = frozen.show(|seen| {
        let shrunk = shrunk(service, seen, &record)?;
        order.apart.extend(shrunk.is_some().then_some(SHRUNK));
        let is_unsound = matches!(checked, Checked::Unsound(_));
        order.apart.extend(is_unsound.then_some(UNSOUND));
        let expected = frozen.expected()?;
        let made = archive::make(&call, &order)?;
        Ok((made, seen.extent.clone(), expected, shrunk))
    })?;
    apart::is_complete(name, backup)?;
    if let Some(why) = &shrunk {
        doubt::shrunk(service, &record, why)?;
    }
    doubt::unproved(service, &record, &checked)?;
    let words = if order.apart.is_empty() {
        let found = match must_be_found(service, backup, &made, &expected) {
            Ok(found) => found,
            Err(error) => return both(Err(error), doubt::not_found(name)),
        };
        if matches!(checked, Checked::Sound) {
            note_good(name, backup, &found, extent)?;
        }
        in_words(&frozen, backup, &made, found.label())
    } else {
        let filed = format!(
            "{} under the tag {}, which no restore takes by itself",
            label(&made.id),
            order.apart.join(" and ")
        );
        in_words(&frozen, backup, &made, &filed)
    };
    let is_good = order.apart.is_empty() && matches!(checked, Checked::Sound);
    let words = words + &not_read_in_words(&not_read) + &checked.in_words();
    // Of earlier ones. It waits for everybody else, and keeps no new one from being made.
    let rest = apart::rest(&call, name, backup, service.stall_timeout);
    both(Ok((words, is_good && not_read.is_empty())), rest)
}

fn freeze<'s>(service: &'s Service, record: &Record) -> Result<Frozen<'s>> {
    // No restore is at work on it meanwhile.
    let _lock = lock::lock(service, status::wait_for_another)?;
    // Since it was looked at, it was waited for long, and `before` was run.
    ready::must_have_its_data(service)?;
    wait_for_a_later_second(record);
    Frozen::take(service)
}

/// Notes that a backup has proved itself.
fn note_good(name: &str, backup: &Backup, found: &Snapshot, extent: Extent) -> Result<()> {
    let repository = backup.repository.name.as_str();
    let good = Good::new(Some(repository), found, extent);
    record::update(name, |record| {
        record.good = Some(good);
        record.shrunk = None;
        record.unproved = None;
        record.unfound = None;
    })
}

/// What is left of earlier backups since somebody uses it. Each night may leave more.
fn kept_busy_in_words(snapshots: &[String]) -> String {
    let Some(first) = snapshots.first() else {
        return String::new();
    };
    format!(
        "; {} of earlier backups cannot be destroyed, as somebody uses what is in them: {}",
        count(snapshots.len(), "snapshot", "snapshots"),
        how_to_see_who_uses(first)
    )
}

/// What is mounted in the data and is not in its backup.
fn not_read_in_words(not_read: &[String]) -> String {
    if not_read.is_empty() {
        return String::new();
    }
    let mut named = not_read[..not_read.len().min(FEW)].join(", ");
    if let Some(more @ 1..) = not_read.len().checked_sub(FEW) {
        named = format!("{named} and {more} more");
    }
    format!(
        "; not in it is what is mounted at {named}: declare it as a [place.NAME], or exclude it"
    )
}

/// A snapshot's id as restic cuts it.
fn label(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn in_words(frozen: &Frozen<'_>, backup: &Backup, made: &Made, filed: &str) -> String {
    let from = if frozen.is_of_one_moment() {
        "from a snapshot"
    } else {
        "from the directory itself, so what was written meanwhile may be there in part"
    };
    format!(
        "backed up to repository {} as {filed} ({}), {from}: {}, of which {} are new",
        backup.repository.name,
        local(frozen.taken),
        bytes(made.bytes),
        bytes(made.added)
    )
}

/// That what is read is the service's data; if it has mostly vanished, how.
fn shrunk(service: &Service, seen: &Seen, record: &Record) -> Result<Option<Error>> {
    let name = service.name.as_str();
    if !seen.contents.holds_the_data() {
        let lacks = seen.contents.lacks();
        return Err(Error::new(
            name,
            format!(
                "there is nothing to back up: its data is gone{}",
                lacks.map_or_else(String::new, |lacks| format!(" ({lacks})"))
            ),
            format!("`systemctl restart {name}` restores it"),
        ));
    }
    let good = record.good.as_ref().filter(|_| !service.allow_shrink);
    Ok(good.and_then(|good| {
        let what = shrink::vanished(&good.extent(), &seen.extent)?;
        Some(Error::new(
            name,
            format!(
                "most of its data has vanished since the backup of {}: {what}",
                local(good.taken)
            ),
            format!(
                "look into it; if that is right, `preseedctl accept {name}`, or for good `allow-shrink = true` in [preseed] \
                 of {}",
                service.source.display()
            ),
        ))
    }))
}

/// Waits until a backup would be of a later second than the last one: restic tells time no finer, and which of two is the
/// newer one could not be told.
fn wait_for_a_later_second(record: &Record) {
    let good = record.good.as_ref().map(|good| good.taken);
    let begun = record
        .doubtful
        .values()
        .filter_map(|doubtful| doubtful.begun);
    let Some(last) = begun.chain(good).max().map(Timestamp::as_second) else {
        return;
    };
    let next = Timestamp::from_second(last.saturating_add(1)).unwrap_or(Timestamp::MAX);
    // A clock that was set back by more does not catch up with it soon.
    while let Ok(left) = Duration::try_from(next.duration_since(frozen::time_of_a_snapshot()))
        && !left.is_zero()
        && left <= Duration::from_secs(1)
    {
        std::thread::sleep(left);
    }
}

/// That a restore would take just this backup, and finds in it what is expected.
fn must_be_found(
    service: &Service,
    backup: &Backup,
    made: &Made,
    expected: &[PathBuf],
) -> Result<Snapshot> {
    let newest = stored::newest_lacking(service, backup, expected)?;
    let is_it = |found: &Snapshot| !made.id.is_empty() && found.name.starts_with(&made.id);
    let other = newest.as_ref().map_or("none", |(found, _)| found.label());
    let other = other.to_owned();
    let subject = || format!("repository {}", backup.repository.name);
    let Some((found, lacks)) = newest.filter(|(found, _)| is_it(found)) else {
        return Err(Error::new(
            subject(),
            format!(
                "the backup {} was made, and a restore would not take it: the newest that it finds is {other}",
                made.id
            ),
            "see `restic snapshots`: is there one of the future?",
        ));
    };
    match lacks.first() {
        None => Ok(found),
        Some(path) => Err(Error::new(
            subject(),
            format!(
                "the backup {} lacks {}, which a restore looks for: `exclude` in [backup] leaves it out",
                found.label(),
                path.display()
            ),
            format!(
                "correct that in {}, then `systemctl start backup-{}`",
                service.source.display(),
                service.name
            ),
        )),
    }
}
