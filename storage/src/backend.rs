//! What a backend can do with one service's storage, and what it says of it.
//!
//! [`Storage`] is what every backend offers: the storage [in its place](InPlace), and [staging](Staging) beside it. What
//! only some have, it is asked for: [`Storage::with_snapshots`].

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::bring_out::Outside;
use crate::contents::Contents;
use crate::error::{Error, Result};
use crate::mark::{Mark, MarkState};
use crate::seal::{Seal, Since};
use crate::trial::Trial;

/// What a look at a service's storage showed. Taking it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Whether the storage is there and mounted.
    pub presence: Presence,
    /// The mark it carries.
    pub mark: MarkState,
    /// What lies in its directory; empty unless mounted.
    pub contents: Contents,
    /// What an earlier restore left beside it.
    pub left_over: LeftOver,
}

/// What an earlier restore left beside a service's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOver {
    /// Nothing.
    Nothing,
    /// Staged storage that was not completed: a part of a copy.
    Incomplete,
    /// Something without a mark where restores are staged: storage that was made just before the power went, or
    /// somebody else's.
    Unmarked,
    /// Staged storage that is complete and was not put in its place, with its mark.
    Complete(Mark),
}

/// Whether a service's storage is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// There is no such dataset or directory.
    Missing,
    /// The dataset is there, but not mounted at the service's mountpoint.
    Unmounted,
    /// It is there and can be looked into.
    Mounted,
}

/// One snapshot, local or in a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its full name, e.g. `tank/services/sonarr@autosnap_2026-11-23_07:00:00_hourly`.
    pub name: String,
    /// When it was taken, in whole seconds.
    pub taken: Timestamp,
    /// The bytes it refers to.
    pub bytes: u64,
}

impl Snapshot {
    /// Its name for people: a restic snapshot's id is cut as restic itself cuts it.
    pub fn label(&self) -> &str {
        let is_id = self.name.len() == 64 && self.name.bytes().all(|b| b.is_ascii_hexdigit());
        if is_id { &self.name[..8] } else { &self.name }
    }
}

/// A snapshot as it was listed, with what tells it from all others.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What a copy of it has as well.
    pub guid: u64,
    /// The transaction group it was taken in.
    pub created: u64,
}

/// What a staged restore starts from.
#[derive(Debug)]
pub enum Origin<'a> {
    /// Nothing: something else writes the data.
    Empty,
    /// A clone of a local snapshot.
    Clone(&'a Snapshot),
    /// A copy of a replica's snapshot, received.
    Receive(&'a Snapshot),
}

/// Storage in which a restore is prepared, beside the real one.
#[derive(Debug)]
pub struct Staged {
    /// Its name for people: a dataset's, or a directory's path.
    pub name: String,
}

/// What was done so that storage is what is declared.
#[derive(Debug, Default)]
pub struct Applied {
    /// A restore that was interrupted during the swap, and was finished: its mark, and what it replaced.
    pub finished: Option<(Mark, Option<Kept>)>,
    /// The other changes, in words; none if everything was so already.
    pub changes: Vec<String>,
    /// What is otherwise than declared and stays so, in words with the reason: it keeps nothing from being used.
    pub differs: Vec<String>,
}

/// What was replaced by a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The dataset or directory that holds it now.
    pub name: String,
    /// Who still has it mounted, in words; they go on with it, and it is not removed before they let go.
    pub seen_by: Option<String>,
    /// Why what replaced it still hangs on it, in words; it is not removed before that is over.
    pub pending: Option<String>,
}

/// Why a rollback did not happen.
#[derive(Debug)]
pub enum NotRolledBack {
    /// Something would be lost, somebody writes there, or the storage is not as it was: no other source would do better.
    Storage(Error),
    /// The rollback itself was refused. Nothing was changed.
    Refused(Error),
}

/// One service's storage.
///
/// No method destroys anything but what a restore had staged itself.
pub trait Storage: InPlace + Staging {
    /// Its snapshots; `None` for a backend that has none.
    fn with_snapshots(&self) -> Option<&dyn Snapshots>;
}

/// The storage where the service finds it.
pub trait InPlace {
    /// Makes the storage what is declared: there, mounted, with its properties, owner and mode.
    /// A swap that was interrupted is finished first. What was done is added to `applied`, also where it fails then.
    ///
    /// # Errors
    /// When it cannot be made so, or when mounting it would hide files.
    fn apply(&self, applied: &mut Applied) -> Result<()>;

