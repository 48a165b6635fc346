//! A local snapshot, by clone: in constant time; snapshots newer than it stay with what it replaces.

use declaration::value::TierName;
use report::Progress;
use storage::{Contents, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Snapshots, Source, all_of};
use crate::staged;

/// See the module.
pub(super) struct Clone<'a> {
    pub(super) context: &'a Context<'a>,
}

impl Source for Clone<'_> {
    fn tier(&self) -> TierName {
        TierName::Snapshot
    }

    fn name(&self) -> String {
        "local snapshots".to_owned()
    }

    fn moves_data(&self) -> bool {
        !self.context.service.paths.is_empty()
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

    fn origin<'s>(&self, snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(self.context.origin(Origin::Clone(snapshot)))
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let whole = Origin::Clone(snapshot);
        staged::restore_snapshot(self.context, &whole, "clone", snapshot, progress)
    }
}
