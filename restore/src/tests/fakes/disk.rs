//! What is on a disk in memory, and how a swap changes it.

use ::storage::mark::Stage;
use ::storage::{Kept, LeftOver, Mark, MarkState, Result};
use jiff::Timestamp;

use super::looks::error;
use super::{Dataset, Disk, Files, How, Sealed, Snap, Staging};
use crate::tests::fakes;

/// What a dataset is called while it is kept.
fn name_of(guid: u64) -> String {
    format!("app:kept-{guid}")
}

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
        if let Some(back) = self.staging.as_mut().filter(|it| it.was_kept.is_some()) {
            // What it was replaced by had taken its snapshots along.
            back.snapshots.append(&mut self.snapshots);
        }
        let staging = self.staging.as_ref();
        let goes_along = |snap: &Snap| {
            staging.is_none_or(|staging| !staging.snapshots.iter().any(|own| own == snap))
        };
        self.snapshots.retain(goes_along);
        let snapshots = std::mem::take(&mut self.snapshots);
        let name = name_of(dataset.guid);
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

    /// That what is kept under this name can be brought back.
    pub(super) fn undoable(&self, name: &str) -> Result<()> {
        let is_kept = self.kept.iter().any(|kept| name_of(kept.guid) == name);
        if is_kept && self.staging.is_none() {
            return Ok(());
        }
        Err(error(How::Failed, "cannot be brought back"))
    }

    /// Stages what is kept under this name, complete.
    pub(super) fn bring_beside(&mut self, name: &str, mark: &Mark) {
        let of_name = |kept: &fakes::Kept| name_of(kept.guid) == name;
        let number = self.kept.iter().position(of_name).unwrap();
        let kept = self.kept.remove(number);
        let mark = mark.at_stage(Stage::Staged);
        self.staging = Some(Staging {
            dataset: Dataset {
                guid: kept.guid,
                mark: Some((kept.guid, mark)),
                files: kept.files,
                changes: 0,
            },
            snapshots: kept.snapshots,
            seal: Some(Sealed {
                over: self.dataset.as_ref().map(|it| (it.guid, it.changes)),
                taken: Timestamp::UNIX_EPOCH,
            }),
            was_kept: Some(kept.why),
        });
    }

    /// Keeps a complete copy that is not used. Gives its name.
    pub(super) fn retire(&mut self) -> String {
        let staging = self.staging.take().unwrap();
        let mut kept = fakes::Kept {
            guid: staging.dataset.guid,
            files: staging.dataset.files,
            snapshots: Vec::new(),
            why: "unused".to_owned(),
        };
        match staging.was_kept {
            Some(why) => {
                kept.why = why;
                kept.snapshots = staging.snapshots;
            }
            None => self.kept.retain(|kept| kept.why != "unused"),
        }
        self.kept.push(kept);
        name_of(staging.dataset.guid)
    }
}
