//! A service's ZFS dataset.

mod admins;
mod apply;
pub(crate) mod as_found;
mod aside;
pub(crate) mod backup_snapshot;
mod brought_back;
pub(crate) mod call;
mod children;
pub(crate) mod compare;
mod converge;
mod create;
pub(crate) mod damage;
mod dataset;
mod declared;
mod delegations;
mod elsewhere;
mod half_created;
mod half_done;
pub(crate) mod holds;
pub(crate) mod inspect;
pub(crate) mod kept_dataset;
pub(crate) mod kept_record;
mod key;
mod kinds;
mod last_set;
mod left_over;
pub(crate) mod listing;
pub(crate) mod memory;
mod mount;
mod mounted;
mod names;
mod objset;

mod packed;
mod pools;
mod program;
mod promote;
mod properties;
mod put_aside;
mod quotas;
mod receive;
mod refusals;
pub(crate) mod replaced;
pub mod replica;
mod rollback;
mod room;
mod set;
mod shut;
pub(crate) mod snapshots;
mod staging;
pub(crate) mod survey;
mod swap;
mod trial;
mod undo;
pub(crate) mod utility;
mod value;
mod version;
mod wanted;
mod withdraw;
mod words;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::bring_out::Outside;
use crate::mark::Stage;
use crate::{
    Applied, Contents, InPlace, Kept, LeftOver, Listed, Mark, MarkState, NotRolledBack,
    Observation, Origin, Presence, Result, Seal, Since, Snapshot, Snapshots, Staged, Staging,
    Storage, Trial, copy, kept,
};
pub(crate) use dataset::Zfs;
use promote::mark_dataset;
use properties::gone;

impl Storage for Zfs<'_> {
    fn with_snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

impl InPlace for Zfs<'_> {
    fn apply(&self, applied: &mut Applied) -> Result<()> {
        apply::apply(self, applied)
    }

    fn correct(&self, applied: &mut Applied) -> Result<()> {
        converge::correct(self, applied)
    }

    fn must_be_applicable(&self) -> Result<()> {
        apply::must_be_applicable(self)
    }

    fn observe(&self) -> Result<Observation> {
        let seen = self.look_in_its_pool()?;
        let left_over = left_over::left_over(seen.staging.as_ref());
        let Some(properties) = seen.dataset else {
            return Ok(Observation {
                presence: Presence::Missing,
                mark: MarkState::None,
                contents: Contents::default(),
                left_over,
            });
        };
        refusals::must_be_usable(&properties)?;
        let mark = properties.mark();
        if !matches!(mark, MarkState::Ours(_)) {
            // What is there now is not all that somebody brings.
            refusals::must_not_be_receiving(self)?;
        }
        let (presence, contents) = if mounted::is_mounted(self)? {
            let contents = Contents::of(&self.service.mountpoint, self.service)?;
            children::must_not_pass_for_data(self, &properties, &contents)?;
            (Presence::Mounted, contents)
        } else {
            (Presence::Unmounted, Contents::default())
        };
        Ok(Observation {
            presence,
            mark,
            contents,
            left_over,
        })
    }

    fn identity(&self) -> Result<Option<(String, MarkState)>> {
        let placed = self.placed.borrow().clone();
        if placed.is_some() {
            return Ok(placed);
        }
        let found = self.seen()?.dataset;
        Ok(found.map(|found| (found.identity(), found.mark())))
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        let Some(properties) = self.seen()?.dataset else {
            return Err(gone(self.name()));
        };
        let mark = mark.of_service(self.service.name.as_str());
        let ends_a_rollback = mark.stage == Stage::Seeded
            && matches!(properties.mark(), MarkState::Ours(before) if before.stage == Stage::Seeding);
        if ends_a_rollback {
            // It was interrupted before this.
            quotas::wanted(&properties)?.set_on(self.name())?;
        }
        mark_dataset(self, &properties, &mark)?;
        if ends_a_rollback {
            quotas::forget_on(self.name())?;
        }
        Ok(())
    }

    fn not_set(&self) -> Vec<String> {
        self.not_set.take()
    }

    fn must_be_writable(&self) -> Result<()> {
        if self.is_drill {
            // Nothing is written to it.
            return Ok(());
        }
        refusals::must_not_be_receiving(self)?;
        match self.seen()?.dataset {
            Some(found) => refusals::must_be_writable(&found),
            None => Ok(()),
        }
    }

    fn step_aside(&self, is_replaced: bool) -> Result<()> {
        withdraw::step_aside(self, is_replaced)
    }

    fn step_back(&self) -> Result<()> {
        withdraw::step_back(self)
    }
}