    /// Sets also what somebody changed by hand since it was set, and what is not of the service's own file. What was done,
    /// and what stays otherwise than declared, is added to `applied`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn correct(&self, _applied: &mut Applied) -> Result<()> {
        Ok(())
    }

    /// That [`InPlace::apply`] would not refuse, as far as that can be told before anything is changed.
    ///
    /// # Errors
    /// When it would.
    fn must_be_applicable(&self) -> Result<()>;

    /// Looks at the storage.
    ///
    /// # Errors
    /// When it cannot be looked at. That is never the same as "not there".
    fn observe(&self) -> Result<Observation>;

    /// What a mark of the storage is bound to, which no copy of it has, and the mark. `None` if there is no storage.
    /// Of a dataset, what the last look showed, or what this run has put in its place since.
    ///
    /// # Errors
    /// When it cannot be told.
    fn identity(&self) -> Result<Option<(String, MarkState)>>;

    /// Gives the storage this mark, bound to it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set_mark(&self, mark: &Mark) -> Result<()>;

    /// What is declared and could not be set once the data was there, since this was last asked: in words, with the reason.
    /// It keeps nothing from being used, and is tried again by [`InPlace::apply`].
    fn not_set(&self) -> Vec<String> {
        Vec::new()
    }

    /// That a restore may write to the storage where it is.
    ///
    /// # Errors
    /// When it is read-only.
    fn must_be_writable(&self) -> Result<()>;

    /// Takes it from its place for a moment, so that what it is mounted in can be replaced, or mounted. Whoever has it open
    /// goes on with it; if it `is_replaced` itself, nobody may be writing to it.
    ///
    /// # Errors
    /// When somebody writes to it that is replaced, or when it cannot be taken away.
    fn step_aside(&self, _is_replaced: bool) -> Result<()> {
        Ok(())
    }

    /// Puts it back in its place, if it is not there.
    ///
    /// # Errors
    /// When it cannot be put there.
    fn step_back(&self) -> Result<()> {
        Ok(())
    }
}

