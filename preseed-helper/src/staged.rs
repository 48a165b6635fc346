//! A restore that is prepared beside the real storage, verified there, and then put in its place.

use std::path::Path;

use report::Progress;
use storage::mark::Stage;
use storage::{Contents, Error, Mark, Origin, Result};

use crate::tier::{Context, Failure, Restored};

/// Stages `origin`, lets `fill` write what is missing (it is given the staged directory, absolute),
/// verifies it, and swaps it in with a mark that says `by` and `from`.
///
/// # Errors
/// See [`Failure`]. What was staged is thrown away unless it is complete.
pub fn restore(
    context: &Context<'_>,
    origin: &Origin<'_>,
    by: &str,
    from: &str,
    progress: &mut Progress,
    fill: impl FnOnce(&Path, &mut Progress) -> std::result::Result<(), Failure>,
) -> std::result::Result<Restored, Failure> {
    let storage = context.storage;
    storage
        .must_be_replaceable(origin)
        .map_err(Failure::Storage)?;
    let staged = storage
        .stage(origin, &mut |done, total| progress.at(done, total))
        .map_err(at_fault)?;
    let ready = fill(&staged.path, progress)
        .and_then(|()| verify(context, &staged.path, from).map_err(Failure::Snapshot));
    if let Err(failure) = ready {
        let error = failure.error();
        return Err(match storage.discard(&staged) {
            Ok(()) => failure,
            Err(also) => Failure::Storage(
                also.while_doing(&format!("after a failed restore ({})", error.fault())),
            ),
        });
    }
    context.must_be_unchanged().map_err(Failure::Storage)?;
    let mark = Mark::new(Stage::Seeded, by, from);
    let kept = storage.replace(&staged, &mark).map_err(Failure::Storage)?;
    Ok(Restored {
        kept,
        bytes: progress.bytes(),
    })
}

/// Whose fault an error in making a copy is: where there is no room, an older snapshot would not fit either.
fn at_fault(error: Error) -> Failure {
    if error.is_lack_of_space() {
        Failure::Source(error)
    } else {
        Failure::Snapshot(error)
    }
}

/// That the staged directory holds the service's data.
fn verify(context: &Context<'_>, staged: &Path, from: &str) -> Result<()> {
    match Contents::of_copy(staged, context.service)?.lacks() {
        None => Ok(()),
        Some(lacks) => Err(Error::new(
            from,
            format!("after the restore {lacks}"),
            "an older snapshot may be whole: see `preseedctl plan`",
        )),
    }
}
