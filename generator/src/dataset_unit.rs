//! `dataset-NAME.service`: makes a service's dataset be what is declared.

use std::path::Path;

use declaration::settings::{Service, Utility};

use crate::confinement;
use crate::helper::oneshot;
use crate::unit::{Directive, Unit, Value};
use crate::unit_name::Names;

/// The unit for a service whose declaration is sound. `above`: the units of the declared datasets that its own lies in.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names, above: &'a [Names]) -> Unit<'a> {
    let name = service.name.as_str();
    let (description, after_storage) = match service.storage.dataset() {
        Some(dataset) => (
            match service.places.len() {
                0 => format!("Dataset {} for {name}", dataset.name),
                more => format!("Dataset {} and {more} more for {name}", dataset.name),
            },
            AFTER_IMPORT,
        ),
        None => (
            format!("Directory {} for {name}", service.mountpoint.display()),
            // Below a mount that did not happen, the directory would be found missing.
            ("RequiresMountsFor", Value::QuotedPath(&service.mountpoint)),
        ),
    };
    let mut process = process(name);
    confinement::of_dataset(service, &mut process);
    let mut order = vec![
        after_storage,
        // The owner may come from a directory on the network (systemd.special(7)).
        ("After", Value::Fixed("nss-user-lookup.target")),
    ];
    order.extend(after_parents(above));
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

/// The unit for a dataset that belongs to no service. `above`: as for [`of`].
#[must_use]
pub fn of_utility<'a>(utility: &'a Utility, above: &'a [Names]) -> Unit<'a> {
    let name = utility.name.as_str();
    let mut process = process(name);
    confinement::of_utility(&mut process);
    let mut order = vec![AFTER_IMPORT];
    order.extend(after_parents(above));
    order.push(("StartLimitIntervalSec", Value::Fixed("0")));
    let description = format!("Dataset {}", utility.dataset);
    Unit::service(&utility.source, description, order, process)
}

/// What lies in another dataset is made after it. If that cannot be made, it does not wait.
fn after_parents(above: &[Names]) -> Vec<Directive<'_>> {
    if above.is_empty() {
        return Vec::new();
    }
    let units: Vec<&str> = above.iter().map(|names| names.dataset.as_str()).collect();
    vec![
        ("Wants", Value::Units(units.clone())),
        ("After", Value::Units(units)),
    ]
}

/// zfs-mount.service is no mount unit: `RequiresMountsFor=` does not wait for what it mounts.
const AFTER_IMPORT: Directive<'static> =
    ("After", Value::Fixed("zfs-import.target zfs-mount.service"));

fn process(name: &str) -> Vec<Directive<'_>> {
    oneshot("/usr/lib/preseed/dataset-helper apply", name)
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
