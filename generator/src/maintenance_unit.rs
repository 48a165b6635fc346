//! `maintain-repository-NAME.service` and its timer: look after a restic repository.

use std::collections::BTreeMap;
use std::path::Path;

use declaration::settings::{Host, Repository};

use crate::backup_unit::{needs, timer};
use crate::confinement;
use crate::helper::oneshot;
use crate::preseed_unit::{NO_START_LIMIT, restic};
use crate::unit::Unit;

/// The file that declares repositories, for people. Fragments may do so as well.
const SOURCE: &str = "/etc/preseed/preseed.toml";

/// The repositories that backups of this machine are made to, by name.
#[must_use]
pub fn repositories(host: &Host) -> Vec<&Repository> {
    let backups = host
        .services
        .iter()
        .filter_map(|service| service.backup.as_ref());
    let made = backups.filter(|backup| backup.schedule.is_some());
    let by_name: BTreeMap<&str, &Repository> = made
        .map(|backup| (backup.repository.name.as_str(), &backup.repository))
        .collect();
    by_name.into_values().collect()
}

/// The units' name without its suffix. The name of a repository needs no escape.
#[must_use]
pub fn name(repository: &Repository) -> String {
    ["maintain-repository-", &repository.name].concat()
}

/// The service and its timer.
#[must_use]
pub fn of(repository: &Repository) -> (Unit<'_>, Unit<'_>) {
    let mut unit = Vec::new();
    needs(repository, &mut unit);
    unit.push(NO_START_LIMIT);
    let mut process = oneshot("/usr/lib/preseed/protect-helper maintain", &repository.name);
    confinement::of_maintenance(repository, &mut process);
    restic(repository, &mut process);
    let description = format!("Maintenance of the repository {}", repository.name);
    let when = format!("When the repository {} is looked after", repository.name);
    (
        Unit::service(Path::new(SOURCE), description, unit, process),
        Unit::timer(Path::new(SOURCE), when, timer(&repository.maintenance)),
    )
}