/// Storage beside the real one, in which a restore is prepared, and which takes its place once it is complete.
pub trait Staging {
    /// Gives `work` the staged storage as a directory (absolute) that nobody else sees, for as long as it takes. It
    /// runs in a thread of its own; programs that it starts see the directory as well, and nothing of theirs may be
    /// left once it returns.
    ///
    /// # Errors
    /// When it cannot be made to be seen.
    fn inside(&self, staged: &Staged, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()>;

    /// Gives `work` a copy of the staged storage that is thrown away, and that nobody else sees: nothing that is done
    /// to it changes what is staged. Otherwise as [`Staging::inside`].
    ///
    /// # Errors
    /// When there can be no such copy, or when it cannot be thrown away.
    fn try_out(&self, staged: &Staged, work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()>;

    /// That a restore from `origin` could take the storage's place, before anything is copied.
    ///
    /// # Errors
    /// When it could not: child datasets, mounts below it, a key of its own, ….
    fn must_be_replaceable(&self, origin: &Origin<'_>) -> Result<()>;

    /// How many bytes a drill may write beside the storage: a fifth of what holds it is left free.
    ///
    /// # Errors
    /// When it cannot be told.
    fn room(&self) -> Result<u64> {
        Ok(u64::MAX)
    }

    /// Prepares a staged restore. One that was left over half-done is thrown away first.
    /// `progress` is told the bytes done and, where known, the bytes in all.
    ///
    /// # Errors
    /// When it cannot be prepared. What was prepared until then is thrown away.
    fn stage(
        &self,
        origin: &Origin<'_>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Staged>;

    /// Throws a staged restore away.
    ///
    /// # Errors
    /// When it cannot be removed, or is not one that a restore staged.
    fn discard(&self, staged: &Staged) -> Result<()>;

    /// Gives the staged storage its declared properties, owner, mode and `mark`, and seals it: it is complete, and
    /// [`Staging::resume`] puts it in the real one's place. What it holds is of a snapshot that was `taken` then.
    ///
    /// # Errors
    /// When it cannot be done.
    fn make_complete(&self, staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<()>;

    /// Gives the staged storage its declared properties, owner, mode and `mark`, seals it, and puts it in the real one's
    /// place. What was there is kept. What it holds is of a snapshot that was `taken` then.
    ///
    /// # Errors
    /// When it cannot be done; the next [`InPlace::apply`] finishes a swap that was begun.
    fn replace(&self, staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>>;

    /// What was noted when the complete staged storage was sealed, and what has become of the real one since; no seal if
    /// that cannot be read.
    ///
    /// # Errors
    /// When it cannot be told.
    fn seal(&self) -> Result<(Option<Seal>, Since)>;

    /// Puts the complete staged storage, which has this mark, aside: it is kept, as unused. An earlier one that was put
    /// aside so is removed, unless somebody uses it.
    ///
    /// # Errors
    /// When it cannot be put aside.
    fn put_aside(&self, mark: &Mark) -> Result<Kept>;

    /// Puts away what an earlier restore left, since the data is there without it: an incomplete staging is
    /// thrown away, a complete one kept. Gives what it did, in words.
    ///
    /// # Errors
    /// When it cannot be put away.
    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>>;

    /// Finishes a restore that was complete in staging when it was interrupted.
    /// Gives what it replaced and the mark, or `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be finished.
    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>>;

    /// That [`Staging::bring_back`] would put what a restore replaced back in its place, before anything is changed. `kept` is
    /// its name.
    ///
    /// # Errors
    /// When it would not: it is used, the real one is, something is staged, ….
    fn must_be_undoable(&self, kept: &str) -> Result<()>;

    /// Puts what a restore replaced back in its place, in constant time, and gives it `mark`. What was there is kept in turn.
    ///
    /// # Errors
    /// When it cannot be done. Then all is as it was, or the next [`InPlace::apply`] finishes it.
    fn bring_back(&self, kept: &str, mark: &Mark) -> Result<Option<Kept>>;

    /// Puts what a restore replaced, of this name, where restores are staged, complete and sealed with `mark`:
    /// [`Staging::resume`] puts it in its place, [`Staging::put_away`] gives it a kept name again.
    ///
    /// # Errors
    /// When it cannot be done; of a backend that has no places, always.
    fn bring_beside(&self, kept: &str, _mark: &Mark) -> Result<()> {
        Err(Error::internal(
            kept,
            "only datasets are brought back together",
        ))
    }

    /// Does what a restore had to leave for later, if it can be done now: nothing that its service waits for. What was
    /// done, and what is still to be done, is added to `applied`. Nothing is done while another process is at work on the
    /// storage.
    ///
    /// # Errors
    /// When that cannot be told.
    fn settle_later(&self, _applied: &mut Applied) -> Result<()> {
        Ok(())
    }
}

/// Snapshots of the storage. What lies in one, and how it is copied, also of those that a source has on this machine.
pub trait Snapshots {
    /// The snapshots of exactly this storage, newest first.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn snapshots(&self) -> Result<Vec<Snapshot>>;

    /// Whether a snapshot, one of [`Self::snapshots`], is the storage's own. A clone that is still to be promoted also lists
    /// those of what it was cloned from, which nothing is rolled back to.
    fn owns(&self, _snapshot: &Snapshot) -> bool {
        true
    }

    /// Of snapshots that may be copies of the storage's, those that may be restored: one that was taken of a restore while
    /// that was under way holds a part of the data.
    ///
    /// # Errors
    /// When that cannot be told.
    fn complete(&self, listed: Vec<Listed>) -> Result<Vec<Snapshot>> {
        Ok(listed.into_iter().map(|listed| listed.snapshot).collect())
    }

    /// What lies in a snapshot, local or in a replica of this machine.
    ///
    /// # Errors
    /// When it cannot be looked into.
    fn snapshot_contents(&self, snapshot: &Snapshot) -> Result<Contents>;

    /// Copies these paths of a snapshot, local or in a replica of this machine, into staged storage, with all that
    /// belongs to them. Paths that the snapshot lacks are left out.
    /// `progress` is told the bytes done.
    ///
    /// # Errors
    /// When one cannot be copied, or when nothing moves for the service's `stall-timeout`.
    fn copy_paths(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        staged: &Staged,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()>;

    /// Copies these paths of a snapshot, local or in a replica of this machine, out to a directory that is not the
    /// service's; `.` is all of it. Otherwise as [`Self::copy_paths`].
    ///
    /// # Errors
    /// When one cannot be copied, or when nothing moves for the service's `stall-timeout`.
    fn copy_out(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        outside: &Outside,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()>;

    /// Rolls back to the newest snapshot, and to no other: nothing newer may be lost. Writers are shut out from before
    /// it is looked whether anything would be lost until it is done. The storage is marked with `mark` at the stage
    /// `seeding` before, and `seeded` once the data is there.
    ///
    /// # Errors
    /// See [`NotRolledBack`].
    fn rollback(&self, snapshot: &Snapshot, mark: &Mark) -> std::result::Result<(), NotRolledBack>;

    /// Puts back the mark that was seen `before` a rollback that was noted in it and did not happen, or before a restore
    /// that was taken back.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put_mark_back(&self, before: &MarkState) -> Result<()>;
}
