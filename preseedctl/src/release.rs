//! `preseedctl release`

use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Service;
use jiff::Timestamp;
use report::{Event, Kind, logger};
use storage::replaced::{self, Replaced};

use crate::kept::frees;

/// Removes these kept datasets or directories. Each that cannot be is told of; the others are removed.
pub(crate) fn release(names: &[String]) -> ExitCode {
    logger::init();
    let services = declaration::load(&Search::from_env()).services;
    let mut succeeded = true;
    for name in names {
        let listing = replaced::list(&services);
        let Some(kept) = listing.replaced.iter().find(|kept| kept.name == *name) else {
            for error in &listing.errors {
                eprintln!("{error}");
            }
            eprintln!(
                "{name}: it is not what a restore replaced: `preseedctl kept` lists what can be released"
            );
            succeeded = false;
            continue;
        };
        let service = kept.service(&services);
        if let Some(obstacle) = kept.obstacle(service.is_some()) {
            eprintln!("{obstacle}");
            succeeded = false;
            continue;
        }
        succeeded &= remove(kept, service);
    }
    exit(succeeded)
}

/// Removes what has been kept for as long as its service declares. What somebody holds or needs stays, and is told of.
pub(crate) fn release_expired() -> ExitCode {
    logger::init();
    let services = declaration::load(&Search::from_env()).services;
    let now = Timestamp::now();
    let mut succeeded = true;
    loop {
        let listing = replaced::list(&services);
        let mut obstacles = Vec::new();
        let mut removed = false;
        for kept in &listing.replaced {
            let service = kept.service(&services);
            if let Err(error) = kept.see() {
                eprintln!("{error}");
                succeeded = false;
            }
            if kept.expires(service).is_none_or(|at| at > now) {
                continue;
            }
            match kept.obstacle(service.is_some()) {
                Some(obstacle) => obstacles.push((kept, obstacle)),
                None if remove(kept, service) => removed = true,
                None => succeeded = false,
            }
        }
        // One may have been in the way of another.
        if removed && succeeded && !obstacles.is_empty() {
            continue;
        }
        for (kept, obstacle) in obstacles {
            let event = Event::new(
                Kind::Released,
                name_of(kept, &services),
                format!("kept on: {obstacle}"),
            );
            event.outcome("kept").warning().tell();
        }
        for error in &listing.errors {
            eprintln!("{error}");
            succeeded = false;
        }
        return exit(succeeded);
    }
}

fn remove(kept: &Replaced, service: Option<&Service>) -> bool {
    let name = service.map_or("", |service| service.name.as_str());
    match kept.release() {
        Ok(()) => {
            let message = format!("released {}: freed {}", kept.name, frees(kept));
            let event = Event::new(Kind::Released, name, message);
            event.outcome("released").bytes(kept.bytes).tell();
            true
        }
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}

fn name_of<'a>(kept: &Replaced, services: &'a [Service]) -> &'a str {
    kept.service(services)
        .map_or("", |service| service.name.as_str())
}

fn exit(succeeded: bool) -> ExitCode {
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