impl Snapshots for Zfs<'_> {
    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let Some(mut snapshots) = call::in_its_pool(self.name(), || self.list())? else {
            return Ok(Vec::new());
        };
        snapshots.extend(promote::snapshots_to_come(self)?);
        half_done::without(self, snapshots)
    }

    fn owns(&self, snapshot: &Snapshot) -> bool {
        snapshot.name.split_once('@').map(|(of, _)| of) == Some(self.name())
    }

    fn complete(&self, listed: Vec<Listed>) -> Result<Vec<Snapshot>> {
        half_done::without(self, listed)
    }

    fn snapshot_contents(&self, snapshot: &Snapshot) -> Result<Contents> {
        let service = self.service;
        inspect::mounted(&snapshot.name, |place| Contents::of_copy(place, service))
    }

    fn copy_paths(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        staged: &Staged,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        if let Some(found) = self.seen()?.dataset {
            refusals::must_stay_encrypted(&found, snapshot)?;
        }
        let stall = self.service.stall_timeout;
        let mut copy = || {
            inspect::both(&snapshot.name, &staged.name, |from, into| {
                copy::copy(from, paths, into, stall, progress)
            })
        };
        match copy() {
            Err(first) if copy::could_not_read(&first) => match copy() {
                Err(again) if copy::could_not_read(&again) => {
                    Err(damage::judged(&snapshot.name, again))
                }
                copied => copied,
            },
            copied => copied,
        }
    }

    fn copy_out(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        outside: &Outside,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        let stall = self.service.stall_timeout;
        outside.seen(|outside| {
            inspect::mounted(&snapshot.name, |from| {
                copy::copy(from, paths, &outside.show()?, stall, progress)
            })
        })
    }

    fn rollback(&self, snapshot: &Snapshot, mark: &Mark) -> std::result::Result<(), NotRolledBack> {
        let mark = mark.of_service(self.service.name.as_str());
        rollback::rollback(self, snapshot, &mark)
    }

    fn put_mark_back(&self, before: &MarkState) -> Result<()> {
        rollback::put_mark_back(self, before)
    }
}

impl Staging for Zfs<'_> {
    fn inside(&self, _staged: &Staged, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()> {
        staging::inside(self, |staged| {
            work(staged);
            Ok(())
        })
    }

    fn try_out(&self, staged: &Staged, work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()> {
        trial::try_out(self, staged, work)
    }

    fn must_be_replaceable(&self, origin: &Origin<'_>) -> Result<()> {
        if self.is_drill {
            return refusals::must_be_stageable(self, origin);
        }
        refusals::must_be_replaceable(self, origin)
    }

    fn room(&self) -> Result<u64> {
        room::beside(self)
    }

    fn stage(
        &self,
        origin: &Origin<'_>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Staged> {
        staging::stage(self, origin, progress)
    }

    fn discard(&self, _staged: &Staged) -> Result<()> {
        staging::discard(self)
    }

    fn make_complete(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<()> {
        let mark = &mark.of_service(self.service.name.as_str());
        swap::complete(self, mark, taken)?;
        // What was seen of it was not complete.
        self.seen.replace(None);
        Ok(())
    }

    fn replace(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>> {
        let mark = &mark.of_service(self.service.name.as_str());
        let staged = swap::complete(self, mark, taken)?;
        swap::swap(self, &staged, mark)
    }

    fn seal(&self) -> Result<(Option<Seal>, Since)> {
        let seen = self.seen()?;
        let Some(seal) = seen.staging.as_ref().and_then(swap::seal_of) else {
            return Ok((None, Since::Other));
        };
        let place = self.service.mountpoint.as_path();
        let now = seen.dataset.map(|dataset| (dataset.identity(), place));
        let since = seal.since(now)?;
        Ok((Some(seal), since))
    }

    fn put_aside(&self, mark: &Mark) -> Result<Kept> {
        swap::retire(self, mark)
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                staging::discard(self)?;
                Ok(Some(kept::thrown_away()))
            }
            LeftOver::Complete(mark) => Ok(Some(kept::not_needed(mark, &self.put_aside(mark)?))),
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        swap::resume(self)
    }

    fn must_be_undoable(&self, kept: &str) -> Result<()> {
        undo::must_be_possible(self, kept)
    }

    fn bring_back(&self, kept: &str, mark: &Mark) -> Result<Option<Kept>> {
        undo::bring_back(self, kept, &mark.of_service(self.service.name.as_str()))
    }

    fn bring_beside(&self, kept: &str, mark: &Mark) -> Result<()> {
        undo::bring_beside(self, kept, &mark.of_service(self.service.name.as_str()))
    }

    fn settle_later(&self, applied: &mut Applied) -> Result<()> {
        promote::later(self, applied)
    }
}
