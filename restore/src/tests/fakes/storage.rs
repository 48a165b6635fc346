//! A dataset in memory, with snapshots, staging, a seal and what is kept.

use std::path::{Path, PathBuf};

use ::storage::mark::Stage;
use ::storage::{
    Applied, Contents, InPlace, Kept, LeftOver, Mark, MarkState, NotRolledBack, Observation,
    Origin, Outside, Presence, Result, Seal, Since, Snapshot, Snapshots, Staged, Storage, Trial,
};
use declaration::settings::Service;
use jiff::Timestamp;

use super::disk::mark_of;
pub(crate) use super::looks::{contents_of, error};
use super::{Disk, Files, How, Sealed, Snap, Staging, World};

/// See the module.
pub(crate) struct FakeStorage<'a> {
    pub(crate) world: &'a World,
    pub(crate) service: &'a Service,
}

impl Snap {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.name.clone(),
            taken: self.taken,
            bytes: 1,
        }
    }
}

impl FakeStorage<'_> {
    fn snap(&self, snapshot: &Snapshot) -> Option<Snap> {
        let disk = self.world.disk.borrow();
        let of = |snap: &&Snap| snap.name == snapshot.name && snap.taken == snapshot.taken;
        disk.snapshots.iter().find(of).cloned()
    }

    /// The swap of a sealed copy, from wherever it was interrupted.
    fn swap(&self) -> Option<Kept> {
        let kept = self.world.change(|disk| {
            let staging = disk.staging.as_ref().unwrap();
            let (_, mark) = staging.dataset.mark.clone().unwrap();
            disk.keep(&mark.why_kept())
        });
        self.world.change(|disk| {
            let staging = disk.staging.take().unwrap();
            disk.dataset = Some(staging.dataset);
            disk.snapshots = staging.snapshots;
        });
        self.settle();
        self.world.is_mounted.set(true);
        kept
    }

    /// The mark of a copy that is in its place says so.
    fn settle(&self) {
        self.world.change(|disk| {
            let mark = disk.dataset.as_mut().and_then(|it| it.mark.as_mut());
            if let Some((_, mark)) = mark {
                *mark = mark.at_stage(Stage::Seeded);
            }
        });
    }

    /// That of a swap which was interrupted nothing but the mark is missing.
    fn is_to_settle(&self) -> bool {
        let disk = self.world.disk.borrow();
        let mark = disk.dataset.as_ref().map(mark_of);
        matches!(mark, Some(MarkState::Ours(mark)) if mark.stage == Stage::Staged)
    }

    /// That the dataset that a sealed copy replaces was put aside already.
    fn is_to_swap(&self) -> bool {
        let disk = self.world.disk.borrow();
        let over = disk.staging.as_ref().and_then(|it| it.seal.as_ref());
        let over = over.and_then(|seal| seal.over);
        disk.dataset.is_none()
            && over.is_some_and(|(over, _)| disk.kept.iter().any(|kept| kept.guid == over))
    }
}

impl Storage for FakeStorage<'_> {
    fn with_snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

impl InPlace for FakeStorage<'_> {
    fn apply(&self, _applied: &mut Applied) -> Result<()> {
        if self.is_to_settle() {
            self.settle();
        } else if self.is_to_swap() {
            self.swap();
        }
        if self.world.disk.borrow().dataset.is_none() {
            self.world.change(|disk| {
                let dataset = disk.new_dataset(Files::new());
                disk.dataset = Some(dataset);
            });
        }
        self.world.is_mounted.set(true);
        Ok(())
    }

    fn must_be_applicable(&self) -> Result<()> {
        self.world.called("must_be_applicable")
    }

    fn observe(&self) -> Result<Observation> {
        self.world.called("observe")?;
        let disk = self.world.disk.borrow();
        let (place, mark, contents) = match &disk.dataset {
            None => (Presence::Missing, MarkState::None, Contents::default()),
            Some(dataset) if self.world.is_mounted.get() => (
                Presence::Mounted,
                mark_of(dataset),
                contents_of(&dataset.files, self.service),
            ),
            Some(dataset) => (Presence::Unmounted, mark_of(dataset), Contents::default()),
        };
        Ok(Observation {
            presence: place,
            mark,
            contents,
            left_over: disk.left_over(),
        })
    }

    fn identity(&self) -> Result<Option<(String, MarkState)>> {
        let disk = self.world.disk.borrow();
        let dataset = disk.dataset.as_ref();
        Ok(dataset.map(|dataset| (dataset.guid.to_string(), mark_of(dataset))))
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        self.world.called("set_mark")?;
        self.world.change(|disk| {
            let dataset = disk.dataset.as_mut().unwrap();
            dataset.mark = Some((dataset.guid, mark.clone()));
        });
        Ok(())
    }

    fn must_be_writable(&self) -> Result<()> {
        self.world.called("must_be_writable")
    }

    fn step_aside(&self, _is_replaced: bool) -> Result<()> {
        self.world.called("step_aside")?;
        self.world.is_mounted.set(false);
        Ok(())
    }

    fn step_back(&self) -> Result<()> {
        self.world.called("step_back")?;
        self.world.is_mounted.set(true);
        Ok(())
    }
}

