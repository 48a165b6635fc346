//! `dataset-NAME.service`: makes a service's dataset be what is declared.

use declaration::settings::{Service, Storage};

use crate::confinement;
use crate::unit::{Unit, Value};
use crate::unit_name::Names;

/// The unit for a service whose declaration is sound.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names) -> Unit<'a> {
    let name = service.name.as_str();
    let (description, after_storage) = match &service.storage {
        Storage::Zfs(dataset) => (
            format!("Dataset {} for {name}", dataset.name),
            // zfs-mount.service is no mount unit: RequiresMountsFor= does not wait for what it mounts.
            ("After", Value::Fixed("zfs-import.target zfs-mount.service")),
        ),
        Storage::Directory => (
            format!("Directory {} for {name}", service.mountpoint.display()),
            // Below a mount that did not happen, the directory would be found missing.
            ("RequiresMountsFor", Value::QuotedPath(&service.mountpoint)),
        ),
    };
    let mut process = vec![
        ("Type", Value::Fixed("oneshot")),
        ("NotifyAccess", Value::Fixed("main")),
        // What hangs in the kernel cannot be killed, and is not waited for.
        ("TimeoutStopSec", Value::Fixed("15s")),
        (
            "ExecStart",
            Value::Command {
                program: "/usr/lib/preseed/dataset-helper apply",
                argument: name,
            },
        ),
    ];
    confinement::of_dataset(service, &mut process);
    Unit::service(
        &service.source,
        description,
        vec![
            after_storage,
            // The owner may come from a directory on the network (systemd.special(7)).
            ("After", Value::Fixed("nss-user-lookup.target")),
            ("Before", Value::Units(vec![&names.preseed])),
            // Each start of the service starts this unit, also of one that crashes in a loop.
            ("StartLimitIntervalSec", Value::Fixed("0")),
        ],
        process,
    )
}
