//! An SQLite database: it is checked by another process, which can do no harm, on files that are thrown away.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use declaration::settings::Service;
use process::{Ending, Identity, confine};
use storage::{Error, ErrorKind, Result, Trial};

use super::files::{self, NotBrought};
use super::integrity;
use super::turn::deadline;

/// The word by which this program knows that it is to check a database.
pub(super) const CHECK: &str = "check-sqlite";

/// The first of the user ids that nobody on a machine has (systemd's UIDS-GIDS.md: from here on they are unused).
const NOBODYS: u32 = 1_879_048_192;

/// Checks the database at `path` (relative) in a trial, with what its write-ahead log or its journal holds: an
/// interrupted transaction is rolled back as the service's own first look would do. Gives what is wrong, in words.
///
/// # Errors
/// When it cannot be checked here: that says nothing of the data.
pub(super) fn check(
    service: &Service,
    trial: &Trial,
    path: &Path,
) -> Result<std::result::Result<(), String>> {
    let unsound = |what: &str| format!("{} is not a sound database: {what}", path.display());
    let unchecked = |what: &str| {
        Error::new(
            path.to_string_lossy(),
            format!("restored data could not be verified: {what}"),
            "see why; or let the service's own program check it: `verify = [{ command = [\"…\"] }]`",
        ).of_kind(ErrorKind::CheckFailed)
    };
    // A user that no other check has at the same time.
    let own = NOBODYS + std::process::id();
    let who = Identity { uid: own, gid: own };
    let limit = deadline(service);
    let until = files::after(limit);
    let mountpoint = &service.mountpoint;
    match files::bring(&trial.root, path, &trial.files, who, mountpoint, until) {
        Ok(()) => {}
        Err(NotBrought::Unsound(what)) => return Ok(Err(unsound(&what))),
        Err(NotBrought::Unchecked(what)) => return Err(unchecked(&what)),
    }
    let place = trial.show_files()?;
    let mut command = Command::new("/proc/self/exe");
    command.args([CHECK, files::NAME]).current_dir(place);
    confine(&mut command, who);
    let left = until.saturating_duration_since(Instant::now());
    let watched = process::run(&mut command, who.uid, left)
        .map_err(|error| unchecked(&format!("its check cannot be started: {error}")))?;
    let status = match watched.ending {
        Ending::Ended(status) => status,
        Ending::TimeIsUp => {
            return Err(unchecked(&format!(
                "its check was ended after {} s (stall-timeout)",
                limit.as_secs()
            )));
        }
    };
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(Ok(())),
        Some(integrity::UNSOUND) => Ok(Err(unsound(&watched.stdout))),
        Some(integrity::UNCHECKED) => Err(unchecked(&watched.stderr)),
        _ => Err(unchecked(&format!(
            "its check ended with {status}: {}",
            watched.stderr
        ))),
    }
}
