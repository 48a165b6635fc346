//! `dataset-NAME.service`: makes a service's dataset be what is declared.

use std::path::Path;

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
            match service.places.len() {
                0 => format!("Dataset {} for {name}", dataset.name),
                more => format!("Dataset {} and {more} more for {name}", dataset.name),
            },
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
    let mut order = vec![
        after_storage,
        // The owner may come from a directory on the network (systemd.special(7)).
        ("After", Value::Fixed("nss-user-lookup.target")),
    ];
    if let Some(volume) = volume_unit(&service.mountpoint) {
        // Podman gives the directory of a volume that it makes to root: its owner is set after that.
        order.push(("After", Value::Text(volume.into())));
    }
    order.extend([
        ("Before", Value::Units(vec![&names.preseed])),
        // Each start of the service starts this unit, also of one that crashes in a loop.
        ("StartLimitIntervalSec", Value::Fixed("0")),
    ]);
    Unit::service(&service.source, description, order, process)
}

/// The unit that makes the volume whose data is at this place, if a quadlet does: `NAME-volume.service` makes
/// `systemd-NAME`, or `NAME` where the file says so (podman-systemd.unit(5)).
fn volume_unit(place: &Path) -> Option<String> {
    /// No unit's name is longer.
    const LONGEST: usize = 200;
    if !place.ends_with("_data") {
        return None;
    }
    let volume = place.parent()?;
    let (volumes, volume) = (volume.parent()?, volume.file_name()?.to_str()?);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !volumes.ends_with("containers/storage/volumes")
        || !volume.chars().all(is_plain)
        || volume.len() > LONGEST
    {
        return None;
    }
    let name = volume.strip_prefix("systemd-").unwrap_or(volume);
    (!name.is_empty()).then(|| format!("{name}-volume.service"))
}
