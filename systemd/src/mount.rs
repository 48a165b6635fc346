//! Waits for the mount that a path lies below, where systemd knows of one that has not happened yet.

use std::path::Path;

use libsystemd::daemon::booted;
use libsystemd::unit::escape_path;
use storage::links;

use crate::show::{Unit, Units, show};
use crate::systemctl::start_patiently;

/// Waits until the file systems that `path` (absolute) lies below are mounted, those that have a unit; `waiting` is told
/// for which. If one is not in time, whoever needs the path will say so.
pub fn wait_for(path: &Path, mut waiting: impl FnMut(&str)) {
    for unit in awaited(path) {
        waiting(&unit);
        start_patiently(&unit);
    }
}

/// The mount units that [`wait_for`] would wait for, the outermost first: the others need it.
#[must_use]
pub fn awaited(path: &Path) -> Vec<String> {
    if !booted() {
        return Vec::new();
    }
    let path = links::followed(path);
    let mut units: Vec<String> = path.ancestors().filter_map(unit_of).collect();
    units.reverse();
    if units.is_empty() {
        return units;
    }
    let names = units.iter().map(String::as_str);
    let shown = show("LoadState,ActiveState", names).unwrap_or_default();
    let not_mounted = not_mounted(&shown).into_iter();
    not_mounted.map(ToOwned::to_owned).collect()
}

/// The mount unit of a directory (systemd.mount(5)); none of the root, which is mounted.
pub(crate) fn unit_of(directory: &Path) -> Option<String> {
    let directory = directory.to_str().filter(|directory| *directory != "/")?;
    Some(format!("{}.mount", escape_path(directory)))
}

/// The units that systemd has loaded and not started.
fn not_mounted(shown: &Units) -> Vec<&str> {
    let waited_for = shown.iter().filter(|unit| {
        unit.value("LoadState") == "loaded" && unit.value("ActiveState") != "active"
    });
    waited_for.map(Unit::id).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_mounts_that_are_known_and_not_there_are_waited_for() {
        let shown = "Id=mnt-nas-repo.mount\nLoadState=not-found\nActiveState=inactive\n\n\
                     Id=mnt-nas.mount\nLoadState=loaded\nActiveState=activating\n\n\
                     Id=mnt.mount\nLoadState=loaded\nActiveState=active\n";
        assert_eq!(not_mounted(&Units::parse(shown)), ["mnt-nas.mount"]);
    }

    #[test]
    fn a_directory_has_the_unit_that_systemd_names_it() {
        let units: Vec<String> = Path::new("/mnt/nas-1")
            .ancestors()
            .filter_map(unit_of)
            .collect();
        assert_eq!(units, [r"mnt-nas\x2d1.mount", "mnt.mount"]);
    }
}
