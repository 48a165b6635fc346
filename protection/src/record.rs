//! What is known of a service's backups, outside of them: /var/lib/preseed/protection/NAME.json, for root alone.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::extent::Extent;
use storage::{Error, Result, Snapshot};

const DIRECTORY: &str = "/var/lib/preseed/protection";

/// The most that is read: a record has a few hundred bytes.
const LARGEST: u64 = 1 << 20;

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
}

impl Record {
    /// Forgets how much there was: whatever there is now has not vanished against that. Gives when that was.
    pub fn accept(&mut self) -> Option<Timestamp> {
        let known = [self.good.as_mut(), self.held.as_mut()];
        let mut since = None;
        for good in known.into_iter().flatten() {
            good.entries = 0;
            good.bytes = 0;
            good.expected.clear();
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
        }
    }

    /// How much it was.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent {
            entries: self.entries,
            bytes: self.bytes,
            expected: self.expected.clone(),
        }
    }
}

/// Reads the record of `name`; an empty one if there is none.
///
/// # Errors
/// When it cannot be read: that is not "nothing".
pub fn read(name: &str) -> Result<Record> {
    let path = path_of(name);
    let mut text = String::new();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(&path);
    let read = match file {
        Ok(file) => file.take(LARGEST).read_to_string(&mut text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Record::default()),
        Err(error) => Err(error),
    };
    read.map_err(std::io::Error::other)
        .and_then(|_| serde_json::from_str(&text).map_err(std::io::Error::other))
        .map_err(|error| {
            Error::new(
                path.to_string_lossy(),
                format!("what is known of its backups cannot be read: {error}"),
                "look into it, and move it away: then the next backup is taken for the measure",
            )
        })
}

/// Writes the record of `name`, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(name: &str, record: &Record) -> Result<()> {
    let path = path_of(name);
    let write = || -> std::io::Result<()> {
        for (directory, mode) in [("/var/lib/preseed", 0o755), (DIRECTORY, 0o700)] {
            match DirBuilder::new().mode(mode).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let mut text = serde_json::to_string_pretty(record)?;
        text.push('\n');
        let mut new = tempfile::NamedTempFile::new_in(DIRECTORY)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(&path).map_err(|error| error.error)?;
        File::open(DIRECTORY)?.sync_all()
    };
    write().map_err(|error| {
        Error::new(
            path.to_string_lossy(),
            format!("what is known of its backups cannot be written: {error}"),
            "see that /var is writable and has room",
        )
    })
}

fn path_of(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{name}.json"))
}
