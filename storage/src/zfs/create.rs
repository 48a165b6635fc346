//! Makes a service's dataset.

use declaration::value::DatasetName;

use super::dataset::Zfs;
use super::declared::of_a_new_one;
use super::mounted::is_mounted;
use super::properties::{self, Properties};
use super::{call, elsewhere, half_created, key, names, refusals, version};
use crate::{Result, lock, mountpoint};

/// Makes the dataset, which is missing, and what is missing of its container.
pub(super) fn create(zfs: &Zfs<'_>, changes: &mut Vec<String>) -> Result<()> {
    // Before anything is changed.
    must_know(zfs)?;
    create_parents(&zfs.dataset.parent, changes)?;
    // Once its parent is there, what stands elsewhere can be renamed.
    must_be_creatable(zfs)?;
    let name = zfs.name();
    // Not mounted: ZFS would go down the path once more.
    let mut args = vec!["create".to_owned(), "-u".to_owned()];
    for (property, value) in of_a_new_one(zfs) {
        args.extend(["-o".to_owned(), format!("{property}={value}")]);
    }
    args.push(name.to_owned());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    call::zfs(&args)?;
    changes.push(format!("created {name}"));
    Ok(())
}

/// That it could be made.
///
/// # Errors
/// When it could not, with what to do.
pub(super) fn must_be_creatable(zfs: &Zfs<'_>) -> Result<()> {
    names::must_leave_room(zfs)?;
    must_know(zfs)?;
    refusals::must_be_below_the_root(zfs, None)?;
    elsewhere::must_not_hold_the_data(zfs)?;
    // What is mounted there, even an empty dataset, would be covered.
    is_mounted(zfs)?;
    mountpoint::must_be_mountable(zfs.service)?;
    if let Some(parent) = properties::get(zfs.dataset.parent.as_str())? {
        key::must_have_its_key(&parent)?;
        refusals::must_be_writable(&parent)?;
    }
    Ok(())
}

/// That the machine's ZFS knows each property that is declared.
///
/// # Errors
/// When it does not.
fn must_know(zfs: &Zfs<'_>) -> Result<()> {
    let mut declared = zfs.dataset.properties.keys();
    match declared.find(|name| !version::is_known(&zfs.dataset.name, name)) {
        Some(property) => Err(version::unknown_here(zfs.name(), property)),
        None => Ok(()),
    }
}

/// What a container is: never mounted.
pub(super) const CONTAINER: [&str; 2] = ["mountpoint=none", "canmount=off"];

/// Whether none of a container's properties are set, and nothing is in it. A pool's own dataset is made with the pool.
fn is_bare(found: &Properties) -> bool {
    let mut set = CONTAINER.iter().filter_map(|set| set.split_once('='));
    found.dataset().contains('/')
        && set.all(|(property, _)| !found.is_given(property))
        && found.child().is_none()
}

/// Creates what is missing of the container, from the top: none of it is ever mounted.
pub(super) fn create_parents(parent: &DatasetName, changes: &mut Vec<String>) -> Result<()> {
    let parent = parent.as_str();
    // The pool itself is there.
    let mut lock = None;
    let ends = parent
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([parent.len()])
        .skip(1);
    for container in ends.map(|end| &parent[..end]) {
        let read = || properties::get_with_children([container]);
        if matches!(read()?, [Some(found)] if !is_bare(&found)) {
            continue;
        }
        // Somebody else may be making it, for another service: ZFS sets its properties a moment after it is there.
        if lock.is_none() {
            lock = Some(lock::lock_containers(container)?);
        }
        match read()? {
            // The power went before its properties were set: it holds nothing yet.
            [Some(found)] if is_bare(&found) && half_created::holds_nothing(&found)? => {
                call::zfs(&[&["set"], &CONTAINER[..], &[container]].concat())?;
                changes.push(format!("finished the container {container}"));
            }
            [Some(_)] => {}
            [None] => {
                let [mountpoint, canmount] = CONTAINER;
                call::zfs(&["create", "-o", mountpoint, "-o", canmount, container])?;
                changes.push(format!("created the container {container}"));
            }
        }
    }
    Ok(())
}
