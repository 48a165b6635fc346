//! `UNIT.d/50-preseed-NAME.conf`: keeps a unit down until its data is there.

use declaration::settings::{Broken, MOUNTPOINTS, Service};

use crate::unit::{Directive, Unit, Value};
use crate::unit_name::Names;

/// The drop-in for each unit of a service whose declaration is sound.
#[must_use]
pub fn of<'a>(service: &'a Service, names: &'a Names) -> Unit<'a> {
    let mut directives = guarded_by(vec![&names.dataset, &names.preseed]);
    if service.storage.is_mounted() {
        // Asked when the unit starts, after both: an unmounted dataset shows an empty directory.
        for part in service.parts() {
            directives.push(("AssertPathIsMountPoint", mountpoint(service, part)));
        }
    }
    Unit::drop_in(&service.source, directives)
}

/// Where a part of the service must be mounted: what its own file says or, where it says nothing, what its dataset says,
/// which may be another than is declared; `dataset-helper` leaves a link to it.
fn mountpoint<'a>(service: &'a Service, part: &'a Service) -> Value<'a> {
    if part.is_placed_by_its_file(service) {
        return Value::Path(&part.mountpoint);
    }
    // The characters of a service's name need no escape.
    Value::Text([MOUNTPOINTS, "/", part.name.as_str()].concat().into())
}

/// The drop-in for each unit of a service whose declaration is broken.
#[must_use]
pub fn of_broken<'a>(broken: &'a Broken, names: &'a Names) -> Unit<'a> {
    Unit::drop_in(&broken.source, guarded_by(vec![&names.preseed]))
}

fn guarded_by(units: Vec<&str>) -> Vec<Directive<'_>> {
    vec![
        ("Requires", Value::Units(units.clone())),
        ("After", Value::Units(units)),
    ]
}
