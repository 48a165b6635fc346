//! What is mounted where (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;

use crate::{Error, Result};

/// One mount, as a line of mountinfo tells it. Paths are as the process sees them whose mountinfo it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its number: no two mounts of a machine have the same.
    pub(crate) id: u64,
    /// The number of the mount that it hangs on.
    pub(crate) parent: u64,
    /// The device number that files in it have, as stat(2) tells it (on btrfs it tells another).
    pub(crate) device: u64,
    /// What of its file system is mounted: `/` for all of it.
    pub(crate) root: PathBuf,
    /// Where.
    pub(crate) point: PathBuf,
    /// Its own options: `rw`, `nosuid`, ….
    pub(crate) options: Vec<String>,
    /// The file system's type, e.g. `zfs`.
    pub(crate) kind: String,
    /// What is mounted: a dataset's or a device's name.
    pub(crate) source: String,
    /// The options of the file system as a whole.
    pub(crate) of_all: Vec<String>,
}

impl Mount {
    /// Whether nothing can be written through it.
    pub(crate) fn is_read_only(&self) -> bool {
        self.options.iter().chain(&self.of_all).any(|o| o == "ro")
    }

    /// Whether it shows this dataset, all or a part of it.
    pub(crate) fn is_of_dataset(&self, dataset: &str) -> bool {
        self.kind == "zfs" && self.source == dataset
    }

    /// Whether whoever looks there may wait for a server, or for a program that stands for one.
    pub(crate) fn may_wait_for_a_server(&self) -> bool {
        /// File systems on disks of this machine, or in its memory, that have no device number of a disk.
        const LOCAL: [&str; 7] = [
            "zfs", "btrfs", "bcachefs", "overlay", "tmpfs", "ramfs", "rootfs",
        ];
        let is_on_a_disk = rustix::fs::major(self.device) != 0 || LOCAL.contains(&&*self.kind);
        self.kind.starts_with("fuse") || !is_on_a_disk
    }

    /// Whether somebody has looked into a snapshot below `.zfs`: it goes with the dataset when that is unmounted.
    pub(crate) fn is_a_look(&self) -> bool {
        let mut parts = self.point.iter();
        self.kind == "zfs" && self.source.contains('@') && parts.any(|part| part == ".zfs")
    }

    /// Its own options as mount(2) takes them.
    pub(crate) fn flags(&self) -> MsFlags {
        self.options.iter().fold(MsFlags::empty(), |flags, option| {
            flags
                | match option.as_str() {
                    "ro" => MsFlags::MS_RDONLY,
                    "nosuid" => MsFlags::MS_NOSUID,
                    "nodev" => MsFlags::MS_NODEV,
                    "noexec" => MsFlags::MS_NOEXEC,
                    "noatime" => MsFlags::MS_NOATIME,
                    "nodiratime" => MsFlags::MS_NODIRATIME,
                    "relatime" => MsFlags::MS_RELATIME,
                    _ => MsFlags::empty(),
                }
        })
    }
}

/// What is mounted exactly on `path` (absolute), uppermost; `None` if nothing is.
/// Links on the way to it are followed, as the kernel does.
pub(crate) fn at(path: &Path) -> Result<Option<Mount>> {
    Ok(uppermost(&own()?, &without_links(path)).cloned())
}

/// Where this dataset is mounted, uppermost; `None` if it is not.
pub(crate) fn place_of(dataset: &str) -> Result<Option<PathBuf>> {
    let table = own()?;
    let found = table.iter().rev().find(|m| m.is_of_dataset(dataset));
    Ok(found.map(|mount| mount.point.clone()))
}

/// A directory below `path` (absolute) on which something is mounted.
pub(crate) fn below(path: &Path) -> Result<Option<PathBuf>> {
    Ok(all_below(path)?.into_iter().next())
}

/// All directories below `path` (absolute) on which something is mounted, but for looks into snapshots. They begin as
/// `path` does.
pub(crate) fn all_below(path: &Path) -> Result<Vec<PathBuf>> {
    let real = without_links(path);
    Ok(own()?
        .into_iter()
        .filter(|mount| !mount.is_a_look())
        .filter_map(|mount| {
            let rest = mount.point.strip_prefix(&real).ok()?;
            (rest != Path::new("")).then(|| path.join(rest))
        })
        .collect())
}

/// All directories on which a file system of ZFS is mounted, in the order of their mounting.
pub(crate) fn points_of_zfs() -> Result<Vec<PathBuf>> {
    let zfs = own()?.into_iter().filter(|mount| mount.kind == "zfs");
    Ok(zfs.map(|mount| mount.point).collect())
}

/// A path as mountinfo tells it: its parent without links. What cannot be resolved is not mounted on.
pub(crate) fn without_links(path: &Path) -> PathBuf {
    let resolved = path
        .parent()
        .zip(path.file_name())
        .and_then(|(parent, leaf)| Some(parent.canonicalize().ok()?.join(leaf)));
    resolved.unwrap_or_else(|| path.to_owned())
}

/// The uppermost mount on `path` (absolute, without links).
pub(crate) fn uppermost<'a>(table: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    // Later ones are mounted over earlier ones.
    table.iter().rev().find(|mount| mount.point == path)
}

/// All that is mounted in this thread's mount namespace, in the order in which it was.
pub(crate) fn own() -> Result<Vec<Mount>> {
    // Of this thread: it may have a mount namespace of its own.
    let file = "/proc/thread-self/mountinfo";
    let table = std::fs::read(file).map_err(|error| {
        Error::new(
            file,
            format!("cannot be read: {error}"),
            "see that /proc is mounted",
        )
        .caused_by(&error)
    })?;
    read(&table)
}

