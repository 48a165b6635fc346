//! What one run works on: the service, its storage, what was seen of it, and what was learned since.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use declaration::settings::{Check, Service};
use jiff::Timestamp;
use storage::contents::named;
use storage::{Contents, Error, ErrorKind, Observation, Result, Snapshot, Snapshots, Storage};

use crate::failure::Failure;
use crate::machine::Machine;
use crate::slots::Turn;

/// What every source is given.
pub struct Context<'a> {
    /// The service.
    pub service: &'a Service,
    /// Its storage.
    pub storage: &'a dyn Storage,
    /// What was seen of it when the restore was decided.
    pub observation: &'a Observation,
    /// The machine around it.
    pub machine: &'a dyn Machine,
    /// Its turn among the restores of the machine.
    pub turn: Arc<Turn<'a>>,
    /// The set of parts that are restored together; `None` where only one is.
    pub set: Option<String>,
    /// Why the storage refused to be rolled back, if it did in this run.
    pub rollback_refused: RefCell<Option<Error>>,
    local: RefCell<Option<Vec<Snapshot>>>,
    looked_into: RefCell<BTreeMap<(String, Timestamp), Result<Contents>>>,
}

impl<'a> Context<'a> {
    /// For a service whose storage was observed so.
    pub fn new(
        service: &'a Service,
        storage: &'a dyn Storage,
        observation: &'a Observation,
        machine: &'a dyn Machine,
    ) -> Self {
        Self {
            service,
            storage,
            observation,
            machine,
            turn: Arc::new(Turn::of(service, machine.slots())),
            set: None,
            rollback_refused: RefCell::new(None),
            local: RefCell::new(None),
            looked_into: RefCell::new(BTreeMap::new()),
        }
    }

    /// The same, of a set.
    #[must_use]
    pub fn in_set(self, set: Option<String>) -> Self {
        Self { set, ..self }
    }

    /// The same, of a drill.
    #[must_use]
    pub fn of_a_drill(self) -> Self {
        let turn = Turn::of(self.service, self.machine.slots()).of_a_drill();
        Self {
            turn: Arc::new(turn),
            ..self
        }
    }

    /// The same, with the turn of another: whoever watches that sees what moves here.
    #[must_use]
    pub fn with_turn_of(self, other: &Context<'a>) -> Self {
        Self {
            turn: Arc::clone(&other.turn),
            ..self
        }
    }

    /// The storage, where a restore needs its snapshots.
    ///
    /// # Errors
    /// When its backend has none.
    pub fn with_snapshots(&self) -> Result<&'a dyn Snapshots> {
        self.storage.with_snapshots().ok_or_else(|| {
            Error::new(
                self.service.mountpoint.to_string_lossy(),
                "its storage has no snapshots",
                "declare only the tier `restic` for it",
            )
        })
    }

    /// What a snapshot of this machine holds. Each is looked into once in a run, whichever tier asks: each look is a
    /// mount, which may take long to fail, and what a snapshot holds does not change.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn contents_of(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        // A snapshot that was destroyed and taken anew has another time.
        let key = (snapshot.name.clone(), snapshot.taken);
        let known = self.looked_into.borrow().get(&key).cloned();
        let contents = known.unwrap_or_else(|| {
            let snapshots = self.with_snapshots();
            let contents = snapshots.and_then(|storage| storage.snapshot_contents(snapshot));
            self.looked_into.borrow_mut().insert(key, contents.clone());
            contents
        });
        contents.map_err(Failure::Source)
    }

    /// The storage's own snapshots, newest first, as they were when they were last asked for.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        if let Some(snapshots) = &*self.local.borrow() {
            return Ok(snapshots.clone());
        }
        self.list_again()
    }

    /// The same, as they are now: some may have been destroyed since.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn list_again(&self) -> Result<Vec<Snapshot>> {
        let snapshots = self.with_snapshots()?.snapshots()?;
        self.local.replace(Some(snapshots.clone()));
        Ok(snapshots)
    }

    /// What of a snapshot is restored: paths relative to its root; empty: everything.
    ///
    /// These are the declared `paths` and, of the databases that `verify` checks, the logs that belong to them:
    /// without its log, a database is an older one.
    pub fn wanted(&self) -> Vec<PathBuf> {
        let mut wanted = self.service.paths.clone();
        for check in &self.service.verify {
            let Check::Sqlite(database) = check else {
                continue;
            };
            if wanted.contains(database) {
                wanted.extend(["-wal", "-journal"].map(|suffix| {
                    let mut name = database.clone().into_os_string();
                    name.push(suffix);
                    PathBuf::from(name)
                }));
            }
        }
        wanted.sort();
        wanted.dedup();
        wanted
    }

    /// That nothing has changed in the service's storage since it was decided to restore.
    ///
    /// # Errors
    /// When it has, or when it cannot be told.
    pub fn must_be_unchanged(&self) -> Result<()> {
        let now = self.storage.observe()?;
        if now.contents == self.observation.contents && now.presence == self.observation.presence {
            return Ok(());
        }
        Err(Error::new(
            self.service.mountpoint.to_string_lossy(),
            format!(
                "its contents changed while the data was looked for (now: {})",
                named(&now.contents.entries)
            ),
            "see who writes there, then start the service again: it is decided anew",
        )
        .of_kind(ErrorKind::Busy))
    }
}
