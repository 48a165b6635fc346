//! What is known of a service's backups, outside of them: /var/lib/preseed/protection/NAME.json, for root alone.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use declaration::settings::Repository;
use jiff::{SignedDuration, Timestamp};
use nix::fcntl::{Flock, FlockArg};
use restore::source::restic::doubtful::{DIRECTORY, Doubtful, LARGEST};
use serde::{Deserialize, Serialize};
use storage::extent::Extent;
use storage::{Error, Result, Snapshot, state_file, step};

/// The file whose lock is held while one is changed. No record is called so.
const LOCK: &str = "lock";

/// How long it is waited for: it is held for a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether it was given back.
const LOOK: Duration = Duration::from_millis(20);

/// For how long a doubt is news that is not noted anew: no snapshots are taken any more.
const RECENT: SignedDuration = SignedDuration::from_hours(72);

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Record {
    /// The newest backup that is good: it is never forgotten before a newer one is.
    pub good: Option<Good>,
    /// The newest snapshot of its dataset that is good, and held.
    pub held: Option<Good>,
    /// When its owner was last told that no newer one could prove itself; `None`: it could.
    pub doubt: Option<Timestamp>,
    /// Whether its owner has said since then that its data is right.
    pub accepted: bool,
    /// Whether that would help: the newest one holds the data, and less than half of what there was.
    pub has_vanished: bool,
    /// When its owner was last told that most of its data has vanished, so that backups are filed apart; `None`: the last
    /// one was good.
    pub shrunk: Option<Timestamp>,
    /// When its owner was last told that its backups do not pass the declared checks, or that these could not be finished;
    /// `None`: the last one passed them.
    pub unproved: Option<Timestamp>,
    /// Since when no restore would take the newest backup, or that could not be asked; `None`: one would. It says nothing of
    /// the data, so neither of snapshots nor of what was good before.
    pub unfound: Option<Timestamp>,
    /// The snapshots that are past their policy and cannot be destroyed, and since when.
    pub left: BTreeMap<String, Timestamp>,
    /// When its owner was last told of those that are so for long; `None`: there are none.
    pub left_told: Option<Timestamp>,
    /// Its backups that may lack files, by the name of their repository.
    pub doubtful: BTreeMap<String, Doubtful>,
    /// How often a part of the repository was checked.
    pub rounds: u64,
}

/// A good backup or snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Good {
    /// The repository, by name; `None`: it is a snapshot of the dataset.
    pub repository: Option<String>,
    /// The snapshot's whole id, or its whole name.
    pub snapshot: String,
    /// When the data was so.
    pub taken: Timestamp,
    /// How many entries it had.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The size of each file that is expected.
    pub expected: BTreeMap<PathBuf, u64>,
    /// Entries and bytes of each place.
    #[serde(default)]
    pub places: BTreeMap<PathBuf, (u64, u64)>,
}

impl Record {
    /// Whether a newer backup or snapshot could not prove itself of late: of snapshots, that is noted anew each day for as long
    /// as any are taken.
    #[must_use]
    pub fn is_in_doubt(&self, now: Timestamp) -> bool {
        let is_recent = |doubt: Timestamp| now.duration_since(doubt) < RECENT;
        self.has_doubtful_backups() || self.doubt.is_some_and(is_recent)
    }

    /// Whether no backup of it may be forgotten: a newer one or a snapshot could not prove itself, and none has since, nor did
    /// its owner accept it. That no snapshots are taken any more proves nothing.
    #[must_use]
    pub fn keeps_all(&self) -> bool {
        self.has_doubtful_backups()
            || self.unfound.is_some()
            || (self.doubt.is_some() && !self.accepted)
    }

    /// Whether the data of the last backup could not prove itself.
    #[must_use]
    pub fn has_doubtful_backups(&self) -> bool {
        self.shrunk.is_some() || self.unproved.is_some()
    }

