//! The machine around a service's storage: what runs on it, what it remembers, whom it tells.
//!
//! The tests put another one in its place, so that the whole restore runs without a virtual machine.

use std::path::Path;

use declaration::settings::Service;
use jiff::Timestamp;
use report::{Event, status};
use storage::memory::{self, Recalled};
use storage::{Observation, Result, Staged, Storage, lock};

use crate::failure::Failure;
use crate::verify;

/// What a restore needs of the machine beside the service's storage.
pub trait Machine {
    /// That nothing of the service runs while its data is replaced.
    ///
    /// # Errors
    /// When something does, or when it cannot be told.
    fn must_be_stopped(&self, service: &Service) -> Result<()>;

    /// That the user whom the data is given to is the one declared.
    ///
    /// # Errors
    /// When not, or when it cannot be told.
    fn user_must_not_differ(&self, service: &Service) -> Result<()>;

    /// The units of the service that run, or are about to.
    ///
    /// # Errors
    /// When it cannot be told.
    fn running(&self, service: &Service) -> Result<Vec<String>>;

    /// Waits until the network is up.
    fn wait_for_network(&self);

    /// Waits for the mount that brings `directory` (absolute), if there is one to come. `waiting` is told the unit.
    fn wait_for_mount(&self, directory: &Path, waiting: &mut dyn FnMut(&str));

    /// The mount units that [`Self::wait_for_mount`] would wait for.
    fn awaited_mounts(&self, directory: &Path) -> Vec<String>;

    /// Waits until no restore is at work on the service's storage.
    ///
    /// # Errors
    /// When it cannot be told.
    fn wait_for_others(&self, _service: &Service) -> Result<()> {
        Ok(())
    }

    /// Where the locks of restores that move data are (absolute).
    fn slots(&self) -> &Path;

    /// That the declared checks can be run at all, before anything is copied.
    ///
    /// # Errors
    /// When one cannot.
    fn checks_must_be_possible(&self, service: &Service) -> Result<()>;

    /// That staged storage, a copy of `from` (a snapshot, for people), passes the declared checks.
    ///
    /// # Errors
    /// See [`verify::verify`].
    fn verify(
        &self,
        service: &Service,
        storage: &dyn Storage,
        staged: &Staged,
        from: &str,
        is_drill: bool,
    ) -> std::result::Result<(), Failure>;

    /// Remembers that the service has data.
    ///
    /// # Errors
    /// When it can be written nowhere.
    fn saw_data(&self, service: &Service, storage: &dyn Storage) -> Result<()>;

    /// Remembers that the service starts empty, for the first time.
    ///
    /// # Errors
    /// When it can be written nowhere.
    fn started_empty(&self, service: &Service, storage: &dyn Storage) -> Result<()>;

    /// When an admin last gave up what there was of the service.
    fn forgotten_at(&self, service: &Service) -> Option<Timestamp>;

    /// What is remembered of a service that would be started empty.
    fn recall(
        &self,
        service: &Service,
        storage: &dyn Storage,
        observation: &Observation,
    ) -> Recalled;

    /// Whether a service was started empty, and provably nothing came of it since.
    fn is_provably_hollow(
        &self,
        service: &Service,
        storage: &dyn Storage,
        observation: &Observation,
    ) -> bool;

    /// Tells an event to the journal.
    fn tell(&self, event: &Event<'_>);

    /// Sets the status line; the last one says how the run ended.
    fn set_status(&self, line: &str);

    /// Says what goes on, as the status line.
    fn say(&self, line: &str);
}

/// The machine that we run on.
#[derive(Debug, Clone, Copy)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn must_be_stopped(&self, service: &Service) -> Result<()> {
        systemd::units::must_be_stopped(service)
    }

    fn user_must_not_differ(&self, service: &Service) -> Result<()> {
        storage::user::must_not_differ(service)
    }

    fn running(&self, service: &Service) -> Result<Vec<String>> {
        systemd::units::running(service)
    }

    fn wait_for_network(&self) {
        systemd::units::wait_for_network();
    }

    fn wait_for_mount(&self, directory: &Path, waiting: &mut dyn FnMut(&str)) {
        systemd::mount::wait_for(directory, waiting);
    }

    fn awaited_mounts(&self, directory: &Path) -> Vec<String> {
        systemd::mount::awaited(directory)
    }

    fn wait_for_others(&self, service: &Service) -> Result<()> {
        lock::lock(service, status::wait_for_another).map(drop)
    }

    fn slots(&self) -> &Path {
        Path::new("/run/preseed/slots")
    }

    fn checks_must_be_possible(&self, service: &Service) -> Result<()> {
        verify::must_be_possible(service)
    }

    fn verify(
        &self,
        service: &Service,
        storage: &dyn Storage,
        staged: &Staged,
        from: &str,
        is_drill: bool,
    ) -> std::result::Result<(), Failure> {
        verify::verify(service, storage, staged, from, is_drill)
    }

    fn saw_data(&self, service: &Service, storage: &dyn Storage) -> Result<()> {
        memory::saw_data(service, storage)
    }

    fn started_empty(&self, service: &Service, storage: &dyn Storage) -> Result<()> {
        memory::started_empty(service, storage)
    }

    fn forgotten_at(&self, service: &Service) -> Option<Timestamp> {
        memory::forgotten_at(service)
    }

    fn recall(
        &self,
        service: &Service,
        storage: &dyn Storage,
        observation: &Observation,
    ) -> Recalled {
        memory::recall(service, storage, observation)
    }

    fn is_provably_hollow(
        &self,
        service: &Service,
        storage: &dyn Storage,
        observation: &Observation,
    ) -> bool {
        memory::is_provably_hollow(service, storage, observation)
    }

    fn tell(&self, event: &Event<'_>) {
        event.tell();
    }

    fn set_status(&self, line: &str) {
        status::set(line);
    }

    fn say(&self, line: &str) {
        status::say(line);
    }
}

/// Tells an event that ends the run: to the journal and as the status.
pub(crate) fn tell_the_end(machine: &dyn Machine, event: &Event<'_>) {
    machine.set_status(event.message());
    machine.tell(event);
}
