//! Backups of which this machine knows that they may lack files, and that are not filed apart yet: filing one apart excludes all
//! others from the repository, so it waits. No restore takes one meanwhile.

use std::collections::BTreeSet;
use std::path::Path;

use declaration::settings::Service;
use jiff::Timestamp;
use serde::Deserialize;
use storage::mark::whole_seconds;
use storage::{Error, Result, state_file};

use super::snapshot_entry::{INCOMPLETE, SnapshotEntry};

/// Where it is noted what is known of a service's backups: in `NAME.json`, with other things.
pub const DIRECTORY: &str = "/var/lib/preseed/protection";

/// The most that is read of it.
pub const LARGEST: u64 = 1 << 20;

/// See the module.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Doubtful {
    /// Their ids.
    unfiled: BTreeSet<String>,
    /// Of when the data of one is that has not ended yet, or of which nobody was told how it ended.
    begun: Option<Timestamp>,
}

impl Doubtful {
    /// What is noted of a service's backups.
    ///
    /// # Errors
    /// When it cannot be read: any backup may be one.
    pub(super) fn of(service: &Service) -> Result<Self> {
        let name = format!("{}.json", service.of());
        let read = state_file::read(Path::new(DIRECTORY), &name, LARGEST);
        let parsed = read.and_then(|text| match text {
            Some(text) => serde_json::from_slice(&text).map_err(std::io::Error::other),
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

    /// Gives a snapshot of the service the tag that it will have, if it is one of them.
    pub(super) fn mark(&self, snapshot: &mut SnapshotEntry) {
        // Older versions of restic tell but the beginning of an id.
        let is_it = |id: &String| !id.is_empty() && snapshot.id.starts_with(id.as_str());
        if self.unfiled.iter().any(is_it) || is_of(self.begun, snapshot) {
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
        let noted = r#"{"unfiled": ["0a1b"], "begun": "2026-11-26T12:00:00.5Z", "rounds": 3}"#;
        let doubtful: Doubtful = serde_json::from_str(noted).unwrap();
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
