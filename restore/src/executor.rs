//! Brings a snapshot: stages, fills, verifies, and puts it in the service's place, whatever source it is of.
//!
//! A plan, a drill and a restore differ only in how far they go: see [`Goal`].

use report::Progress;
use storage::mark::Stage;
use storage::{Contents, Error, ErrorKind, Mark, NotRolledBack, Origin, Snapshot, Staged};

use crate::context::Context;
use crate::failure::Failure;
use crate::source::{Bring, Fill, Restored, Source};

/// How far a snapshot is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Nothing is changed: it is only looked whether it could be brought.
    Possible,
    /// It is staged, filled and verified beside the real storage, and then thrown away.
    Verified,
    /// It is staged, filled, verified and sealed beside the real storage, and waits there until the rest of its set is. Of a
    /// rollback, which nothing is staged for, it is verified that it can be.
    Sealed,
    /// It takes the service's place.
    InPlace,
}

/// Brings a source's snapshot as far as `goal` says.
///
/// # Errors
/// See [`Failure`]. What was staged is thrown away unless it is complete.
pub fn bring(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    goal: Goal,
) -> Result<Restored, Failure> {
    let bring = source.bring(snapshot)?;
    must_be_possible(context, &bring)?;
    if goal == Goal::Possible {
        return Ok(Restored::default());
    }
    if source.moves_data() {
        context.turn.take().map_err(Failure::Storage)?;
    }
    source.begins();
    let name = context.service.name.as_str();
    let label = source.label(snapshot);
    let mut progress = if context.turn.is_of_a_drill() {
        Progress::new(format!("drilling {name} from {label}"))
    } else {
        Progress::of_restore(name, &label)
    };
    let brought = match bring {
        Bring::InPlace => in_place(context, snapshot, goal, &mut progress),
        Bring::Staged { by, origin, fill } => {
            let preparation = Preparation { snapshot, origin };
            preparation.bring(context, by, fill, goal, &mut progress)
        }
    };
    context.turn.give_back();
    brought
}

/// That nothing keeps it from the service's place, as far as that can be told before anything is changed.
fn must_be_possible(context: &Context<'_>, bring: &Bring<'_>) -> Result<(), Failure> {
    let storage = context.storage;
    let possible = match bring {
        Bring::InPlace => storage.must_be_writable(),
        Bring::Staged { origin, .. } => storage.must_be_replaceable(origin),
    };
    possible.map_err(Failure::Storage)
}

/// Rolls the storage back to its newest snapshot. It is verified in a clone before, since a rollback cannot be taken
/// back.
fn in_place(
    context: &Context<'_>,
    snapshot: &Snapshot,
    goal: Goal,
    progress: &mut Progress,
) -> Result<Restored, Failure> {
    if goal == Goal::Verified || !context.service.verify.is_empty() {
        let preparation = Preparation {
            snapshot,
            origin: Origin::Clone(snapshot),
        };
        preparation.bring(context, "clone", Fill::Nothing, Goal::Verified, progress)?;
    }
    if goal != Goal::InPlace {
        return Ok(Restored::default());
    }
    roll_back(context, snapshot)
}

/// The mark of a rollback to this snapshot.
pub(crate) fn of_a_rollback(context: &Context<'_>, snapshot: &Snapshot) -> Mark {
    Mark::new(Stage::Seeding, "rollback", &snapshot.name).in_set(context.set.as_deref())
}

/// Rolls the storage back to its newest snapshot.
///
/// # Errors
/// See [`Failure`].
fn roll_back(context: &Context<'_>, snapshot: &Snapshot) -> Result<Restored, Failure> {
    must_be_unchanged(context)?;
    roll_back_unchanged(context, snapshot)
}

/// The same, where it was just seen that nothing has changed.
///
/// # Errors
/// See [`Failure`].
pub(crate) fn roll_back_unchanged(
    context: &Context<'_>,
    snapshot: &Snapshot,
) -> Result<Restored, Failure> {
    let mark = of_a_rollback(context, snapshot);
    let storage = context.with_snapshots().map_err(Failure::Storage)?;
    match storage.rollback(snapshot, &mark) {
        Ok(()) => Ok(Restored::default()),
        Err(NotRolledBack::Storage(error)) => Err(Failure::Storage(error)),
        Err(NotRolledBack::Refused(error)) => Err(Failure::Source(error)),
    }
}

fn must_be_unchanged(context: &Context<'_>) -> Result<(), Failure> {
    context.must_be_unchanged().map_err(Failure::Storage)
}

