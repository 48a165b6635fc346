//! `preseedctl release`

use std::collections::BTreeMap;
use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Service;
use report::{Event, Kind, words};
use storage::replaced::{self, Due, Replaced};
use storage::{Applied, Error};

use crate::ask::agrees;
use crate::kept::{frees, in_words};
use crate::say::say_line;

/// Removes these kept datasets or directories, and all that is kept of these services, once somebody has said so. Each
/// that cannot be is told of; the others are removed.
pub(crate) fn release(names: &[String], yes: bool) -> ExitCode {
    let services = declaration::load(&Search::from_env()).parts();
    let listing = replaced::list(&services);
    let mut succeeded = true;
    let mut chosen: Vec<&Replaced> = Vec::new();
    for name in names {
        let meant = meant(name, &listing.replaced, &services);
        if meant.is_empty() {
            for error in &listing.errors {
                words::tell(&error.to_string());
            }
            words::tell(&not_kept(name, &services));
            succeeded = false;
        }
        for kept in meant {
            if let Some(obstacle) = kept.obstacle(kept.service(&services).is_some()) {
                words::tell(&obstacle.to_string());
                succeeded = false;
            } else if !chosen.iter().any(|other| other.name == kept.name) {
                chosen.push(kept);
            }
        }
    }
    if chosen.is_empty() {
        return exit(succeeded);
    }
    if !yes {
        for kept in &chosen {
            say_line!("{}", in_words(kept, &services));
        }
        let question = match chosen.len() {
            1 => "Remove it for good?".to_owned(),
            many => format!("Remove these {many} for good?"),
        };
        if !agrees(&question, "to remove it for good all the same, add --yes") {
            return ExitCode::FAILURE;
        }
    }
    for chosen in chosen {
        // Things may have changed since it was looked, while somebody thought it over.
        let listing = replaced::list(&services);
        let Some(kept) = listing
            .replaced
            .iter()
            .find(|kept| kept.name == chosen.name)
        else {
            words::tell(&format!("{}: it has gone meanwhile", chosen.name));
            succeeded = false;
            continue;
        };
        let service = kept.service(&services);
        if let Some(obstacle) = kept.obstacle(service.is_some()) {
            words::tell(&obstacle.to_string());
            succeeded = false;
            continue;
        }
        succeeded &= remove(kept, service);
    }
    exit(succeeded)
}

/// What is kept under this name, with what was replaced together with it; or else of the service, or the place, of this name.
fn meant<'a>(name: &str, all: &'a [Replaced], services: &[Service]) -> Vec<&'a Replaced> {
    if let Some(kept) = all.iter().find(|kept| kept.name == name) {
        let set = all.iter();
        return set.filter(|other| is_one(kept, other, services)).collect();
    }
    let is_of = |kept: &&Replaced| {
        let service = kept.service(services);
        service.is_some_and(|service| service.name.as_str() == name || service.of() == name)
    };
    all.iter().filter(is_of).collect()
}

/// Whether both were replaced by one restore of a service.
fn is_one(one: &Replaced, other: &Replaced, services: &[Service]) -> bool {
    let service = |kept: &Replaced| {
        kept.service(services)
            .map(|service| service.of().to_owned())
    };
    one.name == other.name
        || !one.note.set.is_empty()
            && one.note.set == other.note.set
            && service(one) == service(other)
            && service(one).is_some()
}

fn not_kept(name: &str, services: &[Service]) -> String {
    let is_of = |service: &Service| service.name.as_str() == name || service.of() == name;
    if services.iter().any(is_of) {
        return format!("{name}: nothing that a restore replaced is kept of this service");
    }
    format!("{name}: no restore replaced this: `preseedctl kept` lists what can be released")
}

/// That the last good snapshot of a service would go with it. Somebody who releases it by hand has decided that.
fn last_good(kept: &Replaced, service: Option<&Service>) -> Option<Error> {
    let service = service.filter(|service| protection::targets::declared(service).is_some())?;
    let snapshot = kept.last_good().transpose()?;
    Some(snapshot.map_or_else(
        |error| error,
        |snapshot| {
            Error::new(
                kept.name.as_str(),
                format!("{snapshot} is the last good snapshot, and no newer one has proved itself"),
                format!(
                    "`preseedctl accept {}` lets the next one count, and `preseedctl release {}` gives this one up",
                    service.of(),
                    kept.name
                ),
            )
        },
    ))
}

