//! `preseedctl forget NAME`

use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Host;
use declaration::value::ServiceName;
use report::{Event, Kind, words};
use storage::local;
use storage::memory::{self, Entry, What};

use crate::ask::agrees;
use crate::say::say_line;

/// Forgets that a service had data, once somebody has said so.
pub(crate) fn forget(name: &str, yes: bool) -> ExitCode {
    // It need not be declared, but its name becomes a file's.
    if let Err(invalid) = name.parse::<ServiceName>() {
        words::tell(&invalid.to_string());
        return ExitCode::FAILURE;
    }
    let host = declaration::load(&Search::from_env());
    let parts = parts_of(&host, name);
    let found = parts.iter().map(|part| Ok((part, memory::all(part)?)));
    let found: Vec<(&String, Vec<Entry>)> = match found.collect::<storage::Result<_>>() {
        Ok(found) => found,
        Err(error) => {
            words::tell(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let is_empty = found.iter().all(|(_, found)| found.is_empty());
    if is_empty && !is_declared(&host, name) {
        words::tell(&format!(
            "{name}: nothing is remembered of this service, and none of this name is declared: see `preseedctl check`"
        ));
        return ExitCode::FAILURE;
    }
    for line in found.iter().flat_map(|(_, found)| found).map(in_words) {
        say_line!("{line}");
    }
    say_line!(
        "Once forgotten, {name} starts empty if no source has its data. Datasets and backups of it that are filed \
         elsewhere are left alone, and do not stop it any more."
    );
    if !is_sound(&host, name) {
        say_line!(
            "Which places it has is not known while it is not soundly declared: forget each by its whole name, \
             e.g. {name}.PLACE."
        );
    }
    let otherwise = format!("to forget {name} all the same, add --yes");
    if !yes && !agrees("Forget it?", &otherwise) {
        return ExitCode::FAILURE;
    }
    for (part, found) in &found {
        if let Err(error) = memory::forget(part, found) {
            words::tell(&error.to_string());
            return ExitCode::FAILURE;
        }
    }
    let message = format!("the earlier data of {name} is forgotten");
    say_line!("{message}; nothing else was changed");
    Event::new(Kind::Forgotten, name, message)
        .outcome("forgotten")
        .tell();
    ExitCode::SUCCESS
}

/// What the parts of a service are called: as the service, and each of its places if it is soundly declared.
fn parts_of(host: &Host, name: &str) -> Vec<String> {
    let service = host.services.iter().find(|one| one.name.as_str() == name);
    let places = service.into_iter().flat_map(|service| &service.places);
    let places = places.map(|place| place.name.to_string());
    std::iter::once(name.to_owned()).chain(places).collect()
}

fn is_sound(host: &Host, name: &str) -> bool {
    let mut services = host.services.iter();
    services.any(|service| service.name.as_str() == name)
}

/// Whether there is a declaration of it, sound or not.
fn is_declared(host: &Host, name: &str) -> bool {
    is_sound(host, name) || host.broken.iter().any(|broken| broken.name == name)
}

fn in_words(entry: &Entry) -> String {
    let place = &entry.place;
    match &entry.record {
        Err(error) => error.fault(),
        Ok(record) => match record.what {
            What::Data => format!(
                "{place}: it had data since {}, {}",
                local(record.since),
                record.in_words()
            ),
            What::StartedEmpty(_) => {
                format!(
                    "{place}: it was started empty at {}, {}",
                    local(record.at),
                    record.in_words()
                )
            }
            What::Forgotten => format!("{place}: it was forgotten at {}", local(record.at)),
        },
    }
}
