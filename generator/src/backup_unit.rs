//! `backup-NAME.service` and `backup-NAME.timer`: back a service's data up.

use declaration::settings::Service;

use crate::confinement;
use crate::helper::oneshot;
use crate::preseed_unit::{NO_START_LIMIT, restic};
use crate::unit::{Directive, Unit, Value};
use crate::unit_name::Names;

/// The service and its timer, if its backups are made here.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names) -> Option<(Unit<'a>, Unit<'a>)> {
    let backup = service.backup.as_ref()?;
    let schedule = backup.schedule.as_ref()?;
    let (name, repository) = (service.name.as_str(), &backup.repository);
    let mut unit = vec![("After", Value::Units(vec![&names.dataset, &names.preseed]))];
    if !service.storage.is_mounted() {
        unit.push(("RequiresMountsFor", Value::QuotedPath(&service.mountpoint)));
    }
    needs(repository, &mut unit);
    unit.push(NO_START_LIMIT);
    let mut process = oneshot("/usr/lib/preseed/protect-helper backup", name);
    // Whatever became of the helper: the snapshot goes, and `after` is run.
    process.push((
        "ExecStopPost",
        Value::Command {
            program: "/usr/lib/preseed/protect-helper after",
            argument: name,
        },
    ));
    confinement::of_backup(service, backup, &mut process);
    restic(repository, &mut process);
    let description = format!(
        "Backup of {name}'s data to the repository {}",
        repository.name
    );
    let timer = timer(schedule);
    let when = format!("When {name}'s data is backed up");
    Some((
        Unit::service(&service.source, description, unit, process),
        Unit::timer(&service.source, when, timer),
    ))
}

/// What a repository needs of the machine: its network, or the mount it is on.
pub(crate) fn needs<'a>(
    repository: &'a declaration::settings::Repository,
    unit: &mut Vec<Directive<'a>>,
) {
    if let Some(directory) = repository.local_directory() {
        unit.push(("RequiresMountsFor", Value::QuotedPath(directory)));
    } else {
        unit.push(("Wants", Value::Fixed("network-online.target")));
        unit.push(("After", Value::Fixed("network-online.target")));
    }
}

/// What is missed while the machine is down is made up for. The delay is another one for each, and always the same.
pub(crate) fn timer(schedule: &str) -> Vec<Directive<'_>> {
    vec![
        ("OnCalendar", Value::Text(schedule.into())),
        ("Persistent", Value::Fixed("yes")),
        ("RandomizedDelaySec", Value::Fixed("30min")),
        ("FixedRandomDelay", Value::Fixed("yes")),
    ]
}
