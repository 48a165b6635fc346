//! A machine in memory: what it remembers, and what it was told.

use std::path::Path;

use ::storage::mark::{BOOTSTRAP, Stage};
use ::storage::memory::Recalled;
use ::storage::{MarkState, Observation, Result, Staged, Storage};
use declaration::settings::Service;
use jiff::Timestamp;
use report::Event;

use super::storage::error;
use super::{How, Memory, Snap, World};
use crate::failure::Failure;
use crate::machine::Machine;

/// See the module. It knows of each snapshot what a check says.
pub(crate) struct FakeMachine<'a> {
    pub(crate) world: &'a World,
    pub(crate) elsewhere: &'a [Snap],
    pub(crate) slots: &'a Path,
}

impl Machine for FakeMachine<'_> {
    fn user_must_not_differ(&self, _service: &Service) -> Result<()> {
        Ok(())
    }

    fn must_be_stopped(&self, _service: &Service) -> Result<()> {
        if self.world.runs.get() {
            return Err(error(How::Failed, "the service runs"));
        }
        Ok(())
    }

    fn running(&self, _service: &Service) -> Result<Vec<String>> {
        let running = self.world.runs.get().then(|| "app.service".to_owned());
        Ok(running.into_iter().collect())
    }

    fn wait_for_network(&self) {
        self.world.network_is_up.set(true);
    }

    fn wait_for_mount(&self, _directory: &Path, _waiting: &mut dyn FnMut(&str)) {}

    fn awaited_mounts(&self, _directory: &Path) -> Vec<String> {
        Vec::new()
    }

    fn slots(&self) -> &Path {
        self.slots
    }

    fn checks_must_be_possible(&self, _service: &Service) -> Result<()> {
        Ok(())
    }

    fn verify(
        &self,
        service: &Service,
        _storage: &dyn Storage,
        _staged: &Staged,
        from: &str,
        _is_drill: bool,
    ) -> std::result::Result<(), Failure> {
        let disk = self.world.disk.borrow();
        let all = self.elsewhere.iter().chain(&disk.snapshots);
        let mut of_it = all.filter(|snap| snap.name == from);
        if let Some(files) = self.world.writes_meanwhile.borrow_mut().take() {
            drop(of_it);
            drop(disk);
            let mut disk = self.world.disk.borrow_mut();
            let dataset = disk.dataset.as_mut().unwrap();
            dataset.files = files;
            dataset.changes += 1;
            return Ok(());
        }
        if service.verify.is_empty() {
            return Ok(());
        }
        match of_it.next().map(|snap| snap.check) {
            Some(How::Well) | None => Ok(()),
            Some(How::Damaged) => Err(Failure::Snapshot(error(How::Damaged, "is not sound"))),
            Some(how) => Err(Failure::Source(error(how, "cannot be checked"))),
        }
    }

    fn saw_data(&self, _service: &Service, _storage: &dyn Storage) -> Result<()> {
        if self.world.disk.borrow().memory != Memory::Data {
            self.world.change(|disk| disk.memory = Memory::Data);
        }
        Ok(())
    }

    fn started_empty(&self, _service: &Service, _storage: &dyn Storage) -> Result<()> {
        self.world.change(|disk| {
            let dataset = disk.dataset.as_ref().unwrap();
            disk.memory = Memory::StartedEmpty(dataset.guid, dataset.changes);
        });
        Ok(())
    }

    fn forgotten_at(&self, _service: &Service) -> Option<Timestamp> {
        None
    }

    fn recall(
        &self,
        _service: &Service,
        _storage: &dyn Storage,
        observation: &Observation,
    ) -> Recalled {
        let data = || Recalled::Data("it had data".to_owned());
        if let MarkState::Ours(mark) = &observation.mark
            && matches!(mark.stage, Stage::Seeded | Stage::Seeding)
            && mark.by != BOOTSTRAP
        {
            return data();
        }
        let disk = self.world.disk.borrow();
        let now = disk.dataset.as_ref().map(|it| (it.guid, it.changes));
        match disk.memory {
            Memory::Nothing => Recalled::Nothing,
            Memory::StartedEmpty(guid, changes)
                if now == Some((guid, changes)) && observation.contents.is_empty() =>
            {
                Recalled::Nothing
            }
            Memory::Data | Memory::StartedEmpty(..) => data(),
        }
    }

    fn is_provably_hollow(
        &self,
        service: &Service,
        storage: &dyn Storage,
        observation: &Observation,
    ) -> bool {
        let memory = self.world.disk.borrow().memory.clone();
        matches!(memory, Memory::StartedEmpty(..))
            && self.recall(service, storage, observation) == Recalled::Nothing
    }

    fn tell(&self, event: &Event<'_>) {
        self.world
            .told
            .borrow_mut()
            .push(event.message().to_owned());
    }

    fn set_status(&self, _line: &str) {}

    fn say(&self, _line: &str) {}
}
