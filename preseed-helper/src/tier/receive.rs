//! A replica's snapshot, by `zfs send | zfs receive`.

use declaration::settings::Replica;
use declaration::value::TierName;
use report::Progress;
use storage::{Contents, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Snapshots, Source, all_of};
use crate::staged;

/// See the module.
pub(super) struct Receive<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) replica: &'a Replica,
}

impl Source for Receive<'_> {
    fn tier(&self) -> TierName {
        TierName::Snapshot
    }

    fn name(&self) -> String {
        format!("replica {}", self.replica.name)
    }

    fn needs_network(&self) -> bool {
        self.replica.host.is_some()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        let storage = self.context.storage;
        storage.replica_snapshots(self.replica).map(all_of)
    }

    fn list_again(&self) -> Option<Result<Vec<Snapshot>>> {
        Some(self.context.storage.replica_snapshots(self.replica))
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.context.contents_of(snapshot)
    }

    fn origin<'s>(&self, snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(self.context.origin(Origin::Receive(snapshot)))
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let whole = Origin::Receive(snapshot);
        staged::restore_snapshot(self.context, &whole, "receive", snapshot, progress)
    }
}
