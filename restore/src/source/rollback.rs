//! The newest local snapshot, by `zfs rollback`: in place, in constant time.

use declaration::value::TierName;
use storage::{Contents, Error, Result, Snapshot};

use crate::context::Context;
use crate::failure::Failure;
use crate::source::{Bring, Snapshots, Source, all_of};

/// See the module.
struct Rollback<'a> {
    context: &'a Context<'a>,
}

/// The source of this kind, if the tier is its own.
pub(super) fn of<'a>(context: &'a Context<'a>, tier: TierName) -> Vec<Box<dyn Source + 'a>> {
    match tier {
        TierName::Rollback => vec![Box::new(Rollback { context })],
        TierName::Snapshot | TierName::Restic => Vec::new(),
    }
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

    fn lies_in_the_storage(&self) -> bool {
        true
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
        if let Some(error) = &*self.context.rollback_refused.borrow() {
            return Some(error.clone());
        }
        if !self.context.service.paths.is_empty() {
            return Some(self.refused(
                "only `paths` are to be restored, and a rollback brings back everything",
            ));
        }
        let contents = &self.context.observation.contents;
        if !contents.is_empty() || contents.ignored {
            return Some(self.refused("a rollback would destroy what lies there"));
        }
        let storage = match self.context.with_snapshots() {
            Ok(storage) => storage,
            Err(error) => return Some(error),
        };
        if !storage.owns(snapshot) {
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

    fn bring<'s>(&'s self, _snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        Ok(Bring::InPlace)
    }
}
