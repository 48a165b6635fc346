//! Backups of which this machine knows that they may lack files, and that are not filed apart yet: filing one apart excludes all
//! others from the repository, so it waits. No restore takes one meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use declaration::settings::{Backup, Service};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::mark::whole_seconds;
use storage::{Error, Result, state_file};

use super::snapshot_entry::{INCOMPLETE, SnapshotEntry};

/// Where it is noted what is known of a service's backups: in `NAME.json`, with other things.
pub const DIRECTORY: &str = "/var/lib/preseed/protection";

/// The most that is read of it.
pub const LARGEST: u64 = 1 << 20;

/// Those in one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Doubtful {
    /// The ids of those that lack files, and are still to be filed apart.
    pub unfiled: BTreeSet<String>,
    /// Of when the data of one is that has not ended yet, or of which nobody was told how it ended.
    pub begun: Option<Timestamp>,
}

/// Of what is noted of a service's backups, this alone is read here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Noted {
    doubtful: BTreeMap<String, Doubtful>,
}

impl Doubtful {
    /// Those of a service's backups in its repository.
    ///
    /// # Errors
    /// When it cannot be read what is noted of them: any backup may be one.
    pub(super) fn of(service: &Service, backup: &Backup) -> Result<Self> {
        let name = format!("{}.json", service.of());
        let read = state_file::read(Path::new(DIRECTORY), &name, LARGEST);
        let repository = backup.repository.name.as_str();
        let parsed = read.and_then(|text| match text {
            Some(text) => Self::parse(&text, repository).map_err(std::io::Error::other),
            None => Ok(Self::default()),
        });
        parsed.map_err(|error| {
            Error::new(
                format!("{DIRECTORY}/{name}"),
                format!("it cannot be read, and may name backups that lack files: {error}"),
                "look into it; moved away, every backup is taken for complete",
            )
        })
    }

    /// Those in a repository, by its name, of what is noted.
    fn parse(noted: &[u8], repository: &str) -> serde_json::Result<Self> {
        let mut noted: Noted = serde_json::from_slice(noted)?;
        Ok(noted.doubtful.remove(repository).unwrap_or_default())
    }

    /// Whether a snapshot of the service's is one of them.
    #[must_use]
    pub fn has(&self, snapshot: &SnapshotEntry) -> bool {
        // Older versions of restic tell but the beginning of an id.
        let is_it = |id: &String| !id.is_empty() && snapshot.id.starts_with(id.as_str());
        self.unfiled.iter().any(is_it) || is_of(self.begun, snapshot)
    }

    /// Gives a snapshot of the service the tag that it will have, if it is one of them.
    pub(super) fn mark(&self, snapshot: &mut SnapshotEntry) {
        if self.has(snapshot) {
            snapshot.tags = vec![INCOMPLETE.to_owned()];
        }
    }
}

/// Whether a snapshot is that of a backup which was begun: restic tells time by the second.
#[must_use]
pub fn is_of(begun: Option<Timestamp>, snapshot: &SnapshotEntry) -> bool {
    begun.map(whole_seconds) == Some(whole_seconds(snapshot.time))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_may_lack_files_is_told_as_what_does() {
        let noted = r#"{
            "doubtful": {
                "nas": {"unfiled": ["", "0a1b"], "begun": "2026-11-26T12:00:00.5Z"},
                "other": {"unfiled": ["2c3d"]}
            },
            "rounds": 3
        }"#;
        let doubtful = Doubtful::parse(noted.as_bytes(), "nas").unwrap();
        let unknown = Doubtful::parse(noted.as_bytes(), "new").unwrap();
        assert_eq!(unknown, Doubtful::default());
        for (id, time, is_doubtful) in [
            ("0a1b2c3d", "2026-11-25T00:00:00Z", true),
            ("2c3d", "2026-11-26T12:00:00Z", true),
            ("2c3d", "2026-11-26T12:00:01Z", false),
        ] {
            let told = serde_json::json!({
                "id": id, "time": time, "hostname": "forge", "paths": ["/srv/a"], "tags": ["a"],
            });
            let mut told: SnapshotEntry = serde_json::from_value(told).unwrap();
            doubtful.mark(&mut told);
            let tag = if is_doubtful { INCOMPLETE } else { "a" };
            assert_eq!(told.tags, [tag], "{id} {time}");
            Doubtful::default().mark(&mut told);
            assert_eq!(told.tags, [tag]);
        }
    }
}
