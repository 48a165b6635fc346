//! Copies single paths out of a directory, with all that belongs to them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::command::command;
use crate::error::ErrorKind;
use crate::stall::Stall;
use crate::watched::{GivenUp, watch};
use crate::{Error, Result, shown};

/// Copies `paths` (relative) of the directory `from` into the directory `into` (both absolute): owners, modes, times,
/// attributes, links and holes as they are, and the directories on the way to them. Those that are not there are left
/// out. `progress` is told the bytes done.
///
/// # Errors
/// When one cannot be copied, a link leads out of `from`, or nothing moves for `stall_timeout`.
pub(crate) fn copy(
    from: &Path,
    paths: &[PathBuf],
    into: &Path,
    stall_timeout: Duration,
    progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
) -> Result<()> {
    let mut present = Vec::new();
    for path in paths {
        if is_there(from, path)? {
            present.push(path);
        }
    }
    let options = [
        "--archive",
        "--reflink=auto",
        "--sparse=always",
        "--parents",
        // Of an earlier try.
        "--remove-destination",
        "--",
    ];
    let mut cp = command("cp", options);
    cp.args(present).arg(into).current_dir(from);
    let mut stall = Stall::new(stall_timeout);
    let watched = watch(&mut cp, GivenUp::IsEnded, |seen| {
        progress(seen.io?.written, None);
        stall.at(seen.moved?).then_some(())
    })?;
    if watched.given_up.is_some() {
        return Err(stall.error(&shown(into), "`cp`"));
    }
    let (status, said) = (watched.ended.status, watched.ended.stderr);
    if status.success() {
        return Ok(());
    }
    Err(Error::new(
        shown(into),
        format!("`{}` ended with {status}: {said}", watched.ended.line),
        "see that its file system has room and can hold what is copied, then start the service again",
    )
    .of_kind(kind(&said)))
}

/// The kind of error that these words of `cp` tell of. What it could not read comes first: of what it writes, it says
/// something else.
fn kind(said: &str) -> ErrorKind {
    if said.contains("error reading") {
        return ErrorKind::Unreadable;
    }
    match ErrorKind::in_words(said) {
        Some(ErrorKind::Unreadable) | None => ErrorKind::Other,
        Some(kind) => kind,
    }
}

/// Whether an error of [`copy`] is that something could not be read. Of what is written, `cp` says so otherwise.
pub(crate) fn could_not_read(error: &Error) -> bool {
    error.kind() == ErrorKind::Unreadable
}

/// Whether `path` is in the directory `from`, and no link on the way leads out of it.
fn is_there(from: &Path, path: &Path) -> Result<bool> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = File::open(from).and_then(|root| {
        Ok(openat2(
            root,
            path,
            flags,
            Mode::empty(),
            ResolveFlags::BENEATH,
        )?)
    });
    match opened {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(false)
        }
        Err(cause) => {
            let error = Error::new(
                shown(&from.join(path)),
                format!("cannot be copied: {cause}"),
                "see why with `ls -la` in the snapshot, or leave it out of `paths`",
            )
            .caused_by(&cause);
            Err(if cause.kind() == std::io::ErrorKind::CrossesDevices {
                error.blaming_the_snapshot()
            } else {
                error
            })
        }
    }
}
