//! `drill-NAME.service` and `drill-NAME.timer`: try out whether a service's data can be restored.

use declaration::settings::Service;

use crate::backup_unit::timer;
use crate::confinement;
use crate::helper::oneshot;
use crate::preseed_unit::{NO_START_LIMIT, restic};
use crate::unit::{Unit, Value};
use crate::unit_name::Names;

/// The service and its timer, if it is to be drilled.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names) -> Option<(Unit<'a>, Unit<'a>)> {
    let schedule = service.drill.schedule.as_ref()?;
    let name = service.name.as_str();
    // What is to be restored at boot comes first.
    let after = vec!["storage-preseed.target", &names.dataset, &names.preseed];
    let mut unit = vec![("After", Value::Units(after))];
    if !service.storage.is_mounted() {
        unit.push(("RequiresMountsFor", Value::QuotedPath(&service.mountpoint)));
    }
    if service.needs_network() {
        // Not After=: the helper waits for the network itself, and only where a tier needs it.
        unit.push(("Wants", Value::Fixed("network-online.target")));
    }
    unit.push(NO_START_LIMIT);
    let mut process = oneshot("/usr/lib/preseed/preseed-helper drill", name);
    // Whatever became of the helper: nothing of the drill is left.
    process.push((
        "ExecStopPost",
        Value::Command {
            program: "/usr/lib/preseed/preseed-helper after-drill",
            argument: name,
        },
    ));
    confinement::of_drill(service, &mut process);
    if let Some(backup) = service.asked_backup() {
        restic(&backup.repository, &mut process);
    }
    let description = format!("Drill: can {name}'s data be restored?");
    let when = format!("When it is tried out whether {name}'s data can be restored");
    Some((
        Unit::service(&service.source, description, unit, process),
        Unit::timer(&service.source, when, timer(schedule)),
    ))
}
