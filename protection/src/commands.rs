//! The commands that are declared to be run before and after a service's data is read.

use std::path::Path;

use declaration::settings::Service;
use declaration::trust;
use storage::command::command;
use storage::watched::run_within;
use storage::{Error, Result, both};

use crate::turn::Turn;

/// Runs `before`, if it is declared. From then on `after` is owed.
///
/// # Errors
/// When it cannot be run, fails, or does not end in time.
pub(crate) fn before(service: &Service, turn: &mut Turn) -> Result<()> {
    let Some(backup) = &service.backup else {
        return Ok(());
    };
    turn.note(!backup.after.is_empty())?;
    run(service, "before", &backup.before)
}

/// Runs `after`, if it is declared and owed.
///
/// # Errors
/// When it cannot be run, fails, or does not end in time. It is not tried again.
pub(crate) fn after(service: &Service, turn: &mut Turn) -> Result<()> {
    if !turn.owes()? {
        return Ok(());
    }
    let words = service.backup.as_ref().map(|backup| &backup.after);
    let ended = words.map_or(Ok(()), |words| run(service, "after", words));
    both(ended, turn.note(false))
}

fn run(service: &Service, key: &str, words: &[String]) -> Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let correct = format!("correct `{key}` in {}", service.source.display());
    // Who may write it would be root.
    trust::check(Path::new(program)).map_err(|invalid| {
        Error::new(
            program,
            format!("it cannot be run as `{key}`: {}", invalid.what),
            format!("{}; or {correct}", invalid.help),
        )
    })?;
    let mut command = command(program, arguments);
    command
        .env("PRESEED_SERVICE", service.name.as_str())
        .env_remove("CREDENTIALS_DIRECTORY");
    let ended = run_within(&mut command, service.stall_timeout)
        .map_err(|error| error.with_help(correct.clone()))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(ended.error(
        &format!("`{key}` of the backup of {}", service.name),
        correct,
    ))
}