/// A restore that is prepared beside the real storage.
struct Preparation<'s> {
    snapshot: &'s Snapshot,
    origin: Origin<'s>,
}

impl Preparation<'_> {
    fn bring(
        &self,
        context: &Context<'_>,
        by: &str,
        fill: Fill<'_>,
        goal: Goal,
        progress: &mut Progress,
    ) -> Result<Restored, Failure> {
        let storage = context.storage;
        let staged = storage
            .stage(&self.origin, &mut |done, total| progress.at(done, total))
            .map_err(Failure::of)?;
        let ready = self
            .fill(context, &staged, fill, progress)
            .and_then(|()| self.verify(context, &staged));
        if let Err(failure) = ready {
            return Err(thrown_away(context, &staged, failure));
        }
        let restored = |kept| Restored {
            kept,
            bytes: progress.bytes(),
        };
        if !matches!(goal, Goal::InPlace | Goal::Sealed) {
            storage.discard(&staged).map_err(Failure::Storage)?;
            return Ok(restored(None));
        }
        // The copy took its time.
        must_be_unchanged(context)?;
        storage
            .must_be_replaceable(&self.origin)
            .map_err(Failure::Storage)?;
        let mark = Mark::new(Stage::Seeded, by, &self.snapshot.name);
        let (mark, taken) = (mark.in_set(context.set.as_deref()), self.snapshot.taken);
        let kept = if goal == Goal::Sealed {
            storage.make_complete(&staged, &mark, taken).map(|()| None)
        } else {
            storage.replace(&staged, &mark, taken)
        };
        kept.map(restored).map_err(Failure::Storage)
    }

    /// Has staged storage filled, and looks whether it holds the data then.
    fn fill(
        &self,
        context: &Context<'_>,
        staged: &Staged,
        fill: Fill<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (storage, service) = (context.storage, context.service);
        let recipient = storage::recipient(service).map_err(Failure::Storage)?;
        let mut fill_by = None;
        match fill {
            Fill::Nothing => {}
            Fill::By(fill) => fill_by = Some(fill),
            Fill::Paths(paths) => context
                .with_snapshots()
                .and_then(|storage| {
                    storage.copy_paths(self.snapshot, &paths, staged, &mut |done, total| {
                        progress.at(done, total);
                    })
                })
                .map_err(Failure::of)?,
        }
        // Should nobody come to look, it is not known to hold the data.
        let mut ready = Err(Failure::Source(not_looked_into(&self.snapshot.name)));
        storage
            .inside(staged, &mut |directory| {
                let filled = fill_by
                    .take()
                    .map_or(Ok(()), |fill| fill(directory, progress));
                let given = filled.and_then(|()| match recipient {
                    Some(who) => storage::give_contents(directory, who)
                        .map_err(Failure::Storage)
                        .map(drop),
                    None => Ok(()),
                });
                ready = given
                    .and_then(|()| Contents::of_copy(directory, service).map_err(Failure::of))
                    .and_then(|contents| must_hold_the_data(&contents, &self.snapshot.name));
            })
            .map_err(Failure::of)?;
        ready
    }

    /// That staged storage passes the declared checks.
    fn verify(&self, context: &Context<'_>, staged: &Staged) -> Result<(), Failure> {
        // A check moves no data.
        context.turn.give_back();
        let (service, storage) = (context.service, context.storage);
        let (from, is_drill) = (&self.snapshot.name, context.turn.is_of_a_drill());
        context
            .machine
            .verify(service, storage, staged, from, is_drill)
    }
}

/// That the copy of `from` (a snapshot, for people) with these contents holds what is expected.
fn must_hold_the_data(contents: &Contents, from: &str) -> Result<(), Failure> {
    let covered = contents.covered.as_ref();
    let covered = covered.map(|path| format!("{} lies where a place is mounted", path.display()));
    match contents.lacks().or(covered) {
        None => Ok(()),
        Some(lacks) => Err(Failure::Snapshot(
            Error::new(
                from,
                format!("after the restore {lacks}"),
                "an older snapshot may be whole: see `preseedctl plan`",
            )
            .of_kind(ErrorKind::PartlyThere),
        )),
    }
}

fn not_looked_into(from: &str) -> Error {
    Error::internal(from, "what was restored was not looked into")
}

/// The failure of a staged copy, which is thrown away.
fn thrown_away(context: &Context<'_>, staged: &Staged, failure: Failure) -> Failure {
    match context.storage.discard(staged) {
        Ok(()) => failure,
        Err(also) => Failure::Storage(also.while_doing(&format!(
            "after a failed restore ({})",
            failure.error().fault()
        ))),
    }
}
