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
    fill: impl FnOnce(&Path, &mut Progress) -> Result<()>,
) -> std::result::Result<Restored, Failure> {
    let storage = context.storage;
    let staged = storage
        .stage(origin, &mut |done, total| progress.at(done, total))
        .map_err(Failure::Snapshot)?;
    let ready = fill(&staged.path, progress).and_then(|()| verify(context, &staged.path, from));
    if let Err(error) = ready {
        return Err(match storage.discard(&staged) {
            Ok(()) => Failure::Snapshot(error),
            Err(also) => Failure::Storage(
                also.while_doing(&format!("after a failed restore ({})", error.fault())),
            ),
        });
    }
    let mark = Mark::new(Stage::Seeded, by, from);
    let kept = storage.replace(&staged, &mark).map_err(Failure::Storage)?;
    Ok(Restored {
        kept,
        bytes: progress.bytes(),
    })
}

/// That the staged directory holds the service's data.
fn verify(context: &Context<'_>, staged: &Path, from: &str) -> Result<()> {
    match Contents::of(staged, context.service)?.lacks() {
        None => Ok(()),
        Some(lacks) => Err(Error::new(
            from,
            format!("after the restore {lacks}"),
            "an older snapshot may be whole: see `preseedctl plan`",
        )),
    }
}