impl Snapshots for FakeStorage<'_> {
    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        self.world.called("snapshots")?;
        let disk = self.world.disk.borrow();
        Ok(disk.snapshots.iter().map(Snap::snapshot).collect())
    }

    fn snapshot_contents(&self, snapshot: &Snapshot) -> Result<Contents> {
        self.world.called("snapshot_contents")?;
        self.world.looks.borrow_mut().push(snapshot.name.clone());
        let is_destroyed = self
            .world
            .destroyed_meanwhile
            .borrow_mut()
            .remove(&snapshot.name);
        if is_destroyed {
            let mut disk = self.world.disk.borrow_mut();
            disk.snapshots.retain(|snap| snap.name != snapshot.name);
        }
        match self.snap(snapshot) {
            None => Err(error(How::Failed, "there is no such snapshot")),
            Some(snap) if snap.look == How::Well => Ok(contents_of(&snap.files, self.service)),
            Some(snap) => Err(error(snap.look, "cannot be looked into")),
        }
    }

    fn copy_paths(
        &self,
        _snapshot: &Snapshot,
        _paths: &[PathBuf],
        _staged: &Staged,
        _progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        unimplemented!("no paths are declared")
    }

    fn copy_out(
        &self,
        _snapshot: &Snapshot,
        _paths: &[PathBuf],
        _outside: &Outside,
        _progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        Err(error(How::Failed, "there is nothing outside"))
    }

    fn put_mark_back(&self, before: &MarkState) -> Result<()> {
        if let MarkState::Ours(mark) = before {
            return self.set_mark(mark);
        }
        self.world.called("put_mark_back")?;
        self.world
            .change(|disk| disk.dataset.as_mut().unwrap().mark = None);
        Ok(())
    }

    fn rollback(&self, snapshot: &Snapshot, mark: &Mark) -> std::result::Result<(), NotRolledBack> {
        self.world
            .called("rollback")
            .map_err(NotRolledBack::Storage)?;
        let snap = self.snap(snapshot);
        let is_newest = self.world.disk.borrow().snapshots.first() == snap.as_ref();
        let Some(snap) = snap.filter(|snap| is_newest && snap.fill == How::Well) else {
            return Err(NotRolledBack::Refused(error(How::Failed, "is refused")));
        };
        if !self.world.files().is_empty() {
            return Err(NotRolledBack::Storage(error(How::Failed, "would destroy")));
        }
        let marked = |mark: Mark| {
            self.world.change(|disk| {
                let dataset = disk.dataset.as_mut().unwrap();
                dataset.mark = Some((dataset.guid, mark));
            });
        };
        marked(mark.at_stage(Stage::Seeding));
        self.world
            .change(|disk| disk.dataset.as_mut().unwrap().files = snap.files);
        marked(mark.at_stage(Stage::Seeded));
        Ok(())
    }
}