    /// Whether its owner was told of late that snapshots are past their policy and cannot be destroyed: that is told each day for
    /// as long as it is pruned.
    #[must_use]
    pub fn has_left(&self, now: Timestamp) -> bool {
        self.left_told
            .is_some_and(|told| told <= now && now.duration_since(told) < RECENT)
    }

    /// Its backups in a repository that may lack files.
    #[must_use]
    pub fn doubtful_in(&self, repository: &Repository) -> Doubtful {
        let of_it = self.doubtful.get(repository.name.as_str());
        of_it.cloned().unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn doubtful_in_mut(&mut self, repository: &Repository) -> &mut Doubtful {
        let name = repository.name.as_str().to_owned();
        self.doubtful.entry(name).or_default()
    }

    /// Forgets how much there was: whatever there is now has not vanished against that. Gives when that was.
    pub fn accept(&mut self) -> Option<Timestamp> {
        self.accepted = self.doubt.is_some();
        let known = [self.good.as_mut(), self.held.as_mut()];
        let mut since = None;
        for good in known.into_iter().flatten() {
            good.entries = 0;
            good.bytes = 0;
            good.expected.clear();
            good.places.clear();
            since = since.max(Some(good.taken));
        }
        since
    }
}

impl Good {
    /// Of what was seen of a snapshot.
    #[must_use]
    pub fn new(repository: Option<&str>, snapshot: &Snapshot, extent: Extent) -> Self {
        Self {
            repository: repository.map(str::to_owned),
            snapshot: snapshot.name.clone(),
            taken: snapshot.taken,
            entries: extent.entries,
            bytes: extent.bytes,
            expected: extent.expected,
            places: extent.places,
        }
    }

    /// Its name for people: of a backup, as restic cuts its id.
    #[must_use]
    pub fn label(&self) -> &str {
        let cut = self.repository.as_ref().and(self.snapshot.get(..8));
        cut.unwrap_or(&self.snapshot)
    }

    /// How much it was.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent {
            entries: self.entries,
            bytes: self.bytes,
            expected: self.expected.clone(),
            places: self.places.clone(),
        }
    }
}

/// Reads the record of `name`; an empty one if there is none.
///
/// # Errors
/// When it cannot be read: that is not "nothing".
pub fn read(name: &str) -> Result<Record> {
    read_in(Path::new(DIRECTORY), name)
}

/// Changes the record of `name` as it is now, and gives what `change` gives. Others change other parts of it meanwhile: they
/// wait for this.
///
/// # Errors
/// When it cannot be read or written, or somebody else holds it for too long.
pub fn update<T>(name: &str, change: impl FnOnce(&mut Record) -> T) -> Result<T> {
    update_in(Path::new(DIRECTORY), name, change)
}

fn update_in<T>(directory: &Path, name: &str, change: impl FnOnce(&mut Record) -> T) -> Result<T> {
    make(directory)
        .and_then(|()| {
            let _lock = lock(directory)?;
            let before = match read_in(directory, name) {
                Ok(record) => record,
                Err(error) => return Ok(Err(error)),
            };
            let mut record = before.clone();
            let changed = change(&mut record);
            if record != before {
                write(directory, name, &record)?;
            }
            Ok(Ok(changed))
        })
        .map_err(|error| {
            Error::new(
                path_of(directory, name).to_string_lossy(),
                format!("what is known of its backups cannot be written: {error}"),
                "see that /var is writable and has room",
            )
            .caused_by(&error)
        })?
}

fn read_in(directory: &Path, name: &str) -> Result<Record> {
    state_file::read(directory, &file_of(name), LARGEST)
        .and_then(|text| match text {
            Some(text) => serde_json::from_slice(&text).map_err(io::Error::other),
            None => Ok(Record::default()),
        })
        .map_err(|error| {
            Error::new(
                path_of(directory, name).to_string_lossy(),
                format!("what is known of its backups cannot be read: {error}"),
                "look into it, and move it away: then the next backup is taken for the measure",
            )
        })
}

