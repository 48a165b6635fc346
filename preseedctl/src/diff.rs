//! `preseedctl diff [NAME]` and `preseedctl apply NAME`

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use declaration::explain::Origin;
use declaration::layer::Layer;
use declaration::settings::{Host, Service};
use declaration::{Search, origins, visible};
use indicatif::BinaryBytes;
use report::{Event, Kind, words};
use serde_json::{Value, json};
use storage::Applied;
use storage::drift::{self, Compared, Comparison, Listing, Orphan, State};

use crate::say::{print_raw, say_line};

/// What could not be compared.
const ERROR: u8 = 2;

/// Prints in what storage differs from what is declared: of one service, or of all and what nothing declares.
pub(crate) fn diff(name: Option<&str>, json: bool) -> ExitCode {
    let search = Search::from_env();
    let host = declaration::load(&search);
    let mut errors = Vec::new();
    let listing = match name.map_or(Ok(()), |name| must_be_declared(&search, &host, name)) {
        Err(problems) => {
            errors = problems;
            Listing::default()
        }
        Ok(()) => drift::compare(&host, name).unwrap_or_else(|error| {
            errors.push(error.to_string());
            Listing::default()
        }),
    };
    if name.is_none() {
        errors.extend(host.problems.iter().map(ToString::to_string));
    }
    let failed = listing.compared.iter();
    errors.extend(failed.filter_map(|(name, compared)| {
        let error = compared.as_ref().err()?;
        Some(format!("{name}: {error}"))
    }));
    for error in &errors {
        words::tell(error);
    }
    let compared = listing.compared.iter();
    let compared: Vec<&Comparison> = compared.filter_map(|(_, one)| one.as_ref().ok()).collect();
    let orphans = &listing.orphans;
    let is_same = compared.iter().all(|one| one.is_same());
    if json {
        let compared = compared.iter();
        let compared: Vec<Value> = compared.map(|one| as_json(&search, &host, one)).collect();
        let orphans: Vec<Value> = orphans.iter().map(orphan_as_json).collect();
        let all = json!({
            "same": is_same && errors.is_empty(),
            "compared": compared,
            "orphans": orphans,
            "errors": errors,
        });
        print_raw!("{all:#}\n");
    } else {
        for comparison in &compared {
            tell(&search, &host, comparison);
        }
        for orphan in orphans {
            say_line!("{}", orphan_in_words(orphan));
        }
        summary(&compared, errors.is_empty());
    }
    match (errors.is_empty(), is_same) {
        (false, _) => ExitCode::from(ERROR),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
    }
}