impl ::storage::Staging for FakeStorage<'_> {
    fn inside(&self, _staged: &Staged, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()> {
        self.world.called("inside")?;
        let seen = tempfile::tempdir().unwrap();
        let files = self.world.disk.borrow().staging.clone().unwrap();
        for (name, says) in &files.dataset.files {
            std::fs::write(seen.path().join(name), says.to_string()).unwrap();
        }
        work(seen.path());
        let mut files = Files::new();
        for entry in std::fs::read_dir(seen.path()).unwrap() {
            let entry = entry.unwrap();
            let says = std::fs::read_to_string(entry.path()).unwrap();
            files.insert(
                entry.file_name().into_string().unwrap(),
                says.parse().unwrap(),
            );
        }
        self.world.change(|disk| {
            let staging = disk.staging.as_mut().unwrap();
            staging.dataset.files = files;
        });
        Ok(())
    }

    fn try_out(&self, _staged: &Staged, _work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()> {
        unimplemented!("the machine checks")
    }

    fn must_be_replaceable(&self, _origin: &Origin<'_>) -> Result<()> {
        self.world.called("must_be_replaceable")
    }

    fn stage(
        &self,
        origin: &Origin<'_>,
        _progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Staged> {
        self.world.called("stage")?;
        let (files, snapshots, from) = match origin {
            Origin::Empty | Origin::Receive(_) => (Files::new(), Vec::new(), String::new()),
            Origin::Clone(snapshot) => {
                let Some(snap) = self.snap(snapshot) else {
                    return Err(error(How::Failed, "there is no such snapshot"));
                };
                if snap.fill != How::Well {
                    return Err(error(snap.fill, "cannot be cloned"));
                }
                // A clone that is promoted takes what is older along.
                let disk = self.world.disk.borrow();
                let all = disk.snapshots.iter();
                let older = all.skip_while(|other| **other != snap).cloned().collect();
                (snap.files.clone(), older, snap.name)
            }
        };
        self.world.change(|disk| {
            let mut dataset = disk.new_dataset(files);
            let mark = Mark::new(Stage::Staging, "", &from);
            dataset.mark = Some((dataset.guid, mark));
            disk.staging = Some(Staging {
                dataset,
                snapshots,
                seal: None,
                was_kept: None,
            });
        });
        Ok(Staged {
            name: "app:staging".to_owned(),
        })
    }

    fn discard(&self, _staged: &Staged) -> Result<()> {
        self.world.called("discard")?;
        self.world.change(|disk| disk.staging = None);
        Ok(())
    }

    fn replace(&self, staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>> {
        self.make_complete(staged, mark, taken)?;
        Ok(self.swap())
    }

    fn make_complete(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<()> {
        self.world.called("make_complete")?;
        self.world.change(|disk| {
            let over = disk.dataset.as_ref().map(|it| (it.guid, it.changes));
            let staging = disk.staging.as_mut().unwrap();
            let guid = staging.dataset.guid;
            staging.dataset.mark = Some((guid, mark.at_stage(Stage::Staged)));
            staging.seal = Some(Sealed { over, taken });
        });
        Ok(())
    }

    fn seal(&self) -> Result<(Option<Seal>, Since)> {
        self.world.called("seal")?;
        let disk = self.world.disk.borrow();
        let Some(sealed) = disk.staging.as_ref().and_then(|it| it.seal.as_ref()) else {
            return Ok((None, Since::Other));
        };
        let now = disk.dataset.as_ref().map(|it| (it.guid, it.changes));
        let since = match (sealed.over, now) {
            (over, now) if over == now => Since::Untouched,
            (Some((over, _)), Some((guid, _))) if over == guid => Since::Changed,
            _ => Since::Other,
        };
        let seal = Seal {
            over: None,
            changed: None,
            taken: sealed.taken,
        };
        Ok((Some(seal), since))
    }

    fn put_aside(&self, _mark: &Mark) -> Result<Kept> {
        self.world.called("put_aside")?;
        let name = self.world.change(Disk::retire);
        Ok(Kept {
            name,
            seen_by: None,
            pending: None,
        })
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                self.world.called("put_away")?;
                self.world.change(|disk| disk.staging = None);
                Ok(Some("thrown away".to_owned()))
            }
            LeftOver::Complete(mark) => self.put_aside(mark).map(|_| Some("kept".to_owned())),
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        self.world.called("resume")?;
        let left_over = self.world.disk.borrow().left_over();
        let LeftOver::Complete(mark) = left_over else {
            return Ok(None);
        };
        Ok(Some((mark, self.swap())))
    }

    fn must_be_undoable(&self, kept: &str) -> Result<()> {
        self.world.called("must_be_undoable")?;
        self.world.disk.borrow().undoable(kept)
    }

    fn bring_back(&self, kept: &str, mark: &Mark) -> Result<Option<Kept>> {
        self.bring_beside(kept, mark)?;
        Ok(self.swap())
    }

    fn bring_beside(&self, kept: &str, mark: &Mark) -> Result<()> {
        self.world.called("bring_beside")?;
        self.world.disk.borrow().undoable(kept)?;
        self.world.change(|disk| disk.bring_beside(kept, mark));
        Ok(())
    }
}
