//! A restore that is prepared beside the real storage, verified there, and then put in its place.

use std::path::{Path, PathBuf};

use report::Progress;
use storage::mark::Stage;
use storage::{Mark, Origin, Snapshot, Staged};

use crate::source::{Context, Failure, Restored};
use crate::verify::{must_hold_the_data, verify};

/// Writes what is missing into staged storage.
pub enum Fill<'f> {
    /// Nothing is.
    Nothing,
    /// These paths of a snapshot.
    Paths(&'f Snapshot, &'f [PathBuf]),
    /// By this, which is given the staged directory (absolute). Nobody else sees it.
    By(FillBy<'f>),
}

/// See [`Fill::By`].
pub type FillBy<'f> =
    Box<dyn FnOnce(&Path, &mut Progress) -> std::result::Result<(), Failure> + Send + 'f>;

/// Stages `origin`, has it filled, verifies it, and swaps it in with a mark that says `by` and the snapshot it is `from`.
///
/// # Errors
/// See [`Failure`]. What was staged is thrown away unless it is complete.
pub fn restore(
    context: &Context<'_>,
    origin: &Origin<'_>,
    by: &str,
    from: &Snapshot,
    progress: &mut Progress,
    fill: Fill<'_>,
) -> std::result::Result<Restored, Failure> {
    let storage = context.storage;
    storage
        .must_be_replaceable(origin)
        .map_err(Failure::Storage)?;
    let staged = storage
        .stage(origin, &mut |done, total| progress.at(done, total))
        .map_err(Failure::of)?;
    let ready = filled(context, &staged, &from.name, progress, fill).and_then(|()| {
        // A check moves no data.
        context.turn.give_back();
        verify(context.service, storage, &staged, &from.name)
    });
    if let Err(failure) = ready {
        return Err(thrown_away(context, &staged, failure));
    }
    context.must_be_unchanged().map_err(Failure::Storage)?;
    // The copy took its time.
    storage
        .must_be_replaceable(origin)
        .map_err(Failure::Storage)?;
    let mark = Mark::new(Stage::Seeded, by, &from.name);
    let kept = storage
        .replace(&staged, &mark, from.taken)
        .map_err(Failure::Storage)?;
    Ok(Restored {
        kept,
        bytes: progress.bytes(),
    })
}

/// Has staged storage filled, and looks whether it holds the data then.
fn filled(
    context: &Context<'_>,
    staged: &Staged,
    from: &str,
    progress: &mut Progress,
    fill: Fill<'_>,
) -> std::result::Result<(), Failure> {
    let storage = context.storage;
    let service = context.service;
    let mut fill = match fill {
        Fill::Nothing => None,
        Fill::By(fill) => Some(fill),
        Fill::Paths(snapshot, paths) => {
            storage
                .copy_paths(snapshot, paths, staged, &mut |done, total| {
                    progress.at(done, total);
                })
                .map_err(Failure::of)?;
            None
        }
    };
    let mut ready = Ok(());
    storage
        .inside(staged, &mut |directory| {
            ready = fill
                .take()
                .map_or(Ok(()), |fill| fill(directory, progress))
                .and_then(|()| must_hold_the_data(service, directory, from));
        })
        .map_err(Failure::of)?;
    ready
}

/// Restores a snapshot of this machine, local or in a replica: from its `whole`, or only the declared `paths`
/// of it. The mark says that it came `by` this, or by a copy.
///
/// # Errors
/// See [`Failure`].
pub fn restore_snapshot(
    context: &Context<'_>,
    whole: &Origin<'_>,
    by: &str,
    snapshot: &Snapshot,
    progress: &mut Progress,
) -> std::result::Result<Restored, Failure> {
    if context.service.paths.is_empty() {
        return restore(context, whole, by, snapshot, progress, Fill::Nothing);
    }
    let wanted = context.wanted();
    restore(
        context,
        &Origin::Empty,
        "copy",
        snapshot,
        progress,
        Fill::Paths(snapshot, &wanted),
    )
}

/// Verifies a local snapshot in a clone, which is thrown away: for a restore in place, and with it nothing is changed.
///
/// # Errors
/// See [`Failure`].
pub fn try_out(context: &Context<'_>, snapshot: &Snapshot) -> std::result::Result<(), Failure> {
    let staged = context
        .storage
        .stage(&Origin::Clone(snapshot), &mut |_, _| {})
        .map_err(Failure::of)?;
    let passed = filled(
        context,
        &staged,
        &snapshot.name,
        &mut Progress::new(format!("looking into {}", snapshot.name)),
        Fill::Nothing,
    )
    .and_then(|()| verify(context.service, context.storage, &staged, &snapshot.name));
    match passed {
        Ok(()) => context.storage.discard(&staged).map_err(Failure::Storage),
        Err(failure) => Err(thrown_away(context, &staged, failure)),
    }
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
