//! Waits for the mount that a path lies below, where systemd knows of one that has not happened yet.

use std::path::Path;

use libsystemd::daemon::booted;
use libsystemd::unit::escape_path;

use crate::systemctl::{start_patiently, systemctl};

/// Waits until the file systems that `path` (absolute) lies below are mounted, those that have a unit; `waiting` is told
/// for which. If one is not in time, whoever needs the path will say so.
pub fn wait_for(path: &Path, mut waiting: impl FnMut(&str)) {
    if !booted() {
        return;
    }
    let mut units: Vec<String> = path.ancestors().filter_map(unit_of).collect();
    // The outermost first: the others need it.
    units.reverse();
    if units.is_empty() {
        return;
    }
    let names = units.iter().map(String::as_str);
    let args = ["show", "--property=Id,LoadState,ActiveState", "--"];
    let asked = systemctl(args.into_iter().chain(names));
    let Ok(answer) = asked else { return };
    for unit in not_mounted(&answer.stdout) {
        waiting(unit);
        start_patiently(unit);
    }
}

/// The mount unit of a directory (systemd.mount(5)); none of the root, which is mounted.
fn unit_of(directory: &Path) -> Option<String> {
    let directory = directory.to_str().filter(|directory| *directory != "/")?;
    Some(format!("{}.mount", escape_path(directory)))
}

/// The units that systemd has loaded and not started, of what `systemctl show` printed of several.
fn not_mounted(shown: &str) -> Vec<&str> {
    let blocks = shown.split("\n\n").filter_map(|block| {
        let value = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let is_waited_for =
            value("LoadState") == Some("loaded") && value("ActiveState") != Some("active");
        value("Id").filter(|_| is_waited_for)
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_that_are_known_and_not_there_are_waited_for() {
        let shown = "Id=mnt-nas-repo.mount\nLoadState=not-found\nActiveState=inactive\n\n\
                     Id=mnt-nas.mount\nLoadState=loaded\nActiveState=activating\n\n\
                     Id=mnt.mount\nLoadState=loaded\nActiveState=active\n";
        assert_eq!(not_mounted(shown), ["mnt-nas.mount"]);
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
