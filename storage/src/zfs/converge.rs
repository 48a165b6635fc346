//! Makes the properties of a service's dataset be what is declared, as far as they are to be.

use declaration::layer::Layer;

use super::dataset::Zfs;
use super::declared::{AT_CREATION, applies, has_data};
use super::last_set::LastSet;
use super::promote::is_to_be_promoted;
use super::properties::{Properties, gone};
use super::set::Last;
use super::wanted::{self, Wanted, declared};
use super::{aside, call, half_created, kinds, mount, mounted, refusals, set, version};
use crate::compared::State;
use crate::{Applied, Error, ErrorKind, Result, mountpoint, shown};

pub(super) fn must_not_be_a_container(zfs: &Zfs<'_>, properties: &Properties) -> Result<()> {
    if properties.value("canmount") == Some("off") {
        return Err(Error::new(
            zfs.name(),
            "it has canmount=off, so it is a container and cannot hold a service's data",
            format!(
                "`zfs set canmount=on {}`, or declare another `name` in [dataset]",
                zfs.name()
            ),
        )
        .of_kind(ErrorKind::NotMounted));
    }
    Ok(())
}

/// Sets what the service's own file says and differs, in one call; on a dataset that was just made, all that is
/// declared. What somebody changed by hand since it was set stays, and is told. Gives whether it was just made.
pub(super) fn converge(
    zfs: &Zfs<'_>,
    properties: &Properties,
    applied: &mut Applied,
) -> Result<bool> {
    refusals::must_be_usable(properties)?;
    must_not_be_a_container(zfs, properties)?;
    // A swap that was interrupted before its first rename leaves both, and the data may be back since: it is mounted again.
    if properties.is_local(kinds::KEPT) && properties.value("canmount") == Some("noauto") {
        let canmount = aside::canmount(properties);
        if canmount != "noauto" {
            call::zfs(&["set", &format!("canmount={canmount}"), zfs.name()])?;
        }
    }
    // One that was made by hand, or the power went before its properties were set.
    let is_new = half_created::is_new(properties)?;
    let sets = to_be_set(zfs, properties, is_new, &mut applied.differs)?;
    if sets.is_empty() {
        return Ok(is_new);
    }
    // What else such a one gets, it has.
    let last = if has_data(properties) && !is_to_be_promoted(properties) {
        Last::OfANewOne
    } else {
        Last::OfSome
    };
    if sets.iter().any(Wanted::is_needed) && !mounted::is_mounted(zfs)? {
        // Either of them makes `zfs set` mount it.
        mountpoint::must_be_mountable(zfs.service)?;
    }
    set::what_can_be(properties, last, sets, applied, &|args| {
        mount::set(zfs, args)
    })?;
    Ok(is_new)
}

/// The properties that are to be set. What differs and stays is told.
fn to_be_set<'a>(
    zfs: &'a Zfs<'_>,
    properties: &Properties,
    is_new: bool,
    differs: &mut Vec<String>,
) -> Result<Vec<Wanted<'a>>> {
    let mut sets: Vec<Wanted<'_>> = Vec::new();
    let declared = declared(zfs.service, zfs.dataset);
    if is_new {
        let missing = AT_CREATION.iter().filter(|(property, value)| {
            !properties.is_given(property)
                && properties.value(property) != Some(value)
                && declared.iter().all(|wanted| wanted.property != *property)
        });
        sets.extend(missing.map(|(property, value)| Wanted {
            property,
            value: (*value).to_owned(),
            layer: Layer::Default,
        }));
    }
    let noted = LastSet::of(properties);
    let nowhere = properties.value("mountpoint") == Some("none");
    for wanted in declared {
        let property = wanted.property;
        // Its line in /etc/fstab would fail from then on, and with it the boot.
        if property == "mountpoint" && properties.value(property) == Some("legacy") {
            if !mounted::is_mounted(zfs)? {
                refusals::must_be_mounted_by_zfs(zfs, properties)?;
            }
            continue;
        }
        // What is there stays as it is, unless the service's own file says otherwise. One that has no place gets one.
        let is_meant = is_new || applies(&wanted, &noted) || property == "mountpoint" && nowhere;
        if !is_meant
            || !version::is_known(&zfs.dataset.name, property)
            || wanted.is_so(properties)
            || wanted.is_late() && (!has_data(properties) || is_to_be_promoted(properties))
        {
            continue;
        }
        if let Some(why) = stays(zfs, &wanted, &noted) {
            let is = properties.value(property).unwrap_or("-");
            differs.push(format!(
                "{property} is {is}, and {} is declared: {why}",
                wanted.value
            ));
            continue;
        }
        sets.push(wanted);
    }
    Ok(sets)
}

/// Why a property that differs is not set at a start, and what to do; `None` if it is set.
fn stays(zfs: &Zfs<'_>, wanted: &Wanted<'_>, noted: &LastSet) -> Option<String> {
    if wanted.is_of_creation() {
        return Some(
            "it can be chosen only when a dataset is made, and stays: declare what it is"
                .to_owned(),
        );
    }
    let by_hand = !wanted.is_needed() && noted.holds(wanted.property, &wanted.value);
    by_hand.then(|| {
        let name = zfs.service.of();
        format!(
            "somebody changed it since it was set: `preseedctl apply {name}` sets it again, or declare {0} in {1}",
            wanted.property,
            shown(&zfs.service.source)
        )
    })
}

/// Sets all that is declared for a dataset that is there, also what somebody changed by hand, and what its template says;
/// of that not what only its own file changes.
///
/// # Errors
/// When it cannot be looked at. What ZFS refuses is told in `applied`.
pub(super) fn correct(zfs: &Zfs<'_>, applied: &mut Applied) -> Result<()> {
    let Some(found) = zfs.look()?.dataset else {
        return Err(gone(zfs.name()));
    };
    refusals::must_be_usable(&found)?;
    let noted = LastSet::of(&found);
    let mut sets = Vec::new();
    for wanted in declared(zfs.service, zfs.dataset) {
        if wanted.is_needed() || wanted.layer == Layer::Default {
            continue;
        }
        match wanted::state(
            &wanted,
            &found,
            &noted,
            version::is_known(&zfs.dataset.name, wanted.property),
        ) {
            State::Same | State::OnlyOwn => {}
            State::Unknown => {
                let unknown = version::unknown_here(zfs.name(), wanted.property);
                applied.differs.push(unknown.what().to_owned());
            }
            State::OfCreation => applied.differs.push(format!(
                "{} stays {}, it can be chosen only when a dataset is made",
                wanted.property,
                found.value(wanted.property).unwrap_or("-")
            )),
            State::Differs | State::ByHand if wanted.is_late() && !has_data(&found) => {
                applied.differs.push(format!(
                    "{} is set once the dataset has its data",
                    wanted.property
                ));
            }
            State::Differs | State::ByHand => sets.push(wanted),
        }
    }
    if sets.is_empty() {
        return Ok(());
    }
    set::what_can_be(&found, Last::OfSome, sets, applied, &|args| {
        mount::set(zfs, args)
    })
}
