//! The newest local snapshot, by `zfs rollback`: in place, in constant time.

use declaration::settings::Storage;
use declaration::value::TierName;
use report::Progress;
use storage::mark::Stage;
use storage::{Contents, Error, Mark, NotRolledBack, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Snapshots, Source, all_of};
use crate::staged;

/// See the module.
pub(super) struct Rollback<'a> {
    pub(super) context: &'a Context<'a>,
}

impl Rollback<'_> {
    fn refused(&self, what: impl Into<String>) -> Error {
        let service = self.context.service;
        let help = if service.tiers.contains(&TierName::Snapshot) {
            "the tier `snapshot` restores it without a rollback"
        } else {
            "let the tier `snapshot` restore it without a rollback: declare it in `tiers`"
        };
        Error::new(service.mountpoint.to_string_lossy(), what, help)
    }
}

impl Source for Rollback<'_> {
    fn tier(&self) -> TierName {
        TierName::Rollback
    }

    fn name(&self) -> String {
        "rollback".to_owned()
    }

    fn moves_data(&self) -> bool {
        false
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        self.context.snapshots().map(all_of)
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        failure.is_open().then(|| self.context.list_again())
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.context.contents_of(snapshot)
    }

    fn obstacle(&self, snapshot: &Snapshot) -> Option<Error> {
        if !self.context.service.paths.is_empty() {
            return Some(self.refused(
                "only `paths` are to be restored, and a rollback brings back everything",
            ));
        }
        let contents = &self.context.observation.contents;
        if !contents.is_empty() || contents.ignored {
            return Some(self.refused("a rollback would destroy what lies there"));
        }
        // What a clone has of its origin, nothing is rolled back to.
        if let Storage::Zfs(dataset) = &self.context.service.storage
            && snapshot.name.split_once('@').map(|(of, _)| of) != Some(dataset.name.as_str())
        {
            return Some(self.refused(format!(
                "{} is a snapshot of what it was cloned from",
                snapshot.name
            )));
        }
        // Newer ones than these `zfs rollback` itself refuses to destroy.
        match self.context.snapshots() {
            Err(error) => Some(error),
            Ok(snapshots) => match snapshots.first() {
                Some(newest) if newest.name == snapshot.name => None,
                newest => {
                    let newest = newest.map_or("a newer snapshot", |newest| newest.name.as_str());
                    Some(self.refused(format!(
                        "a rollback to {} would destroy {newest}",
                        snapshot.name
                    )))
                }
            },
        }
    }

    fn origin<'s>(&self, _snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        None
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        _progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let storage = self.context.storage;
        storage.must_be_writable().map_err(Failure::Storage)?;
        if !self.context.service.verify.is_empty() {
            // Before anything is changed: a rollback cannot be taken back.
            staged::try_out(self.context, snapshot)?;
        }
        self.context.must_be_unchanged().map_err(Failure::Storage)?;
        let mark = Mark::new(Stage::Seeding, "rollback", &snapshot.name);
        storage
            .rollback(snapshot, &mark)
            .map_err(|error| match error {
                NotRolledBack::Storage(error) => Failure::Storage(error),
                NotRolledBack::Refused(error) => Failure::Source(error),
            })?;
        Ok(Restored {
            kept: None,
            bytes: 0,
        })
    }
}
