//! `preseed-NAME.service`: restores a service's data if it is missing.

use declaration::settings::{Broken, Repository, Service};
use declaration::value::UnitName;

use crate::confinement;
use crate::helper::oneshot;
use crate::unit::{Directive, Unit, Value};
use crate::unit_name::Names;

/// The unit for a service whose declaration is sound.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names) -> Unit<'a> {
    let name = service.name.as_str();
    let mut unit = vec![
        ("Requires", Value::Units(vec![&names.dataset])),
        ("After", Value::Units(vec![&names.dataset])),
        before(&service.units),
    ];
    if !service.storage.is_mounted() {
        unit.push(("RequiresMountsFor", Value::QuotedPath(&service.mountpoint)));
    }
    if service.needs_network() {
        // Not After=: the helper waits for the network itself, and only if data must be fetched.
        unit.push(("Wants", Value::Fixed("network-online.target")));
    }
    unit.push(NO_START_LIMIT);

    let mut process = process(name);
    confinement::of_restore(service, &mut process);
    if let Some(backup) = service.asked_backup() {
        restic(&backup.repository, &mut process);
    }
    let description = format!("Restore of {name}'s data, if it is missing");
    Unit::service(&service.source, description, unit, process)
}

/// The unit for a service whose declaration is broken: it says what is wrong before it is started,
/// and fails when it is, because the helper finds the same problems.
#[must_use]
pub fn of_broken(broken: &Broken) -> Unit<'_> {
    let description = broken.problems.first().map_or_else(
        || format!("{}: broken declaration", broken.source.display()),
        ToString::to_string,
    );
    let mut unit = Vec::new();
    if !broken.units.is_empty() {
        unit.push(before(&broken.units));
    }
    unit.push(NO_START_LIMIT);
    let mut process = process(&broken.name);
    confinement::of_broken(&mut process);
    Unit::service(&broken.source, description, unit, process)
}

/// Each start of the service starts this unit, also of one that crashes in a loop.
pub(crate) const NO_START_LIMIT: Directive<'static> = ("StartLimitIntervalSec", Value::Fixed("0"));

fn before(units: &[UnitName]) -> Directive<'_> {
    (
        "Before",
        Value::Units(units.iter().map(UnitName::as_str).collect()),
    )
}

fn process(name: &str) -> Vec<Directive<'_>> {
    oneshot("/usr/lib/preseed/preseed-helper run", name)
}

/// What restic needs: a cache, and the repository's secrets as credentials.
pub(crate) fn restic<'a>(repository: &'a Repository, process: &mut Vec<Directive<'a>>) {
    process.push(("CacheDirectory", Value::Fixed("preseed")));
    process.push(("CacheDirectoryMode", Value::Fixed("0700")));
    // SetCredential= stands in for a file that is missing, so that a service whose data is there
    // still starts. It is a newline, since systemd ignores an empty one.
    process.push(("SetCredential", Value::Fixed("repository-password:\\n")));
    process.push((
        "LoadCredential",
        Value::Credential {
            id: "repository-password",
            file: &repository.password_file,
        },
    ));
    if let Some(file) = &repository.environment_file {
        process.push(("SetCredential", Value::Fixed("repository-environment:\\n")));
        process.push((
            "LoadCredential",
            Value::Credential {
                id: "repository-environment",
                file,
            },
        ));
    }
}
