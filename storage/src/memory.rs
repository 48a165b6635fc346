//! What the machine remembers of services that had data, outside their datasets: a dataset that is destroyed takes its
//! mark along, and what then looks like a first start may be the loss of everything.
//!
//! There are two records of each service: a file in /var/lib/preseed and, for a dataset, a property in its pool. Either
//! suffices. A record says that the service had data, or was started empty, or was forgotten by an admin, which
//! outranks all that is older.

mod file;
mod of_service;
mod record;
mod untouched;
mod with_the_data;

use std::path::PathBuf;

use declaration::settings::{self, Service};
use jiff::Timestamp;

use crate::mark::{BOOTSTRAP, Stage, now};
use crate::zfs::memory as pool;
use crate::{Error, MarkState, Observation, Result, Storage, local, shown};
use of_service::{in_place_of, machine_id, pool_of, record_of, with_data_since_it_was_empty};

pub use record::{Record, What};
pub(crate) use with_the_data::with_the_data;

/// What is remembered of a service that would be started empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recalled {
    /// Nothing: it never had data here, as far as is known.
    Nothing,
    /// Another machine remembers data of a service of this name: in words, for the admin to judge.
    Question(String),
    /// It had data, or may have had: since when and where, in words.
    Data(String),
}

/// Where a record is, and what it says.
#[derive(Debug)]
pub struct Entry {
    /// The file, or the dataset.
    pub place: String,
    /// The record; an error if it cannot be read.
    pub record: Result<Record>,
    /// The pool that it is in.
    pool: Option<String>,
}

/// Remembers that a service has data: it was seen just now. Writes only what is not written yet; asks nobody if the
/// file says so already.
///
/// # Errors
/// When it can be written nowhere. No data is lost by that: only what would be said of its loss.
pub fn saw_data(service: &Service, storage: &dyn Storage) -> Result<()> {
    let mut seen = record(service, storage, What::Data)?;
    let known = file::read(service.name.as_str());
    if let Ok(Some(known)) = &known {
        if says_the_same(known, &seen) {
            return Ok(());
        }
        // What the pool says protects as well: that it was started empty, and on what.
        if let Some(was_empty) = with_data_since_it_was_empty(known) {
            if says_the_same(&was_empty, &seen) {
                return file::write(service.name.as_str(), &seen);
            }
            seen.comes_after(&was_empty);
        }
    }
    write(service, seen, known)
}

/// As [`saw_data`], but looks whether the pool remembers as well: for the daily timer.
///
/// # Errors
/// As [`saw_data`].
pub fn saw_data_and_pool(service: &Service, storage: &dyn Storage) -> Result<()> {
    if let Some(pool) = pool_of(service)
        && pool::read(pool, service.name.as_str())?
            .as_deref()
            .and_then(Record::read)
            .is_none_or(|record| record.what != What::Data)
        && let Ok(Some(mut known)) = file::read(service.name.as_str())
    {
        // As if the file were alone.
        known.pool.clear();
        file::write(service.name.as_str(), &known)?;
    }
    saw_data(service, storage)
}

/// Remembers that a service was started empty, for the first time.
///
/// # Errors
/// When it can be written nowhere.
pub fn started_empty(service: &Service, storage: &dyn Storage) -> Result<()> {
    let untouched = untouched::last_change(&service.mountpoint).unwrap_or_default();
    let what = What::StartedEmpty(untouched);
    let record = record(service, storage, what)?;
    write(service, record, file::read(service.name.as_str()))
}

