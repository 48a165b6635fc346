//! `preseedctl check`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use declaration::layer::Layer;
use declaration::problem::Problem;
use declaration::settings::{Host, OnUnavailable, Repository, Service};
use declaration::value::TierName;
use declaration::{Search, not_read, trust, visible};
use report::words::{self, count};
use report::{Event, Kind};
use restore::source::secrets;

use storage::drift::{self, State};

use crate::diff::{orphan_in_words, places_of};
use crate::say::say_line;
use crate::{state_directory, units};

/// Prints every problem of every declaration, and of the secrets they name, and what to be warned of, to standard
/// error; how many there are, to standard output.
pub(crate) fn check() -> ExitCode {
    let search = Search::from_env();
    let host = declaration::load(&search);
    let mut errors = Findings::default();
    let mut warnings = Findings::default();
    for problem in &host.problems {
        errors.tell(problem);
    }
    secrets_of(&host, &mut errors, &mut warnings);
    for service in host.services.iter().flat_map(Service::parts) {
        let cannot_check = restore::verify::must_be_possible(service).err();
        let told = storage::warning(service).into_iter().chain(cannot_check);
        let told = told.map(|error| error.to_string());
        let of = service.part.as_ref();
        let of = of.map_or_else(String::new, |part| format!("[place.{}]: ", part.place));
        for warning in told.chain(nothing_restores(service)) {
            let file = service.source.display();
            warnings.tell(format!("{file}: warning: {of}{warning}"));
        }
    }
    protected(&host, &mut warnings);
    if search.is_of_this_machine() {
        of_this_machine(&search, &host, &mut errors, &mut warnings);
    }
    for not_read in not_read(&search) {
        say_line!("not read: {}: {}", not_read.path.display(), not_read.why);
    }
    let sound = host.services.len();
    let warned = match warnings.count {
        0 => String::new(),
        warned => format!("; {}", count(warned, "warning", "warnings")),
    };
    let services = count(sound, "service", "services");
    if errors.count == 0 {
        say_line!("{services}, all declarations are sound{warned}");
        return ExitCode::SUCCESS;
    }
    let broken = match host.broken.len() {
        0 => String::new(),
        broken => format!(", {broken} must not start"),
    };
    say_line!(
        "{services} {} sound{broken}; {}{warned}",
        if sound == 1 { "is" } else { "are" },
        count(errors.count, "error", "errors"),
    );
    ExitCode::FAILURE
}

/// Compares what is declared with this machine: its users, its units, and the storage that is there.
fn of_this_machine(search: &Search, host: &Host, errors: &mut Findings, warnings: &mut Findings) {
    let users = host.services.iter().map(storage::user::must_not_differ);
    for error in users.filter_map(Result::err) {
        warnings.tell(format!("warning: {error}"));
    }
    if units::can_be_asked() {
        of_systemd(host, errors, warnings);
    }
    differences(search, host, errors);
}

/// Compares what is declared with what systemd says of the units: each question is asked once for all.
fn of_systemd(host: &Host, errors: &mut Findings, warnings: &mut Findings) {
    let asked = match units::ask(host, state_directory::PROPERTIES) {
        Ok(asked) => asked,
        Err(error) => {
            warnings.tell(format!(
                "warning: whether the declared units are there, and whether systemd makes a service's directory itself, cannot \
                 be told: {error}"
            ));
            return;
        }
    };
    match units::unguarded_among(host, &asked) {
        Ok(found) => found
            .iter()
            .for_each(|one| warnings.tell(format!("warning: {one}"))),
        Err(error) => warnings.tell(format!(
            "warning: whether the declared units are there cannot be told: {error}"
        )),
    }
    for refusal in state_directory::refusals(host, &asked) {
        errors.tell(refusal);
    }
}

/// Tells the journal of each declared unit that does not wait for its data. Run at boot.
pub(crate) fn check_units() -> ExitCode {
    let host = declaration::load(&Search::from_env());
    match units::unguarded(&host, None) {
        Ok(found) => {
            for one in &found {
                let event = Event::new(Kind::Unguarded, &one.service, one.to_string());
                event.outcome("unguarded").tell();
            }
            if found.is_empty() {
                return ExitCode::SUCCESS;
            }
        }
        Err(error) => words::tell(&error.to_string()),
    }
    ExitCode::FAILURE
}

/// What was told, each once.
#[derive(Default)]
struct Findings {
    lines: BTreeSet<String>,
    count: usize,
}

impl Findings {
    fn tell(&mut self, what: impl Display) {
        let line = what.to_string();
        if self.lines.insert(line.clone()) {
            self.count += 1;
            words::tell(&line);
        }
    }
}