/// That a service, or a dataset of none, is declared and sound.
///
/// # Errors
/// When it is not: why, in words.
fn must_be_declared(search: &Search, host: &Host, name: &str) -> Result<(), Vec<String>> {
    if host.utilities.iter().any(|one| one.name.as_str() == name) {
        return Ok(());
    }
    match declaration::load_service(search, name) {
        Ok(_) => Ok(()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

/// Where each key is declared.
fn origins_of(search: &Search, host: &Host, name: &str) -> BTreeMap<String, Origin> {
    let Some(utility) = host.utilities.iter().find(|one| one.name.as_str() == name) else {
        let mut places = host.services.iter().flat_map(|service| &service.places);
        let place = places.find(|place| place.name.as_str() == name);
        return match place.and_then(|place| Some((place.of(), name.strip_prefix(place.of())?))) {
            Some((service, place)) => origins::of_dataset(search, service, place.strip_prefix('.')),
            None => origins::of_dataset(search, name, None),
        };
    };
    let lines = utility.lines.iter().map(|(property, line)| {
        let origin = Origin {
            layer: Layer::Host,
            declared: Some(line.clone()),
        };
        (property.clone(), origin)
    });
    lines.collect()
}

/// Where a property is declared, by all that declare it.
pub(crate) fn places_of(search: &Search, host: &Host, property: &str) -> Vec<String> {
    let services = host
        .services
        .iter()
        .flat_map(Service::parts)
        .filter(|service| {
            let dataset = service.storage.dataset();
            dataset.is_some_and(|dataset| dataset.properties.contains_key(property))
        });
    let utilities = host.utilities.iter();
    let utilities = utilities.filter(|one| one.properties.contains_key(property));
    let names = services.map(|service| service.name.as_str());
    let names = names.chain(utilities.map(|one| one.name.as_str()));
    let found = names.map(|name| origins_of(search, host, name));
    let found = found.filter_map(|origins| origins.get(property).map(place));
    let places: BTreeSet<String> = found.collect();
    places.into_iter().collect()
}

fn place(origin: &Origin) -> String {
    match &origin.declared {
        Some((file, line, column)) => visible(&format!("{}:{line}:{column}", file.display())),
        None => "the default".to_owned(),
    }
}

fn summary(compared: &[&Comparison], is_whole: bool) {
    let differ = compared.iter().filter(|one| !one.is_same()).count();
    if differ == 0 && is_whole {
        say_line!(
            "all is as declared ({})",
            words::count(
                compared.len(),
                "dataset or directory",
                "datasets and directories"
            )
        );
    }
}

/// The service that a part belongs to, by name; what is no part of one is its own.
fn whole<'a>(host: &'a Host, name: &'a str) -> &'a str {
    let mut parts = host.services.iter().flat_map(Service::parts);
    parts
        .find(|part| part.name.as_str() == name)
        .map_or(name, Service::of)
}

fn tell(search: &Search, host: &Host, comparison: &Comparison) {
    let service = &comparison.name;
    let of = whole(host, service);
    if !comparison.is_there {
        say_line!(
            "{service}: {} is not there: `systemctl start dataset-{of}` makes it, a start of its service restores its data",
            comparison.storage
        );
        return;
    }
    if comparison.is_same() {
        return;
    }
    let found = origins_of(search, host, service);
    for key in comparison.differing() {
        let from = found.get(&key.key).map(origin);
        let from = from.unwrap_or_else(|| key.layer.to_string());
        say_line!(
            "{service}: {} is {}, declared is {} ({from}): {}",
            visible(&key.key),
            visible(&key.actual),
            visible(&key.declared),
            advice(of, key)
        );
    }
}

/// Where a value is declared.
fn origin(origin: &Origin) -> String {
    match origin.layer {
        Layer::Template => format!("its template, {}", place(origin)),
        Layer::Service | Layer::Host | Layer::Default => place(origin),
    }
}

/// Why it differs, and what to do.
fn advice(service: &str, key: &Compared) -> String {
    match key.state {
        State::Same => String::new(),
        State::Differs => format!("`preseedctl apply {service}` sets it"),
        State::ByHand => format!(
            "somebody changed it since it was set: `preseedctl apply {service}` sets it again"
        ),
        State::OfCreation => {
            "it can be chosen only when a dataset is made, and stays: declare what it is".to_owned()
        }
        State::OnlyOwn => {
            "it stays so: to have it changed, write it in the service's own file".to_owned()
        }
        State::Unknown => "the ZFS of this machine does not know it: remove it".to_owned(),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Same => "same",
        State::Differs => "differs",
        State::ByHand => "changed-by-hand",
        State::OfCreation => "only-at-creation",
        State::OnlyOwn => "only-by-own-file",
        State::Unknown => "unknown-to-zfs",
    }
}

fn as_json(search: &Search, host: &Host, comparison: &Comparison) -> Value {
    let found = origins_of(search, host, &comparison.name);
    let keys = comparison.keys.iter().map(|key| {
        let from = found.get(&key.key);
        let place = from.and_then(|origin| origin.declared.as_ref());
        json!({
            "key": key.key,
            "declared": key.declared,
            "actual": key.actual,
            "state": word(key.state),
            "from": {
                "layer": key.layer.to_string(),
                "file": place.map(|(file, _, _)| file.to_string_lossy()),
                "line": place.map(|(_, line, _)| line),
                "column": place.map(|(_, _, column)| column),
            },
        })
    });
    let keys: Vec<Value> = keys.collect();
    json!({
        "name": comparison.name,
        "storage": comparison.storage,
        "is_there": comparison.is_there,
        "same": comparison.is_same(),
        "keys": keys,
    })
}

/// An orphan as a line for people.
pub(crate) fn orphan_in_words(orphan: &Orphan) -> String {
    let holds = orphan.service.as_ref().map_or_else(String::new, |service| {
        format!(", with data of the service {}", visible(service))
    });
    let bytes = orphan
        .bytes
        .map_or_else(String::new, |bytes| format!(", {}", BinaryBytes(bytes)));
    let place = orphan
        .mountpoint
        .as_ref()
        .map_or_else(String::new, |place| {
            format!(", mountpoint {}", visible(&place.to_string_lossy()))
        });
    format!("{}: nothing declares it{holds}{bytes}{place}", orphan.name)
}

fn orphan_as_json(orphan: &Orphan) -> Value {
    json!({
        "name": orphan.name,
        "bytes": orphan.bytes,
        "mountpoint": orphan.mountpoint.as_ref().map(|place| place.to_string_lossy()),
        "service": orphan.service,
    })
}

/// Shows how a service's storage, or a dataset of none, differs, then makes it what is declared.
pub(crate) fn apply(name: &str) -> ExitCode {
    let search = Search::from_env();
    let host = declaration::load(&search);
    if let Err(problems) = must_be_declared(&search, &host, name) {
        for problem in &problems {
            words::tell(problem);
        }
        return ExitCode::from(ERROR);
    }
    let mut errors = Vec::new();
    match drift::compare(&host, Some(name)) {
        Ok(listing) => {
            for (_, compared) in &listing.compared {
                match compared {
                    Ok(compared) => tell(&search, &host, compared),
                    Err(error) => errors.push(error.to_string()),
                }
            }
        }
        Err(error) => errors.push(error.to_string()),
    }
    let mut applied = Applied::default();
    if errors.is_empty() {
        let service = host.services.iter().find(|one| one.name.as_str() == name);
        let utility = host.utilities.iter().find(|one| one.name.as_str() == name);
        let done = match (service, utility) {
            (Some(service), _) => drift::apply(service, words::tell, &mut applied),
            (None, Some(utility)) => drift::apply_utility(utility, true, &mut applied),
            (None, None) => Ok(()),
        };
        errors.extend(done.err().map(|error| error.to_string()));
    }
    for change in applied.changes {
        let event = Event::new(Kind::StorageChanged, name, change);
        event.outcome("changed").tell();
    }
    let is_all = applied.differs.is_empty();
    for difference in applied.differs {
        let event = Event::new(Kind::StorageDiffers, name, difference);
        event.outcome("differs").tell();
    }
    for error in &errors {
        words::tell(error);
    }
    match (errors.is_empty(), is_all) {
        (false, _) => ExitCode::from(ERROR),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
    }
}