/// What is remembered of a service that would be started empty, and of which this was observed.
#[must_use]
pub fn recall(service: &Service, storage: &dyn Storage, observation: &Observation) -> Recalled {
    let found = all_of(service);
    let forgotten = forgotten(&found);
    if let Some(data) = told_by_the_mark(observation, forgotten) {
        return Recalled::Data(data);
    }
    let identity = storage.identity().ok().flatten();
    let identity = identity.map(|(identity, _)| identity);
    let machine = machine_id();
    let mut recalled = Recalled::Nothing;
    for found in &found {
        let record = match &found.record {
            Ok(record) => record,
            // An error is not "nothing".
            Err(error) => return Recalled::Data(unreadable(error)),
        };
        if Some(record.at) <= forgotten {
            continue;
        }
        let is_the_same = identity.as_ref().is_some_and(|is| *is == record.identity);
        let is_ours = record.machine == machine
            || record.machine.is_empty()
            || machine.is_empty()
            || is_the_same;
        let place = record.in_words();
        match &record.what {
            What::Data if is_ours => {
                return Recalled::Data(format!(
                    "it had data since {}, {place}",
                    local(record.since)
                ));
            }
            What::Data => {
                recalled = Recalled::Question(format!(
                    "another machine remembers data of a service of this name since {}, {place}: was that this service's, \
                     and where is it now?",
                    record.since
                ));
            }
            What::StartedEmpty(then) if is_ours => {
                let now = untouched::last_change(&service.mountpoint);
                let seen = untouched::Seen {
                    is_the_same,
                    is_empty: observation.contents.is_empty(),
                    then,
                    now: now.as_deref(),
                };
                if let Some(since) = seen.may_have_held_data() {
                    return Recalled::Data(format!(
                        "it may have had data since {}, when it was started empty, {place}: {since}",
                        record.at
                    ));
                }
            }
            What::StartedEmpty(_) | What::Forgotten => {}
        }
    }
    recalled
}

/// That a service may have had data, in words, since this kept a record of it from being read.
fn unreadable(error: &Error) -> String {
    let why = error.fault();
    format!("it may have had data: its record cannot be read ({why})")
}

/// That a service had data, in words, as its mark says, if it was not forgotten since.
fn told_by_the_mark(observation: &Observation, forgotten: Option<Timestamp>) -> Option<String> {
    let MarkState::Ours(mark) = &observation.mark else {
        return None;
    };
    let had_data = (mark.is_seeded() || mark.stage == Stage::Seeding) && mark.by != BOOTSTRAP;
    (had_data && Some(mark.at) > forgotten)
        .then(|| format!("it had data since {} (by {})", local(mark.at), mark.by))
}

/// Whether a service was started empty, as a record says that can be read, and provably nothing came of it since.
#[must_use]
pub fn is_provably_hollow(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
) -> bool {
    let Ok(Some((identity, _))) = storage.identity() else {
        return false;
    };
    let records = all_of(service)
        .into_iter()
        .filter_map(|found| found.record.ok());
    let was_started_empty = |record: &Record| {
        matches!(record.what, What::StartedEmpty(_)) && record.identity == identity
    };
    records.into_iter().any(|record| was_started_empty(&record))
        && recall(service, storage, observation) == Recalled::Nothing
}

/// Where a service's data was seen last, as the file remembers it; `None` if it does not.
pub(crate) fn place(service: &Service) -> Option<PathBuf> {
    let record = file::read(service.name.as_str()).ok().flatten()?;
    let is_the_same = record.what != What::Forgotten
        && record.machine == machine_id()
        && match &service.storage {
            settings::Storage::Zfs(dataset) => record.dataset == dataset.name.as_str(),
            settings::Storage::Directory => record.dataset.is_empty(),
        };
    (is_the_same && record.place.is_absolute()).then_some(record.place)
}

/// What the file of this machine remembers of the service `name`; `None` if nothing. No pool is asked.
///
/// # Errors
/// When it cannot be read: that is not "nothing".
pub fn noted(name: &str) -> Result<Option<Record>> {
    file::read(name)
}

/// When an admin last gave up what there was of a service, as far as is remembered.
#[must_use]
pub fn forgotten_at(service: &Service) -> Option<Timestamp> {
    forgotten(&all_of(service))
}

/// When a service was forgotten, and the identities of what is remembered of it: what was given up, and what was its
/// own although its mark does not say so.
pub(crate) fn given_up_and_own(service: &Service) -> (Option<Timestamp>, Vec<String>) {
    let found = all_of(service);
    let forgotten = forgotten(&found);
    let records = found.into_iter().filter_map(|found| found.record.ok());
    let own = records
        .filter(|record| record.what != What::Forgotten && Some(record.at) > forgotten)
        .map(|record| record.identity);
    (forgotten, own.collect())
}

/// Everything that this machine and its pools remember of the service `name`, which need not be declared.
///
/// # Errors
/// When the pools cannot be listed.
pub fn all(name: &str) -> Result<Vec<Entry>> {
    let mut all = Vec::from_iter(in_the_file(name));
    for pool in pool::pools()? {
        all.extend(in_the_pool(&pool, name));
    }
    Ok(all)
}