/// Makes the directory if it is missing.
fn make(directory: &Path) -> io::Result<()> {
    let above = directory.parent().map(|above| (above, 0o755));
    for (directory, mode) in above.into_iter().chain([(directory, 0o700)]) {
        match DirBuilder::new().mode(mode).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Locks all records, for the moment of a change. No program inherits it, and none is run meanwhile.
fn lock(directory: &Path) -> io::Result<Flock<File>> {
    let began = Instant::now();
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC)
        .open(directory.join(LOCK))?;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((file, nix::Error::EWOULDBLOCK)) if began.elapsed() < PATIENCE => file,
            Err((_, nix::Error::EWOULDBLOCK)) => {
                let what = format!("{LOCK} has been locked for {} s", PATIENCE.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, what));
            }
            Err((_, error)) => return Err(error.into()),
        };
        std::thread::sleep(LOOK);
    }
}

/// Writes a record, whole or not at all.
fn write(directory: &Path, name: &str, record: &Record) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(record)?;
    text.push('\n');
    step::at(|| format!("note what is known of {name}"));
    state_file::write(directory, &file_of(name), text.as_bytes())
}

fn file_of(name: &str) -> String {
    format!("{name}.json")
}

fn path_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(file_of(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_others_change_meanwhile_is_not_lost() {
        // A hundred changes with two fsync(2) each are no matter of the disk here.
        let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
        let directory = scratch.path().join("protection");
        let count = |times: u64| {
            for _ in 0..times {
                update_in(&directory, "sonarr", |record| record.rounds += 1).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| count(25));
            }
        });
        assert_eq!(read_in(&directory, "sonarr").unwrap().rounds, 100);
    }

    #[test]
    fn no_backup_is_forgotten_until_a_doubt_is_resolved() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let since = |hours| Some(now - SignedDuration::from_hours(hours));
        for (doubt, shrunk, is_recent, keeps_all) in [
            (None, None, false, false),
            (since(30), None, true, true),
            (since(100), None, false, true),
            (None, since(100), true, true),
        ] {
            let mut record = Record {
                doubt,
                shrunk,
                ..Record::default()
            };
            assert_eq!(record.is_in_doubt(now), is_recent, "{doubt:?}, {shrunk:?}");
            assert_eq!(record.keeps_all(), keeps_all, "{doubt:?}, {shrunk:?}");
            // The next snapshot is to prove itself all the same, and the next backup to be made.
            record.accept();
            assert_eq!((record.doubt, record.shrunk), (doubt, shrunk));
            assert_eq!(
                record.keeps_all(),
                shrunk.is_some(),
                "{doubt:?}, {shrunk:?}"
            );
        }
    }

    #[test]
    fn a_repository_that_does_not_answer_casts_no_doubt_on_the_data() {
        let now = Timestamp::now();
        let record = Record {
            unfound: Some(now),
            ..Record::default()
        };
        assert!(record.keeps_all());
        assert!(!record.is_in_doubt(now) && !record.has_doubtful_backups());
    }

    #[test]
    fn what_was_stored_of_no_places_reads_back() {
        let stored = r#"{"good": {"repository": "nas", "snapshot": "0a1b", "taken": "2026-11-26T12:00:00Z",
            "entries": 20, "bytes": 4096, "expected": {"app.db": 7}}}"#;
        let mut record: Record = serde_json::from_str(stored).unwrap();
        let good = record.good.as_mut().unwrap();
        assert_eq!((good.entries, good.places.len()), (20, 0));
        good.places.insert("/srv/covers".into(), (3, 4));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
        record.accept();
        assert!(record.good.unwrap().places.is_empty());
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("protection");
        let since = update_in(&directory, "sonarr", Record::accept).unwrap();
        assert_eq!(since, None);
        assert!(!directory.join("sonarr.json").exists());
        std::fs::write(directory.join("sonarr.json"), "{").unwrap();
        update_in(&directory, "sonarr", |record| record.rounds += 1).unwrap_err();
    }
}
