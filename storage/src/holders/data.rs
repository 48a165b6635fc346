//! Data that somebody may have mounted, and which mounts show it.

use std::path::{Path, PathBuf};

use crate::mountinfo::{self, Mount};
use crate::{Error, Result, shown};

/// Data that may be mounted at several places.
#[derive(Debug, Clone)]
pub(crate) enum Data<'a> {
    /// All of a dataset.
    Dataset(&'a str),
    /// The snapshots of a dataset.
    SnapshotsOf(&'a str),
    /// A directory of a file system: the device that mountinfo tells, and the path within the file system.
    Directory(u64, PathBuf),
}

impl Data<'_> {
    /// Whether a mount shows it, or a part of it, and nothing else.
    pub(crate) fn is_shown_by(&self, mount: &Mount) -> bool {
        match self {
            Data::Dataset(name) => mount.is_of_dataset(name),
            Data::SnapshotsOf(name) => {
                mount.kind == "zfs"
                    && mount
                        .source
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with('@'))
            }
            Data::Directory(device, path) => {
                mount.device == *device && mount.root.starts_with(path)
            }
        }
    }

    /// Whether a mount that shows it shows all of it.
    pub(super) fn is_root_of(&self, mount: &Mount) -> bool {
        match self {
            Data::Dataset(_) => mount.root == Path::new("/"),
            Data::SnapshotsOf(_) => false,
            Data::Directory(_, path) => mount.root == *path,
        }
    }
}

/// The directory at `path`, which must be there, as data.
///
/// # Errors
/// When it cannot be told what it is mounted from.
pub(crate) fn of_directory(path: &Path) -> Result<Data<'static>> {
    let real = mountinfo::without_links(path);
    let table = mountinfo::own()?;
    let above = real
        .ancestors()
        .find_map(|a| mountinfo::uppermost(&table, a));
    let (device, root) = above
        .and_then(|mount| Some((mount.device, within(mount, &real)?)))
        .ok_or_else(|| {
            Error::new(
                shown(path),
                "what it is mounted from cannot be told",
                "see that /proc is mounted: `findmnt`",
            )
        })?;
    Ok(Data::Directory(device, root))
}

/// Where a path below a mount lies within the mounted file system.
pub(super) fn within(mount: &Mount, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(&mount.point).ok()?;
    Some(if rest == Path::new("") {
        mount.root.clone()
    } else {
        mount.root.join(rest)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_directory_is_shown_by_a_bind_mount_of_it_or_of_a_part() {
        let data = Data::Directory(7, PathBuf::from("/persist/app"));
        let table = mountinfo::read(
            b"1 0 0:7 / / rw - ext4 /dev/sda rw\n\
            2 1 0:7 /persist/app /a rw - ext4 /dev/sda rw\n\
            3 1 0:7 /persist/app/sub /b rw - ext4 /dev/sda rw\n\
            4 1 0:7 /persist/apple /c rw - ext4 /dev/sda rw\n\
            5 1 0:7 /persist /d rw - ext4 /dev/sda rw\n\
            6 1 0:8 /persist/app /e rw - ext4 /dev/sdb rw\n",
        )
        .unwrap();
        let shown: Vec<u64> = table
            .iter()
            .filter(|m| data.is_shown_by(m))
            .map(|m| m.id)
            .collect();
        assert_eq!(shown, [2, 3]);
    }
}