/// Lets a service be forgotten: all of `found` is replaced by a note of when that was, which outranks what is older and
/// could not be reached.
///
/// # Errors
/// When it cannot be written.
pub fn forget(name: &str, found: &[Entry]) -> Result<()> {
    let times = found
        .iter()
        .filter_map(|found| Some(found.record.as_ref().ok()?.at));
    // Also if the clock was ahead when one of them was written.
    let at = times.fold(now(), Timestamp::max);
    let mut tombstone = Record {
        what: What::Forgotten,
        at,
        since: at,
        machine: machine_id(),
        identity: String::new(),
        dataset: String::new(),
        place: PathBuf::new(),
        by: String::new(),
        sources: String::new(),
        pool: String::new(),
    };
    for pool in found.iter().filter_map(|found| found.pool.as_ref()) {
        pool::write(pool, name, &tombstone.line())?;
        tombstone.pool.clone_from(pool);
    }
    file::write(name, &tombstone)
}

impl Record {
    /// Where the data was, and what could restore it, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let what = if self.dataset.is_empty() {
            shown(&self.place)
        } else {
            format!("in {} at {}", self.dataset, shown(&self.place))
        };
        let sources = match self.sources.as_str() {
            "" => "nothing that could restore it".to_owned(),
            sources => sources.escape_debug().to_string(),
        };
        format!("{} (to be restored by: {sources})", what.escape_debug())
    }
}

/// What is remembered of a declared service.
fn all_of(service: &Service) -> Vec<Entry> {
    let name = service.name.as_str();
    let mut all = Vec::from_iter(in_the_file(name));
    if let Some(pool) = pool_of(service) {
        all.extend(in_the_pool(pool, name));
    }
    all
}

fn in_the_file(name: &str) -> Option<Entry> {
    Some(Entry {
        place: shown(&file::path(name)),
        record: file::read(name).transpose()?,
        pool: None,
    })
}

fn in_the_pool(pool: &str, name: &str) -> Option<Entry> {
    let line = pool::read(pool, name).transpose()?;
    let record = line
        .and_then(|line| Record::read(&line).ok_or_else(|| pool::unreadable(pool, name, &line)));
    Some(Entry {
        place: pool::dataset(pool),
        record,
        pool: Some(pool.to_owned()),
    })
}

/// When the service was last forgotten.
fn forgotten(found: &[Entry]) -> Option<Timestamp> {
    let records = found.iter().filter_map(|found| found.record.as_ref().ok());
    let forgotten = records.filter(|record| record.what == What::Forgotten);
    forgotten.map(|record| record.at).max()
}

/// What is to be remembered of a service as it is now.
fn record(service: &Service, storage: &dyn Storage, what: What) -> Result<Record> {
    let (identity, mark) = storage
        .identity()?
        .unwrap_or((String::new(), MarkState::None));
    Ok(record_of(service, what, identity, mark))
}

/// Whether a record says what is to be said, times aside.
fn says_the_same(known: &Record, seen: &Record) -> bool {
    let timeless = |record: &Record| Record {
        at: seen.at,
        since: seen.since,
        by: String::new(),
        ..record.clone()
    };
    timeless(known) == timeless(seen)
}

/// Writes a record into the pool and the file; `known` is what the file held until now.
fn write(service: &Service, mut record: Record, known: Result<Option<Record>>) -> Result<()> {
    let name = service.name.as_str();
    let known = known.ok().flatten();
    if let Some(known) = &known {
        record.comes_after(known);
    }
    let in_pool = match pool_of(service) {
        Some(pool) => write_in_pool(pool, name, &mut record, known.as_ref()),
        None => Ok(()),
    };
    if in_pool.is_err() {
        // The next look tries again.
        record.pool.clear();
    }
    match (file::write(name, &record), in_pool) {
        (Ok(()), _) => Ok(()),
        (Err(_), Ok(())) if pool_of(service).is_some() => Ok(()),
        (Err(error), _) => Err(error),
    }
}

/// Writes a record into a pool, after what that remembers of the service; `known` is what the file remembers.
fn write_in_pool(
    pool: &str,
    name: &str,
    record: &mut Record,
    known: Option<&Record>,
) -> Result<()> {
    if pool::replace(in_place_of(pool, name, record, known).as_ref()) {
        return Ok(());
    }
    let earlier = in_the_pool(pool, name).and_then(|found| found.record.ok());
    if let Some(earlier) = earlier {
        record.comes_after(&earlier);
    }
    pool::write(pool, name, &record.line()).map(drop)
}
