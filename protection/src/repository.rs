//! A restic repository, as people ask for it.

use std::time::Duration;

use declaration::settings::{Repository, Service};
use jiff::Timestamp;
use restore::source::restic;
use restore::source::restic::call::Call;
use restore::source::restic::snapshot_entry::{SnapshotEntry, is_apart};
use storage::{Error, Result};

use crate::work;

/// A snapshot, and how it is filed.
#[derive(Debug)]
pub struct Filed {
    /// Its whole id.
    pub id: String,
    /// When the data was so.
    pub taken: Timestamp,
    /// The machine.
    pub host: String,
    /// The paths.
    pub paths: Vec<String>,
    /// The tags.
    pub tags: Vec<String>,
}

impl Filed {
    /// Its id as restic cuts it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }
}

/// Makes the repository, which must not be there yet.
///
/// # Errors
/// When it is there, or cannot be made.
pub fn init(repository: &Repository, stall_timeout: Duration) -> Result<()> {
    let call = Call::to(repository, stall_timeout)?;
    if call.ask(&["cat", "config"]).is_ok() {
        return Err(Error::new(
            call.subject(),
            "it is there already",
            format!("see `preseedctl repository list {}`", repository.name),
        ));
    }
    work::run(&call, &["init"], stall_timeout)
        .map(drop)
        .map_err(|failure| failure.error)
}

/// Its snapshots, oldest first.
///
/// # Errors
/// When it cannot be asked, or has some that cannot be read.
pub fn list(repository: &Repository, stall_timeout: Duration) -> Result<Vec<Filed>> {
    let call = Call::to(repository, stall_timeout)?;
    let told = call
        .ask(&["snapshots", "--json"])
        .map_err(|failure| failure.error)?;
    if let Some(unread) = call.unread(&told) {
        return Err(unread);
    }
    let all: Vec<SnapshotEntry> =
        serde_json::from_str(&told.stdout).map_err(|error| call.unreadable("snapshots", &error))?;
    let mut filed: Vec<Filed> = all
        .into_iter()
        .map(|entry| Filed {
            id: entry.id,
            taken: entry.time,
            host: entry.hostname,
            paths: entry.paths,
            tags: entry.tags,
        })
        .collect();
    filed.sort_by_key(|one| one.taken);
    Ok(filed)
}

/// That it is sound, as far as that is told without reading all data.
///
/// # Errors
/// When it is not, or cannot be asked.
pub fn check(repository: &Repository, stall_timeout: Duration) -> Result<()> {
    let call = Call::to(repository, stall_timeout)?;
    work::run(&call, &["check"], stall_timeout)
        .map(drop)
        .map_err(|failure| failure.error)
}

/// Whether a service's backups are in the repository called `name`.
#[must_use]
pub fn names(service: &Service, name: &str) -> bool {
    let backup = service.backup.as_ref();
    backup.is_some_and(|backup| backup.repository.name == name)
}

/// Whether a snapshot of the repository called `name` is one that the service would be restored from.
#[must_use]
pub fn is_of(service: &Service, name: &str, filed: &Filed) -> bool {
    let Some(backup) = service.backup.as_ref().filter(|_| names(service, name)) else {
        return false;
    };
    let path = backup.path.to_string_lossy();
    restic::host(backup).is_ok_and(|host| host == filed.host)
        && filed.paths.iter().any(|own| *own == path)
        && backup.tags.iter().all(|tag| filed.tags.contains(tag))
        && !is_apart(&filed.tags, &backup.tags)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use restore::source::restic::snapshot_entry::INCOMPLETE;

    use super::*;

    #[test]
    fn what_lacks_files_is_no_backup_of_a_service() {
        let text = "[dataset]\nmountpoint = \"/srv/app\"\n[backup]\nhost = \"forge\"\nrepository = \"default\"\n";
        let service = declared::service("app", Some(declared::REPOSITORY), text).unwrap();
        let named = declared::service(
            "app",
            Some(declared::REPOSITORY),
            &format!("{text}tags = [\"{INCOMPLETE}\"]\n"),
        )
        .unwrap();
        let filed = |tags: &[&str]| Filed {
            id: "0123456789".to_owned(),
            taken: Timestamp::UNIX_EPOCH,
            host: "forge".to_owned(),
            paths: vec!["/srv/app".to_owned()],
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        assert!(is_of(&service, "default", &filed(&["weekly"])));
        assert!(!is_of(&service, "default", &filed(&[INCOMPLETE])));
        assert!(is_of(&named, "default", &filed(&[INCOMPLETE])));
        assert!(!is_of(&service, "other", &filed(&[])));
    }
}
