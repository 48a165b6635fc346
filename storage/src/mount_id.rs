//! Which mounts processes see and files were opened through, by their numbers (proc_pid_mountinfo(5),
//! proc_pid_fdinfo(5)).

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

use crate::{Error, Result};

/// Which mount an open file was opened through.
pub(crate) fn id_of(file: BorrowedFd<'_>) -> Result<u64> {
    let info = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
    let read = std::fs::read_to_string(&info);
    let id = read.as_ref().ok().and_then(|told| {
        let id = told.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
        id.trim().parse().ok()
    });
    id.ok_or_else(|| Error::new(info, "tells no mount", "see that /proc is mounted"))
}

/// The mounts of the file system `device` that a process (its directory in /proc) sees; none if it cannot be looked at.
pub(crate) fn of_device(process: &Path, device: u64) -> BTreeSet<u64> {
    let table = std::fs::read(process.join("mountinfo")).unwrap_or_default();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let wanted = format!("{major}:{minor}");
    String::from_utf8_lossy(&table)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let id = fields.next()?.parse().ok()?;
            (fields.nth(1)? == wanted).then_some(id)
        })
        .collect()
}
