//! The sources that data can be restored from, in the order of the declared tiers.
//!
//! A new source is a file below `tier/` that implements [`Source`], and a line in [`sources`].

mod clone;
mod receive;
mod restic;
mod rollback;

use declaration::settings::Service;
use declaration::value::TierName;
use report::Progress;
use storage::{Error, Kept, Observation, Result, Snapshot, Storage};

/// What every source is given.
pub struct Context<'a> {
    /// The service.
    pub service: &'a Service,
    /// Its storage.
    pub storage: &'a dyn Storage,
    /// What was seen of it when the restore was decided.
    pub observation: &'a Observation,
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

    /// Its snapshots of the service, newest first; none only if it was reached and has none.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn snapshots(&self) -> Result<Vec<Snapshot>>;

    /// What keeps a snapshot from being the service's data; `None` if it holds the data.
    ///
    /// # Errors
    /// When it cannot be looked into.
    fn lacks(&self, snapshot: &Snapshot) -> Result<Option<String>>;

    /// What keeps a snapshot that holds the data from being restored by this source.
    fn obstacle(&self, _snapshot: &Snapshot) -> Option<Error> {
        None
    }

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

/// A restore that succeeded.
#[derive(Debug)]
pub struct Restored {
    /// What it replaced.
    pub kept: Option<Kept>,
    /// The bytes of data it brought; 0 where none were moved.
    pub bytes: u64,
}

/// A restore that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// This snapshot cannot be used; the real storage is untouched. Another may do.
    Snapshot(Error),
    /// The real storage could not be replaced: no other snapshot would do better.
    Storage(Error),
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
