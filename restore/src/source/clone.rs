//! A local snapshot, by clone: in constant time; snapshots newer than it stay with what it replaces.

use declaration::value::TierName;
use storage::{Contents, Origin, Result, Snapshot};

use crate::context::Context;
use crate::failure::Failure;
use crate::source::{Bring, Snapshots, Source, all_of};

/// See the module.
struct Clone<'a> {
    context: &'a Context<'a>,
}

/// The source of this kind, if the tier is its own.
pub(super) fn of<'a>(context: &'a Context<'a>, tier: TierName) -> Vec<Box<dyn Source + 'a>> {
    match tier {
        TierName::Snapshot => vec![Box::new(Clone { context })],
        TierName::Rollback | TierName::Restic => Vec::new(),
    }
}

impl Source for Clone<'_> {
    fn tier(&self) -> TierName {
        TierName::Snapshot
    }

    fn name(&self) -> String {
        "local snapshots".to_owned()
    }

    fn lies_in_the_storage(&self) -> bool {
        true
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

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        let whole = Origin::Clone(snapshot);
        Ok(Bring::of_this_machine(self.context, "clone", whole))
    }
}
