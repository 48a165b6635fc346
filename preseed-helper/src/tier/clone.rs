//! A local snapshot, by clone: in constant time; snapshots newer than it stay with what it replaces.

use declaration::value::TierName;
use report::Progress;
use storage::{Contents, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Source};
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

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.context.snapshots().map(<[Snapshot]>::to_vec)
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        let contents = self.context.storage.snapshot_contents(snapshot);
        contents.map_err(Failure::Source)
    }

    fn origin<'s>(&self, snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(if self.context.service.paths.is_empty() {
            Origin::Clone(snapshot)
        } else {
            Origin::Empty
        })
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        if !self.context.service.paths.is_empty() {
            return staged::copy_paths(self.context, snapshot, progress);
        }
        staged::restore(
            self.context,
            &Origin::Clone(snapshot),
            "clone",
            &snapshot.name,
            progress,
            |_, _| Ok(()),
        )
    }
}
