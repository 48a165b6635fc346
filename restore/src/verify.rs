//! Whether a copy of the service's data is sound, as far as its declaration says how that is told.
//!
//! Each check is run on a copy of its own that is thrown away: what is swapped in is what the source held. It has a
//! deadline, holds no restore's slot, and can do nothing to the machine.

mod command;
mod files;
mod integrity;
mod journal;
mod sqlite;
pub mod turn;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use declaration::settings::{Check, CheckCommand, Service};
use process::Identity;
use report::status;
use storage::{Error, ErrorKind, Result, Staged, Storage};

use crate::failure::Failure;
use integrity::check_database;
use sqlite::CHECK;

/// That the declared checks can be run at all, before anything is copied.
///
/// # Errors
/// When a command is not there, or somebody else than root can have put it there.
pub fn must_be_possible(service: &Service) -> Result<()> {
    service.verify.iter().try_for_each(|check| match check {
        Check::Sqlite(_) => Ok(()),
        Check::Command(command) => command::must_be_there(command, service),
    })
}

/// That staged storage, a copy of `from` (a snapshot, for people), passes the declared checks. It is not changed.
/// The checks of a drill keep none of a restore waiting.
///
/// # Errors
/// See [`Failure`]: the snapshot's if it does not pass, the source's if a check could not be finished. What could not
/// be checked is no reason to take older data.
pub fn verify(
    service: &Service,
    storage: &dyn Storage,
    staged: &Staged,
    from: &str,
    is_drill: bool,
) -> std::result::Result<(), Failure> {
    if service.verify.is_empty() {
        return Ok(());
    }
    let turn = turn::take(service, is_drill).map_err(Failure::Source)?;
    verify_in(turn, service, storage, staged, from)
}

/// The same in a turn that was taken before, which is given back when all are done.
///
/// # Errors
/// As [`verify`].
pub fn verify_in(
    _turn: turn::Turn,
    service: &Service,
    storage: &dyn Storage,
    staged: &Staged,
    from: &str,
) -> std::result::Result<(), Failure> {
    for check in &service.verify {
        status::say(&match check {
            Check::Sqlite(path) => format!("checking {} of {from}", path.display()),
            Check::Command(command) => format!("checking {from} with {}", command.words.join(" ")),
        });
        let ready = Ready::for_it(check, service).map_err(Failure::Source)?;
        let mut checked = None;
        storage
            .try_out(staged, &mut |trial| {
                checked = Some(match &ready {
                    Ready::Sqlite(path) => sqlite::check(service, trial, path),
                    Ready::Command(command, who) => command::check(command, service, *who, trial),
                });
            })
            .map_err(|error| {
                Failure::Source(error.while_doing("restored data could not be verified"))
            })?;
        match checked {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(what))) => {
                return Err(Failure::Snapshot(
                    Error::new(
                        from,
                        what,
                        "an older snapshot may be sound: see `preseedctl plan`",
                    )
                    .of_kind(ErrorKind::CheckFailed),
                ));
            }
            Some(Err(error)) => return Err(Failure::Source(error)),
            None => return Err(Failure::Source(not_run(from))),
        }
    }
    Ok(())
}

/// The exit status of a check, if this process is one: whatever program verifies data starts itself for it, as a user of no
/// rights. Each asks this first.
#[must_use]
pub fn answer() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [what, file] if what == CHECK => Some(check_database(Path::new(file))),
        _ => None,
    }
}

/// A check with all that cannot be asked for where the copy is seen: who tells users' names may not be seen beside it.
enum Ready<'a> {
    /// See [`Check::Sqlite`].
    Sqlite(&'a Path),
    /// See [`Check::Command`]. It runs as this user and group.
    Command(&'a CheckCommand, Identity),
}

impl<'a> Ready<'a> {
    fn for_it(check: &'a Check, service: &Service) -> Result<Self> {
        Ok(match check {
            Check::Sqlite(path) => Self::Sqlite(path),
            Check::Command(command) => Self::Command(command, command::identity(command, service)?),
        })
    }
}

fn not_run(from: &str) -> Error {
    Error::internal(
        from,
        "restored data could not be verified: a check was not run",
    )
}