/// Reads a table. A line that cannot be read is never "nothing mounted".
pub(crate) fn read(table: &[u8]) -> Result<Vec<Mount>> {
    table
        .split(|&b| b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            read_line(line).ok_or_else(|| {
                Error::internal(
                    "mountinfo",
                    format!(
                        "what is mounted cannot be read from `{}`",
                        String::from_utf8_lossy(line).escape_debug()
                    ),
                )
            })
        })
        .collect()
}

fn read_line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
    // Six fields, any number of optional ones, a separator, and three that may be empty.
    let separator = 6 + fields.get(6..)?.iter().position(|field| *field == b"-")?;
    let number = |field: usize| std::str::from_utf8(fields[field]).ok()?.parse().ok();
    let (major, minor) = std::str::from_utf8(fields[2]).ok()?.split_once(':')?;
    let text = |field: usize| Some(unescaped(fields.get(field)?).to_string_lossy().into_owned());
    let options = |field: usize| -> Option<Vec<String>> {
        Some(text(field)?.split(',').map(ToOwned::to_owned).collect())
    };
    Some(Mount {
        id: number(0)?,
        parent: number(1)?,
        device: nix::sys::stat::makedev(major.parse().ok()?, minor.parse().ok()?),
        root: root(unescaped(fields[3])),
        point: PathBuf::from(unescaped(fields[4])),
        options: options(5)?,
        kind: text(separator + 1)?,
        source: text(separator + 2)?,
        of_all: options(separator + 3).unwrap_or_default(),
    })
}

/// What of a file system is mounted; of what was removed since, where it was.
fn root(told: OsString) -> PathBuf {
    let bytes = told.into_vec();
    let path = bytes.strip_suffix(b"//deleted").map(<[u8]>::to_vec);
    PathBuf::from(OsString::from_vec(path.unwrap_or(bytes)))
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
    let Ok(table) = read(table) else {
        return;
    };
    if let Some(found) = uppermost(&table, path) {
        assert_eq!(found.point, path);
    }
    for mount in &table {
        let _ = (mount.is_read_only(), mount.is_a_look(), mount.flags());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TABLE: &[u8] = b"22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        40 22 0:50 / /srv/a\\040b rw shared:2 master:1 - zfs tank/a\\040b rw,xattr\n\
        41 22 0:51 / /srv/c rw - tmpfs tmpfs rw\n\
        42 41 0:52 /x\\012y /srv/c ro,nosuid,noatime - zfs tank/c rw\n";

    fn uppermost_of(table: &[u8], path: &str) -> Result<Option<Mount>> {
        Ok(uppermost(&read(table)?, Path::new(path)).cloned())
    }

    #[test]
    fn a_path_with_a_space_is_found() {
        let found = uppermost_of(TABLE, "/srv/a b").unwrap().unwrap();
        assert_eq!(
            (found.kind.as_str(), found.source.as_str(), found.device),
            ("zfs", "tank/a b", nix::sys::stat::makedev(0, 50))
        );
        assert!(found.is_of_dataset("tank/a b") && !found.is_read_only());
    }

    #[test]
    fn the_uppermost_of_two_mounts_counts() {
        let found = uppermost_of(TABLE, "/srv/c").unwrap().unwrap();
        assert_eq!(found.source, "tank/c");
        assert_eq!(found.root, Path::new("/x\ny"));
        assert!(found.is_read_only());
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NOATIME;
        assert_eq!(found.flags(), flags);
    }

    #[test]
    fn what_is_on_a_disk_of_this_machine_waits_for_no_server() {
        let waits = |device: &str, kind: &str| {
            let line = format!("40 22 {device} / /srv/a rw - {kind} source rw\n");
            let found = uppermost_of(line.as_bytes(), "/srv/a").unwrap();
            found.unwrap().may_wait_for_a_server()
        };
        for (device, kind) in [("254:1", "ext4"), ("0:50", "zfs"), ("0:51", "btrfs")] {
            assert!(!waits(device, kind), "{kind}");
        }
        for (device, kind) in [
            ("0:52", "nfs4"),
            ("0:53", "fuse.sshfs"),
            ("8:1", "fuseblk"),
            ("0:54", "autofs"),
        ] {
            assert!(waits(device, kind), "{kind}");
        }
    }

    #[test]
    fn a_mount_that_cannot_be_read_is_not_taken_for_none() {
        for line in [
            "40 22 zero:50 / /srv/a rw shared:2 - zfs tank/a rw\n",
            "40 22 0:50 / /srv/a rw shared:2\n",
            "40\n",
        ] {
            assert!(uppermost_of(line.as_bytes(), "/srv/a").is_err(), "{line}");
        }
    }

    #[test]
    fn what_was_removed_is_told_by_where_it_was() {
        let table = b"40 22 0:50 /sub//deleted /srv/a rw - zfs tank/a rw\n";
        let found = uppermost_of(table, "/srv/a").unwrap().unwrap();
        assert_eq!(found.root, Path::new("/sub"));
    }

    #[test]
    fn a_directory_below_a_mount_is_not_one() {
        assert_eq!(uppermost_of(TABLE, "/srv/c/d").unwrap(), None);
    }

    #[test]
    fn what_zfs_has_mounted_of_a_snapshot_is_no_mount_of_somebodys() {
        let table = b"42 41 0:52 / /srv/c/.zfs/snapshot/good ro - zfs tank/c@good ro\n\
            43 41 0:53 / /srv/c/.zfs/snapshot/bound rw - zfs tank/d rw\n\
            44 41 0:54 / /srv/c/child rw - zfs tank/c/child rw\n";
        let looks: Vec<bool> = read(table).unwrap().iter().map(Mount::is_a_look).collect();
        assert_eq!(looks, [true, false, false]);
    }
}
