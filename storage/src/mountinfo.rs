//! What is mounted where (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::{Error, Result, shown};

/// What is mounted on a directory, uppermost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// The file system's type, e.g. `zfs`.
    pub(crate) kind: String,
    /// What is mounted: a dataset's or a device's name.
    pub(crate) source: String,
    /// The device number that files in it have, as stat(2) tells it.
    pub(crate) device: u64,
}

/// What is mounted exactly on `path` (absolute, without links); `None` if nothing is.
pub(crate) fn at(path: &Path) -> Result<Option<Mounted>> {
    uppermost(&table()?, path)
}

/// Where this dataset is mounted, uppermost; `None` if it is not.
pub(crate) fn place_of(dataset: &str) -> Result<Option<PathBuf>> {
    Ok(point_of(&table()?, dataset))
}

/// A directory below `path` (absolute, without links) on which something is mounted.
pub(crate) fn below(path: &Path) -> Result<Option<PathBuf>> {
    Ok(all_below(path)?.into_iter().next())
}

/// All directories below `path` (absolute, without links) on which something is mounted. Not those on which ZFS has
/// mounted a snapshot by itself, since somebody looked into it: such a mount goes with the dataset's.
pub(crate) fn all_below(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(points_below(&table()?, path))
}

fn points_below(table: &[u8], path: &Path) -> Vec<PathBuf> {
    let snapshots = path.join(".zfs/snapshot");
    let point_of = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let point = PathBuf::from(unescaped(fields.get(4)?));
        let is_below = point != path && point.starts_with(path);
        let is_snapshot = point.parent() == Some(&snapshots)
            && mounted(&fields).is_some_and(|it| it.kind == "zfs" && it.source.contains('@'));
        (is_below && !is_snapshot).then_some(point)
    };
    table.split(|&b| b == b'\n').filter_map(point_of).collect()
}

fn table() -> Result<Vec<u8>> {
    let file = "/proc/self/mountinfo";
    std::fs::read(file).map_err(|error| {
        Error::new(
            file,
            format!("cannot be read: {error}"),
            "see that /proc is mounted",
        )
    })
}

fn uppermost(table: &[u8], path: &Path) -> Result<Option<Mounted>> {
    // Later lines are mounted over earlier ones.
    for line in table.split(|&b| b == b'\n').rev() {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let point = fields.get(4).map(|point| unescaped(point));
        if point.is_some_and(|point| point.as_bytes() == path.as_os_str().as_bytes()) {
            // One that cannot be read is not "nothing mounted".
            return mounted(&fields).map(Some).ok_or_else(|| {
                Error::new(
                    shown(path),
                    format!(
                        "what is mounted there cannot be read from `{}`",
                        String::from_utf8_lossy(line).escape_debug()
                    ),
                    "report this as a bug",
                )
            });
        }
    }
    Ok(None)
}

fn point_of(table: &[u8], dataset: &str) -> Option<PathBuf> {
    table.split(|&b| b == b'\n').rev().find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let found = mounted(&fields)?;
        (found.kind == "zfs" && found.source == dataset)
            .then(|| PathBuf::from(unescaped(fields[4])))
    })
}

fn mounted(fields: &[&[u8]]) -> Option<Mounted> {
    let separator = fields.iter().position(|field| *field == b"-")?;
    let (major, minor) = std::str::from_utf8(fields.get(2)?).ok()?.split_once(':')?;
    let text = |field: &&[u8]| unescaped(field).to_string_lossy().into_owned();
    Some(Mounted {
        device: nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?),
        kind: fields.get(separator + 1).map(text)?,
        source: fields.get(separator + 2).map(text)?,
    })
}

/// Space, tab, newline and backslash stand as `\040` and so on.
fn unescaped(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = (first == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    OsString::from_vec(bytes)
}

/// Reads any bytes as a table of mounts.
#[cfg(any(test, fuzzing))]
pub(crate) fn any_table(table: &[u8], path: &Path) {
    let _ = uppermost(table, path);
    let _ = point_of(table, "tank/a");
    assert!(
        points_below(table, path)
            .iter()
            .all(|point| point.starts_with(path))
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TABLE: &[u8] = b"22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        40 22 0:50 / /srv/a\\040b rw shared:2 master:1 - zfs tank/a\\040b rw,xattr\n\
        41 22 0:51 / /srv/c rw - tmpfs tmpfs rw\n\
        42 41 0:52 / /srv/c rw - zfs tank/c rw\n";

    #[test]
    fn a_path_with_a_space_is_found() {
        let found = uppermost(TABLE, Path::new("/srv/a b")).unwrap();
        assert_eq!(
            found,
            Some(Mounted {
                kind: "zfs".into(),
                source: "tank/a b".into(),
                device: nix::sys::stat::makedev(0, 50),
            })
        );
    }

    #[test]
    fn the_uppermost_of_two_mounts_counts() {
        assert_eq!(
            uppermost(TABLE, Path::new("/srv/c"))
                .unwrap()
                .map(|m| m.source),
            Some("tank/c".into())
        );
    }

    #[test]
    fn a_mount_that_cannot_be_read_is_not_taken_for_none() {
        let table = b"40 22 zero:50 / /srv/a rw shared:2 - zfs tank/a rw\n";
        assert!(uppermost(table, Path::new("/srv/a")).is_err());
    }

    #[test]
    fn a_directory_below_a_mount_is_not_one() {
        assert_eq!(uppermost(TABLE, Path::new("/srv/c/d")), Ok(None));
    }

    #[test]
    fn what_zfs_has_mounted_of_a_snapshot_is_no_mount_of_somebodys() {
        let table = b"42 41 0:52 / /srv/c/.zfs/snapshot/good ro - zfs tank/c@good ro\n\
            43 41 0:53 / /srv/c/.zfs/snapshot/bound rw - zfs tank/d rw\n\
            44 41 0:54 / /srv/c/child rw - zfs tank/c/child rw\n";
        let below = points_below(table, Path::new("/srv/c"));
        assert_eq!(
            below,
            [
                Path::new("/srv/c/.zfs/snapshot/bound"),
                Path::new("/srv/c/child")
            ]
        );
    }
}