/// Counts on for how long each has been kept, and removes what has been for as long as its service declares, and what
/// provably holds nothing. What somebody holds or needs stays, and is told of.
pub(crate) fn release_expired() -> ExitCode {
    let host = declaration::load(&Search::from_env());
    let services = host.parts();
    let mut succeeded = true;
    let mut fail = |error: Error| {
        words::tell(&error.to_string());
        succeeded = false;
    };
    let drills = host.services.iter().map(restore::drill::daily);
    for done in drills.chain(services.iter().map(settle)) {
        done.unwrap_or_else(&mut fail);
    }
    let mut listing = replaced::list(&services);
    listing.errors.drain(..).for_each(&mut fail);
    let mut health = BTreeMap::new();
    for kept in &mut listing.replaced {
        let service = kept.service(&services);
        let counts = service.is_some_and(|service| {
            *health
                .entry(service.name.as_str())
                .or_insert_with(|| restore::health::is_well(service))
        });
        kept.count(counts).unwrap_or_else(&mut fail);
    }
    let mut left = listing.replaced;
    loop {
        let mut obstacles = Vec::new();
        let mut removed = false;
        for kept in &left {
            let service = kept.service(&services);
            // What it waits for counts only while its service is well.
            let is_well =
                service.is_some_and(|service| health.get(service.name.as_str()) == Some(&true));
            let is_over = match kept.due(service) {
                Due::Now => is_well || kept.is_thrown_away(),
                Due::In(_) => is_well && kept.is_needless().unwrap_or_default(),
                Due::Never(_) => false,
            };
            if !is_over || waits_for_another(kept, &left, &services) {
                continue;
            }
            match last_good(kept, service).or_else(|| kept.obstacle(service.is_some())) {
                Some(obstacle) => obstacles.push((kept.clone(), obstacle)),
                None if remove(kept, service) => removed = true,
                None => succeeded = false,
            }
        }
        // One may have been in the way of another.
        if removed && succeeded && !obstacles.is_empty() {
            left = replaced::list(&services).replaced;
            continue;
        }
        for (kept, obstacle) in obstacles {
            let event = Event::new(
                Kind::Released,
                name_of(&kept, &services),
                format!("kept on: {obstacle}"),
            );
            event.outcome("kept").warning().tell();
        }
        return exit(succeeded);
    }
}

/// Whether the time of another that was replaced together with it is not over: they are kept together.
fn waits_for_another(kept: &Replaced, all: &[Replaced], services: &[Service]) -> bool {
    let is_over = |other: &Replaced| other.due(other.service(services)) == Due::Now;
    let mut others = all.iter().filter(|other| other.name != kept.name);
    others.any(|other| is_one(kept, other, services) && !is_over(other))
}

/// Does what a restore of this service had to leave for later. It keeps nothing else from being released.
///
/// # Errors
/// When it cannot be done.
fn settle(service: &Service) -> storage::Result<()> {
    let mut applied = Applied::default();
    let settled = storage::open(service).settle_later(&mut applied);
    for change in applied.changes {
        let event = Event::new(Kind::StorageChanged, service.name.as_str(), change);
        event.of(service.of()).outcome("changed").tell();
    }
    settled
}

fn remove(kept: &Replaced, service: Option<&Service>) -> bool {
    let name = service.map_or("", Service::of);
    match kept.release() {
        Ok(()) => {
            let message = format!("released {}: freed {}", kept.name, frees(kept));
            let event = Event::new(Kind::Released, name, message);
            event.outcome("released").bytes(kept.bytes).tell();
            true
        }
        Err(error) => {
            words::tell(&error.to_string());
            false
        }
    }
}

fn name_of<'a>(kept: &Replaced, services: &'a [Service]) -> &'a str {
    kept.service(services).map_or("", Service::of)
}

fn exit(succeeded: bool) -> ExitCode {
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
