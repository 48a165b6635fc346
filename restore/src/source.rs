//! What a source of data is: it lists its snapshots, looks into them, and says how one of them is brought.
//!
//! A new source is a file below `source/` that implements [`Source`], and a line in its [`list`].

mod clone;
pub mod list;
mod receive;
pub mod restic;
mod rollback;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use declaration::value::TierName;
use report::Progress;
use storage::{Contents, Error, Kept, Origin, Result, Snapshot};

use crate::context::Context;
use crate::failure::Failure;

#[cfg(any(test, fuzzing))]
pub use restic::any_words;
pub use restic::secrets;

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

    /// Whether its snapshots lie in the service's storage itself, and go where that goes.
    fn lies_in_the_storage(&self) -> bool {
        false
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

    /// Its snapshots of the service, newest first; none only if it was reached and has none. An `Err` item is always
    /// last: the rest of the list could not be read.
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

    /// How many bytes a restore of a snapshot copies.
    ///
    /// # Errors
    /// When it cannot be told.
    fn size(&self, snapshot: &Snapshot) -> std::result::Result<u64, Failure> {
        Ok(if self.moves_data() { snapshot.bytes } else { 0 })
    }

    /// A sample of a snapshot; `None` if it cannot restore a part of one.
    fn sample(&self, _snapshot: &Snapshot) -> Option<std::result::Result<Sample, Failure>> {
        None
    }

    /// How long after a drill it is not drilled again, unless somebody asks for it.
    fn pause_between_drills(&self) -> Option<Duration> {
        None
    }

    /// A restore by it is about to begin: it tells what it goes on without.
    fn begins(&self) {}

    /// How a snapshot that holds the data is brought. Changes nothing yet.
    ///
    /// # Errors
    /// When it cannot be: see [`Failure`].
    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure>;
}

/// Some files of a snapshot: what is expected, the databases that are verified, and some drawn at random.
#[derive(Debug, Default)]
pub struct Sample {
    /// Their paths, relative to the service's directory. What lies below one belongs to it.
    pub paths: Vec<PathBuf>,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes of those that were not drawn.
    pub needed: u64,
    /// Those of all files that there are of the service's directory.
    pub all: u64,
}

/// How a snapshot takes the service's place. [`crate::executor`] does it.
#[derive(Debug)]
pub enum Bring<'s> {
    /// By a rollback of the storage itself.
    InPlace,
    /// By storage that is prepared beside the real one, and swapped in once it is complete and verified.
    Staged {
        /// How the data comes, as the mark says it: `clone`, `restic`, ….
        by: &'static str,
        /// What the staged storage starts from.
        origin: Origin<'s>,
        /// What writes the rest.
        fill: Fill<'s>,
    },
}

impl<'s> Bring<'s> {
    /// Of a snapshot of this machine, local or in a replica: its `whole`, which comes `by` this, or a copy of the
    /// declared `paths` of it.
    pub fn of_this_machine(context: &Context<'_>, by: &'static str, whole: Origin<'s>) -> Self {
        if context.service.paths.is_empty() {
            return Self::Staged {
                by,
                origin: whole,
                fill: Fill::Nothing,
            };
        }
        Self::Staged {
            by: "copy",
            origin: Origin::Empty,
            fill: Fill::Paths(context.wanted()),
        }
    }
}

/// Writes what is missing into staged storage.
pub enum Fill<'f> {
    /// Nothing is.
    Nothing,
    /// These paths of the snapshot.
    Paths(Vec<PathBuf>),
    /// By this, which is given the staged directory (absolute). Nobody else sees it.
    By(FillBy<'f>),
}

/// See [`Fill::By`].
pub type FillBy<'f> =
    Box<dyn FnOnce(&Path, &mut Progress) -> std::result::Result<(), Failure> + Send + 'f>;

impl fmt::Debug for Fill<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Paths(_) => "Paths",
            Self::By(_) => "By",
        })
    }
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
#[derive(Debug, Default)]
pub struct Restored {
    /// What it replaced.
    pub kept: Option<Kept>,
    /// The bytes of data it brought; 0 where none were moved.
    pub bytes: u64,
}

/// A tier's name, as it is declared.
pub fn word(tier: TierName) -> &'static str {
    match tier {
        TierName::Rollback => "rollback",
        TierName::Snapshot => "snapshot",
        TierName::Restic => "restic",
    }
}
