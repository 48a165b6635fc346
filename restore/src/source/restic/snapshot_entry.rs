//! A snapshot as restic tells it.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use storage::Snapshot;
use storage::mark::whole_seconds;

/// The tag of a backup of which some files could not be read. It is nobody's who does not name it.
pub const INCOMPLETE: &str = "preseed-incomplete";

/// The same of data that had mostly vanished.
pub const SHRUNK: &str = "preseed-shrunk";

/// The same of data that did not pass the declared checks.
pub const UNSOUND: &str = "preseed-unsound";

/// Whether a snapshot with the tags `own` is filed apart, for a service that declares the tags `declared`.
pub fn is_apart(own: &[String], declared: &[impl AsRef<str>]) -> bool {
    [INCOMPLETE, SHRUNK, UNSOUND].iter().any(|apart| {
        let is_declared = declared.iter().any(|tag| tag.as_ref() == *apart);
        !is_declared && own.iter().any(|tag| tag == apart)
    })
}

/// A snapshot as `restic snapshots --json` tells it. Fields that are absent are unknown to that version.
#[derive(Debug, Clone, Deserialize)]
pub struct SnapshotEntry {
    /// When it was taken.
    pub time: Timestamp,
    /// The paths it is of.
    pub paths: Vec<String>,
    /// The machine it is of.
    pub hostname: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its id, whole.
    pub id: String,
    /// The id that it had before its tags were changed.
    pub original: Option<String>,
    summary: Option<Summary>,
}

#[derive(Debug, Clone, Deserialize)]
struct Summary {
    #[serde(default)]
    total_bytes_processed: u64,
}

impl SnapshotEntry {
    /// As the tiers know it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.id.clone(),
            taken: whole_seconds(self.time),
            bytes: self
                .summary
                .as_ref()
                .map_or(0, |summary| summary.total_bytes_processed),
        }
    }
}

/// How a path of a snapshot lies to the service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// It is the same.
    There,
    /// It is one above.
    Above,
    /// It is neither.
    Elsewhere,
}

/// How a snapshot's paths lie to `path` (absolute).
pub fn lies(snapshot: &SnapshotEntry, path: &str) -> Lies {
    let path = Path::new(path);
    let has = |wanted: &dyn Fn(&Path) -> bool| snapshot.paths.iter().any(|p| wanted(Path::new(p)));
    if has(&|of| of == path) {
        Lies::There
    } else if has(&|of| of.is_absolute() && path.starts_with(of)) {
        Lies::Above
    } else {
        Lies::Elsewhere
    }
}
