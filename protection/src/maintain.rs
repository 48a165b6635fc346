//! Looks after a restic repository: forgets, prunes, and checks a part of the data, another one each time.

use std::time::Duration;

use declaration::settings::{Host, Repository};
use report::words::count;
use report::{Event, Kind, status};
use restore::source::restic::call::Call;
use storage::{Error, Result};

use crate::{forget, record, work};

/// In how many parts the data is checked.
const PARTS: u64 = 52;

/// How long restic may make no progress.
const STALL_TIMEOUT: Duration = Duration::from_mins(30);

/// Looks after the repository called `name`. More than half of a service's backups are forgotten only if `yes`.
///
/// # Errors
/// What could not be done, the first of it. The rest is done all the same.
pub fn maintain(host: &Host, name: &str, yes: bool) -> Result<()> {
    let repository = find(host, name).inspect_err(tell_failed)?;
    let call = Call::to(repository, STALL_TIMEOUT).inspect_err(tell_failed)?;
    let mut first = None;
    let mut forgotten = 0;
    if repository.append_only {
        tell(
            name,
            "nothing is forgotten and pruned from here, as this machine may only add to it",
        );
    } else {
        let of_it = |service: &&declaration::settings::Service| {
            let backup = service.backup.as_ref();
            backup.is_some_and(|backup| backup.repository.name == name)
        };
        for service in host.services.iter().filter(of_it) {
            match forget::forget(service, &call, yes) {
                Ok(None) => {}
                Ok(Some(done)) => {
                    forgotten += done.count;
                    tell_of(service.name.as_str(), &done);
                }
                Err(error) => keep_first(&mut first, error),
            }
        }
        status::say(&format!("pruning repository {name}"));
        match work::run(&call, &["prune"], STALL_TIMEOUT) {
            Ok(_) => {}
            Err(failure) => keep_first(&mut first, failure.error),
        }
    }
    match check_a_part(&call, name) {
        Ok(part) => tell(
            name,
            &format!(
                "{} forgotten; part {part} of {PARTS} of its data was read and is sound",
                count(forgotten, "backup is", "backups are")
            ),
        ),
        Err(error) => keep_first(&mut first, error),
    }
    first.map_or(Ok(()), Err)
}

/// The repository of this name.
///
/// # Errors
/// When none is declared.
pub fn find<'a>(host: &'a Host, name: &str) -> Result<&'a Repository> {
    let mut all = host.repositories.iter();
    all.find(|repository| repository.name == name)
        .ok_or_else(|| {
            Error::new(
                format!("repository {name}"),
                "none of this name is declared, or its declaration is broken",
                "see `preseedctl check`, and declare it as [repository.NAME] in preseed.toml",
            )
        })
}

fn check_a_part(call: &Call<'_>, name: &str) -> Result<u64> {
    // No service is called so.
    let key = format!("@{name}");
    let part = record::read(&key)?.rounds % PARTS + 1;
    let subset = format!("--read-data-subset={part}/{PARTS}");
    status::say(&format!(
        "checking part {part} of {PARTS} of repository {name}"
    ));
    work::run(call, &["check", &subset], STALL_TIMEOUT).map_err(|failure| failure.error)?;
    record::update(&key, |known| known.rounds += 1)?;
    Ok(part)
}

fn tell_of(service: &str, done: &forget::Forgotten) {
    let message = format!(
        "{} of {} forgotten{}",
        done.count,
        count(done.of, "backup", "backups"),
        done.held
            .as_ref()
            .map_or_else(String::new, |why| format!("; held: {why}"))
    );
    let event = Event::new(Kind::Maintained, service, message).tier("restic");
    if done.held.is_some() {
        event.outcome("held").warning().tell();
    } else {
        event.outcome("forgotten").tell();
    }
}

fn tell(repository: &str, what: &str) {
    let message = format!("repository {repository}: {what}");
    status::set(&message);
    let event = Event::new(Kind::Maintained, "", message);
    event.outcome("maintained").tell();
}

fn keep_first(first: &mut Option<Error>, error: Error) {
    tell_failed(&error);
    first.get_or_insert(error);
}

fn tell_failed(error: &Error) {
    let event = Event::new(Kind::NotMaintained, "", error.to_string());
    let event = event.outcome("failed").error(error.kind().code());
    event.tell();
}
