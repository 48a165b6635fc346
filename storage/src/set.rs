//! The parts of a service, its own storage and its places: where they are, and how they are mounted in each other.

use std::borrow::Cow;
use std::path::Path;

use declaration::settings::{Service, Storage};

use crate::{Result, as_found, nested, open, zfs};

/// The parts of a service with the places where they are, in the order of their mountpoints, the service itself among them.
///
/// # Errors
/// When it cannot be told.
pub fn placed(service: &Service) -> Result<Vec<Service>> {
    let mut whole = as_found::placed(service)?.into_owned();
    if whole.places.is_empty() {
        return Ok(vec![whole]);
    }
    for place in &mut whole.places {
        if let Cow::Owned(moved) = as_found::placed(place)? {
            *place = moved;
        }
    }
    whole.order_places();
    let parts = whole.parts().cloned();
    let parts = parts.map(|part| Service {
        places: Vec::new(),
        ..part
    });
    Ok(parts.collect())
}

/// Makes room for a part to be mounted that is not: other parts that are mounted in its place before it, as `zfs mount -a`
/// does where it is missing, step aside. Then makes the directories that lead to it in the part that it is in.
///
/// # Errors
/// When one of them cannot.
pub fn make_way(parts: &[&Service], number: usize) -> Result<()> {
    let part = parts[number];
    if !part.nested.is_empty() && !zfs::as_found::is_seen(part)? {
        for inner in inner_of(parts, number).into_iter().rev() {
            if zfs::as_found::is_seen(parts[inner])? {
                open(parts[inner]).step_aside(false)?;
            }
        }
    }
    lead_to(parts, number)
}

/// Makes the directories that lead to a part in the part that it is in, if that is mounted and it is not.
///
/// # Errors
/// When one cannot be made.
pub fn lead_to(parts: &[&Service], number: usize) -> Result<()> {
    let part = parts[number];
    if matches!(part.storage, Storage::Directory) || zfs::as_found::is_seen(part)? {
        return Ok(());
    }
    // The nearest is the last in their order.
    let outer = parts[..number].iter().rev().find(|outer| {
        let point = &outer.mountpoint.value;
        part.mountpoint.starts_with(point) && *point != part.mountpoint.value
    });
    match outer {
        Some(outer) if zfs::as_found::is_seen(outer)? => {
            let inner = part.mountpoint.strip_prefix(&*outer.mountpoint);
            inner.map_or(Ok(()), |inner| nested::lead(outer, inner))
        }
        _ => Ok(()),
    }
}

/// The numbers of the parts that are mounted below this one, in the order of their mountpoints.
#[must_use]
pub fn inner_of(parts: &[&Service], number: usize) -> Vec<usize> {
    let point = &parts[number].mountpoint.value;
    let is_inner = |other: &usize| *other != number && parts[*other].mountpoint.starts_with(point);
    (0..parts.len()).filter(is_inner).collect()
}

/// Removes what lies in a copy of a part where other parts are mounted: it is theirs.
///
/// # Errors
/// When it cannot be removed.
pub fn leave_places_out(copy: &Path, service: &Service) -> Result<()> {
    nested::clear(copy, service)
}
