//! Whether a copy of the service's data is sound, as far as its declaration says how that is told.

mod command;
mod sqlite;

use std::path::Path;

use declaration::settings::{Check, Service};
use report::status;
use storage::{Contents, Error, Result};

use crate::tier::Failure;

/// That the declared checks can be run at all, before anything is copied.
///
/// # Errors
/// When a command is not there.
pub fn must_be_possible(service: &Service) -> Result<()> {
    service.verify.iter().try_for_each(|check| match check {
        Check::Sqlite(_) => Ok(()),
        Check::Command(words) => command::must_be_there(words, service),
    })
}

/// Verifies the copy of `from` (a snapshot, for people) that lies in `directory` (absolute, writable): it must hold
/// what is expected, then pass the declared checks.
///
/// # Errors
/// See [`Failure`]: the snapshot's if it does not pass, the source's if a check could not be finished. What could not
/// be checked is no reason to take older data.
pub fn verify(service: &Service, directory: &Path, from: &str) -> std::result::Result<(), Failure> {
    let contents = Contents::of_copy(directory, service).map_err(Failure::Snapshot)?;
    if let Some(lacks) = contents.lacks() {
        return Err(Failure::Snapshot(Error::new(
            from,
            format!("after the restore {lacks}"),
            "an older snapshot may be whole: see `preseedctl plan`",
        )));
    }
    for check in &service.verify {
        let unsound = |what: String| {
            Failure::Snapshot(Error::new(
                from,
                what,
                "an older snapshot may be sound: see `preseedctl plan`",
            ))
        };
        match check {
            Check::Sqlite(path) => {
                status::say(&format!("checking {} of {from}", path.display()));
                let checked = sqlite::check(directory, path).map_err(Failure::Source)?;
                checked.map_err(unsound)?;
            }
            Check::Command(words) => {
                status::say(&format!("checking {from} with {}", words.join(" ")));
                let checked = command::check(words, service, directory).map_err(Failure::Source)?;
                checked.map_err(unsound)?;
            }
        }
    }
    Ok(())
}
