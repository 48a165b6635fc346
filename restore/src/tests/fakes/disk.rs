//! What is on a disk in memory, and how a swap changes it.

use ::storage::mark::Stage;
use ::storage::{Kept, LeftOver, MarkState};

use super::{Dataset, Disk, Files, Snap};
use crate::tests::fakes;

pub(super) fn mark_of(dataset: &Dataset) -> MarkState {
    match &dataset.mark {
        None => MarkState::None,
        Some((guid, mark)) if *guid == dataset.guid => MarkState::Ours(mark.clone()),
        Some(_) => MarkState::Foreign("of another dataset".to_owned()),
    }
}

impl Disk {
    pub(super) fn new_dataset(&mut self, files: Files) -> Dataset {
        self.last_guid += 1;
        Dataset {
            guid: self.last_guid,
            mark: None,
            files,
            changes: 0,
        }
    }

    pub(super) fn left_over(&self) -> LeftOver {
        let Some(staging) = &self.staging else {
            return LeftOver::Nothing;
        };
        match mark_of(&staging.dataset) {
            MarkState::Ours(mark) if mark.stage == Stage::Staged => LeftOver::Complete(mark),
            MarkState::Ours(_) => LeftOver::Incomplete,
            MarkState::None | MarkState::Foreign(_) => LeftOver::Unmarked,
        }
    }

    /// Puts the dataset that is there aside, with what is newer than the copy that replaces it.
    pub(super) fn keep(&mut self, why: &str) -> Option<Kept> {
        let dataset = self.dataset.take()?;
        let staging = self.staging.as_ref();
        let goes_along = |snap: &Snap| {
            staging.is_none_or(|staging| !staging.snapshots.iter().any(|own| own == snap))
        };
        self.snapshots.retain(goes_along);
        let snapshots = std::mem::take(&mut self.snapshots);
        let name = format!("app:kept-{}", self.kept.len());
        self.kept.push(fakes::Kept {
            guid: dataset.guid,
            files: dataset.files,
            snapshots,
            why: why.to_owned(),
        });
        Some(Kept {
            name,
            seen_by: None,
            pending: None,
        })
    }
}
