//! Makes the user that a service runs as, by systemd-sysusers, where something of it is missing.
//!
//! Its exit status says little: with the number taken it makes the user under another one, and with the name there it
//! leaves it as it is, and says 0 each time. So only what is found afterwards counts.

use std::borrow::Cow;
use std::time::Duration;

use declaration::settings::{Service, User};
use report::{Event, Kind};
use storage::command::command;
use storage::user::{Found, given_to_nobody, look, missing};
use storage::watched::run_within;
use storage::{Presence, Result};

/// How long systemd-sysusers may take: another one may hold the lock of /etc/passwd.
const LIMIT: Duration = Duration::from_mins(1);

/// Makes the user where it is missing; what was made is added to `changes`, in words. Gives the service as it is to be
/// applied: where the user is not the one declared and the storage is there, that is told, and nothing is given to
/// anybody.
///
/// # Errors
/// When the user is not the one declared, and there is no storage yet.
pub(crate) fn make<'a>(
    service: Cow<'a, Service>,
    changes: &mut Vec<String>,
) -> Result<Cow<'a, Service>> {
    let Some(user) = &service.user else {
        return Ok(service);
    };
    let Err(error) = make_if_missing(&service, user, changes) else {
        return Ok(service);
    };
    if !is_there(&service)? {
        return Err(error);
    }
    let message = format!("its user is not the one declared, and its storage is there: {error}");
    Event::new(Kind::UserDiffers, service.name.as_str(), message)
        .of(service.of())
        .outcome("differs")
        .error(error.kind().code())
        .tell();
    Ok(Cow::Owned(given_to_nobody(service.into_owned())))
}

/// Whether there is storage that may hold the service's data. If it is seen to hold nothing, there is none yet.
fn is_there(service: &Service) -> Result<bool> {
    let seen = storage::open(service).observe()?;
    Ok(match seen.presence {
        Presence::Missing => false,
        // What lies in it is seen once it is mounted.
        Presence::Unmounted => true,
        Presence::Mounted => !seen.contents.is_empty(),
    })
}

fn make_if_missing(service: &Service, user: &User, changes: &mut Vec<String>) -> Result<()> {
    let Found::Missing(lines) = look(service, user)? else {
        return Ok(());
    };
    let words = ["--inline".to_owned()].into_iter();
    let mut sysusers = command(
        "systemd-sysusers",
        words.chain(lines.iter().map(|(line, _)| line.clone())),
    );
    // It replaces files by rename: one that is ended has changed nothing, or all.
    let ended = run_within(&mut sysusers, LIMIT)?;
    let found = look(service, user);
    // What of it was made is told, whatever came of the rest.
    let left = match &found {
        Ok(Found::Missing(left)) => left.as_slice(),
        _ => &[],
    };
    if found.is_ok() {
        let made = lines
            .iter()
            .filter(|(line, _)| left.iter().all(|(other, _)| other != line));
        changes.extend(made.map(|(_, what)| format!("made {what}")));
    }
    match found? {
        Found::AsDeclared => Ok(()),
        Found::Missing(_) if !ended.status.success() => {
            Err(ended.error(&service.source.to_string_lossy(), "see what it says"))
        }
        Found::Missing(left) => Err(missing(service, &left)),
    }
}
