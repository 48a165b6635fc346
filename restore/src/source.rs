//! The sources that data can be restored from, in the order of the declared tiers.
//!
//! A new source is a file below `tier/` that implements [`Source`], and a line in [`sources`].

mod clone;
mod receive;
mod restic;
mod rollback;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use declaration::settings::{Check, Service};
use declaration::value::TierName;
use report::Progress;
use storage::contents::named;
use storage::{Contents, Error, Kept, Observation, Origin, Result, Snapshot, Storage};

use crate::slots::Turn;

#[cfg(any(test, fuzzing))]
pub use restic::any_words;
pub use restic::secrets;

/// What every source is given.
pub struct Context<'a> {
    /// The service.
    pub service: &'a Service,
    /// Its storage.
    pub storage: &'a dyn Storage,
    /// What was seen of it when the restore was decided.
    pub observation: &'a Observation,
    /// Its turn among the restores of the machine.
    pub turn: Turn<'a>,
    local: RefCell<Option<Vec<Snapshot>>>,
}

/// Snapshots of a source, newest first. Those that are not needed are never asked for.
pub type Snapshots<'s> = Box<dyn Iterator<Item = Result<Snapshot>> + 's>;

/// Snapshots that are known already.
pub fn all_of(snapshots: Vec<Snapshot>) -> Snapshots<'static> {
    Box::new(snapshots.into_iter().map(Ok))
}

/// One source of a service's data.
pub trait Source {
    /// The tier it belongs to.
    fn tier(&self) -> TierName;

    /// Its name for people, e.g. `replica nas-1`.
    fn name(&self) -> String;

    /// One of its snapshots for people.
    fn label(&self, snapshot: &Snapshot) -> String {
        snapshot.label().to_owned()
    }

    /// Whether asking it needs the network.
    fn needs_network(&self) -> bool {
        false
    }

    /// A directory of this machine (absolute) without which it cannot be asked, and which a mount may bring.
    fn local_directory(&self) -> Option<&Path> {
        None
    }

    /// Whether a restore by it copies the data, and so takes the longer the more there is.
    fn moves_data(&self) -> bool {
        true
    }

    /// Its snapshots of the service, newest first; none only if it was reached and has none. One that is an error
    /// stands for all that could not be told, and is the last.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn snapshots(&self) -> Result<Snapshots<'_>>;

    /// What lies in a snapshot.
    ///
    /// # Errors
    /// When it cannot be looked into: whether that is the snapshot's fault or the source's, see [`Failure`].
    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure>;

    /// Its snapshots as they are now, newest first, if this failure with one may come from its being destroyed since it
    /// was listed: others do that at any time.
    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>>;

    /// What it holds that is not filed as this service's. Asked once none of its snapshots holds the data.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn elsewhere(&self) -> Result<Elsewhere> {
        Ok(Elsewhere::default())
    }

    /// What keeps a snapshot that holds the data from being restored by this source.
    fn obstacle(&self, _snapshot: &Snapshot) -> Option<Error> {
        None
    }

    /// What a restore of a snapshot is staged from; `None`: nothing, it is in place.
    fn origin<'s>(&self, snapshot: &'s Snapshot) -> Option<Origin<'s>>;

    /// Restores a snapshot, verified and marked.
    ///
    /// # Errors
    /// See [`Failure`].
    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure>;
}

/// What a source holds that is not filed as a service's.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// It may be the service's data: what it is, and the line to write.
    pub doubt: Option<Error>,
    /// What a reader should know, and what stops nothing.
    pub remark: Option<String>,
}

/// A restore that succeeded.
#[derive(Debug)]
pub struct Restored {
    /// What it replaced.
    pub kept: Option<Kept>,
    /// The bytes of data it brought; 0 where none were moved.
    pub bytes: u64,
}

/// A look or a restore that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// This snapshot cannot be used; the real storage is untouched. An older one may do.
    Snapshot(Error),
    /// The source cannot be used now: an older snapshot of it would be restored only because the newer one
    /// could not be had for the moment. Another source may do.
    Source(Error),
    /// The source is kept from restoring for the moment, e.g. by a lock: nothing was restored. Another may do.
    Unavailable(Error),
    /// The real storage could not be replaced: no other snapshot would do better.
    Storage(Error),
}

impl Failure {
    /// Whose fault an error in making a copy is. Unless the snapshot itself is damaged, an older one would fit no better,
    /// or would be taken only because the newer one could not be had for the moment.
    pub fn of(error: Error) -> Self {
        if error.blames_snapshot() {
            Self::Snapshot(error)
        } else {
            Self::Source(error)
        }
    }

    /// Whether it leaves open whose fault it is: that of a snapshot which is gone is none of the snapshot's.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Unavailable(_))
    }

    /// What went wrong.
    pub fn error(&self) -> &Error {
        match self {
            Self::Snapshot(error)
            | Self::Source(error)
            | Self::Unavailable(error)
            | Self::Storage(error) => error,
        }
    }
}

impl<'a> Context<'a> {
    /// For a service whose storage was observed so.
    pub fn new(
        service: &'a Service,
        storage: &'a dyn Storage,
        observation: &'a Observation,
    ) -> Self {
        Self {
            service,
            storage,
            observation,
            turn: Turn::of(service),
            local: RefCell::new(None),
        }
    }

    /// What a snapshot of this machine holds.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn contents_of(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.storage
            .snapshot_contents(snapshot)
            .map_err(Failure::Source)
    }

    /// What a staged restore starts from: `whole`, unless only some paths are copied.
    pub fn origin<'s>(&self, whole: Origin<'s>) -> Origin<'s> {
        if self.service.paths.is_empty() {
            whole
        } else {
            Origin::Empty
        }
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
        let snapshots = self.storage.snapshots()?;
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
        if now.contents == self.observation.contents && now.place == self.observation.place {
            return Ok(());
        }
        Err(Error::new(
            self.service.mountpoint.to_string_lossy(),
            format!(
                "its contents changed while the data was looked for (now: {})",
                named(&now.contents.entries)
            ),
            "see who writes there, then start the service again: it is decided anew",
        ))
    }
}

/// The sources of a service, in the order in which they are asked.
pub fn sources<'a>(context: &'a Context<'a>) -> Vec<Box<dyn Source + 'a>> {
    let mut sources: Vec<Box<dyn Source + 'a>> = Vec::new();
    for tier in &context.service.tiers {
        match tier {
            TierName::Rollback => sources.push(Box::new(rollback::Rollback { context })),
            TierName::Snapshot => {
                sources.push(Box::new(clone::Clone { context }));
                for replica in &context.service.replicas {
                    sources.push(Box::new(receive::Receive { context, replica }));
                }
            }
            TierName::Restic => {
                if let Some(backup) = &context.service.backup {
                    sources.push(Box::new(restic::Restic::new(context, backup)));
                }
            }
        }
    }
    sources
}

/// A tier's name, as it is declared.
pub fn word(tier: TierName) -> &'static str {
    match tier {
        TierName::Rollback => "rollback",
        TierName::Snapshot => "snapshot",
        TierName::Restic => "restic",
    }
}