/// Why nothing could bring the service's data back, unless it is declared that it may start without.
fn nothing_restores(service: &Service) -> Option<String> {
    if service.on_unavailable == OnUnavailable::StartEmpty || !service.is_restored() {
        return None;
    }
    let has = |tier| service.tiers.contains(&tier);
    if has(TierName::Restic) || !service.replicas.is_empty() {
        return None;
    }
    let asks_its_snapshots = has(TierName::Rollback) || has(TierName::Snapshot);
    let what = if service.storage.has_snapshots() && asks_its_snapshots {
        "nothing but snapshots in its own dataset could bring its data back: none, once the pool or the dataset is lost"
    } else {
        "nothing could bring its data back, once it is lost"
    };
    Some(format!(
        "{what}: name a `repository` in [backup]; where the service can do without, declare `on-unavailable = \"start-empty\"`"
    ))
}

/// Prints what feeds each service's tiers, and warns of what cannot work.
fn protected(host: &Host, warnings: &mut Findings) {
    let mut machine = protection::check::Machine::this();
    machine.ask(&host.services);
    for service in &host.services {
        let found = machine.check(host, service);
        for warning in found.warnings {
            warnings.tell(format!("{}: warning: {warning}", service.source.display()));
        }
        for note in found.notes {
            say_line!("{}: {note}", service.name);
        }
    }
}

/// Prints in what storage that is there differs from what a template or preseed.toml says, and which datasets nothing
/// declares: that is no error. A property that this machine's ZFS does not know is one.
fn differences(search: &Search, host: &Host, errors: &mut Findings) {
    let listing = match drift::compare(host, None) {
        Ok(listing) => listing,
        Err(error) => {
            // Declarations may be checked before there is a pool, or by somebody who may not ask.
            say_line!("whether storage differs from what is declared cannot be told: {error}");
            return;
        }
    };
    for (name, compared) in &listing.compared {
        let compared = match compared {
            Ok(compared) => compared,
            Err(error) => {
                say_line!(
                    "{name}: whether its storage differs from what is declared cannot be told: {error}"
                );
                continue;
            }
        };
        let table = table_of(host, name);
        for key in compared.differing() {
            let (key_name, is, says) = (
                visible(&key.key),
                visible(&key.actual),
                visible(&key.declared),
            );
            if key.state != State::Unknown && key.layer != Layer::Service {
                let layer = key.layer;
                say_line!(
                    "{name}: {key_name} is {is} and stays so, although {layer} says {says}: to have it changed, write {key_name} = \"{says}\" in {table} of its own file"
                );
            }
        }
    }
    for property in &listing.unknown {
        for place in places_of(search, host, property) {
            errors.tell(format!(
                "{place}: property `{property}` is not known to the ZFS of this machine: remove it, or install a newer ZFS"
            ));
        }
    }
    for orphan in &listing.orphans {
        say_line!("{}", orphan_in_words(orphan));
    }
}

/// The table that declares the storage of a part of this name.
fn table_of(host: &Host, name: &str) -> String {
    let mut parts = host.services.iter().flat_map(Service::parts);
    let part = parts.find(|part| part.name.as_str() == name);
    part.and_then(|part| part.part.as_ref()).map_or_else(
        || "[dataset]".to_owned(),
        |part| format!("[place.{}]", part.place),
    )
}

/// What is wrong with the files that hold the repositories' secrets.
fn secrets_of(host: &Host, errors: &mut Findings, warnings: &mut Findings) {
    let backups = host
        .services
        .iter()
        .filter_map(|service| service.backup.as_ref());
    let repositories = backups.map(|backup| &backup.repository);
    let repositories: BTreeMap<&str, &Repository> = repositories
        .map(|repository| (repository.name.as_str(), repository))
        .collect();
    for repository in repositories.values() {
        let files = [
            Some(&repository.password_file),
            repository.environment_file.as_ref(),
        ];
        let mut is_trusted = true;
        for file in files.into_iter().flatten() {
            if let Err(invalid) = trust::check(file) {
                errors.tell(at(file, invalid.what, invalid.help));
                is_trusted = false;
            } else if let Err(invalid) = trust::check_secret(file) {
                let problem = at(file, invalid.what, invalid.help);
                warnings.tell(format!("warning: {problem}"));
            }
        }
        if is_trusted {
            for error in secrets::faults(repository) {
                errors.tell(error);
            }
        }
    }
}

fn at(file: &Path, what: String, help: String) -> Problem {
    Problem {
        file: file.to_path_buf(),
        line: 1,
        column: 1,
        what,
        help,
    }
}
