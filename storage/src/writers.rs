//! Who has files of a file system open in a way that keeps it from being made read-only.
//!
//! Told from /proc alone (proc(5)): nothing of a file system is touched that might not answer.

use std::collections::BTreeSet;
use std::path::Path;

use crate::mount_id;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// Who writes, each once: the process, and a file.
    writing: Vec<Holder>,
    /// Who has something open that was deleted.
    deleted: Vec<Holder>,
    /// Processes that could not be looked at, by name.
    unseen: BTreeSet<String>,
}

/// A process that holds a file.
#[derive(Debug)]
struct Holder {
    process: u32,
    name: String,
    /// Its systemd unit, if it has one.
    unit: Option<String>,
    file: String,
}

/// Finds the processes that have files of `device` (as stat(2) tells it) open for writing, or deleted ones open at all.
pub(crate) fn of(device: u64) -> Holders {
    let mut holders = Holders::default();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return holders;
    };
    for process in processes.flatten() {
        if let Some(number) = process.file_name().to_str().and_then(|n| n.parse().ok()) {
            look(number, device, &mut holders);
        }
    }
    holders
}

fn look(process: u32, device: u64, holders: &mut Holders) {
    let at = Path::new("/proc").join(process.to_string());
    let mounts = mount_id::of_device(&at, device);
    let Ok(files) = std::fs::read_dir(at.join("fd")) else {
        // One that has just ended holds nothing.
        if let Some(name) = name(&at) {
            holders.unseen.insert(name);
        }
        return;
    };
    let mut writes = None;
    let mut deleted = None;
    for file in files.flatten() {
        let info = at.join("fdinfo").join(file.file_name());
        let Ok(info) = std::fs::read_to_string(info) else {
            continue;
        };
        let Some(opened) = Opened::read(&info).filter(|file| mounts.contains(&file.mount)) else {
            continue;
        };
        let Ok(path) = std::fs::read_link(file.path()) else {
            continue;
        };
        let path = path.to_string_lossy().into_owned();
        if opened.writes {
            writes.get_or_insert(path);
        } else if path.ends_with(DELETED) {
            deleted.get_or_insert(path);
        }
    }
    if writes.is_none() {
        writes = shared_mapping(&at, device);
    }
    let (list, file) = match (writes, deleted) {
        (Some(file), _) => (&mut holders.writing, file),
        (None, Some(file)) => (&mut holders.deleted, file),
        (None, None) => return,
    };
    list.push(Holder {
        process,
        name: name(&at).unwrap_or_else(|| "?".to_owned()),
        unit: unit(&at),
        file: file.escape_debug().to_string(),
    });
}

/// What a link in /proc/PID/fd ends with if its file has no name any more.
const DELETED: &str = " (deleted)";

/// An open file, as /proc/PID/fdinfo tells it.
struct Opened {
    mount: u64,
    writes: bool,
}

impl Opened {
    fn read(info: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim())
        };
        let flags = i32::from_str_radix(field("flags:")?, 8).ok()?;
        let access = flags & nix::libc::O_ACCMODE;
        Some(Self {
            mount: field("mnt_id:")?.parse().ok()?,
            writes: access != nix::libc::O_RDONLY && flags & nix::libc::O_PATH == 0,
        })
    }
}

/// A file of `device` that a process has mapped so that what it writes there goes to the file.
fn shared_mapping(process: &Path, device: u64) -> Option<String> {
    let maps = std::fs::read(process.join("maps")).ok()?;
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    String::from_utf8_lossy(&maps).lines().find_map(|line| {
        // address perms offset dev inode path
        let mut fields = line.splitn(6, ' ');
        let (_, flags, _, on) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let (on_major, on_minor) = on.split_once(':')?;
        let is_on_it = u64::from_str_radix(on_major, 16) == Ok(major)
            && u64::from_str_radix(on_minor, 16) == Ok(minor);
        (is_on_it && flags.contains('w') && flags.ends_with('s'))
            .then(|| fields.nth(1).unwrap_or_default().trim().to_owned())
    })
}

fn name(process: &Path) -> Option<String> {
    let name = std::fs::read(process.join("comm")).ok()?;
    let name = String::from_utf8_lossy(&name);
    Some(name.trim_end().escape_debug().to_string())
}

/// The systemd unit that a process belongs to (cgroups(7)).
fn unit(process: &Path) -> Option<String> {
    let groups = std::fs::read_to_string(process.join("cgroup")).ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let unit = group.rsplit('/').find(|part| {
        [".service", ".scope"]
            .iter()
            .any(|kind| part.ends_with(kind))
    })?;
    Some(unit.escape_debug().to_string())
}

impl Holders {
    /// Who it is, in words; `otherwise` where nobody was found.
    pub(crate) fn in_words(&self, otherwise: &str) -> String {
        if let Some(words) = listed(&self.writing) {
            return format!("{words} open for writing");
        }
        if let Some(words) = listed(&self.deleted) {
            return format!("{words} open");
        }
        otherwise.to_owned()
    }

    /// Whether nobody writes as far as is known, and somebody holds a deleted file open.
    pub(crate) fn only_hold_deleted_files(&self) -> bool {
        self.writing.is_empty() && !self.deleted.is_empty()
    }

    /// What a reader can do about it.
    pub(crate) fn cure(&self) -> String {
        let holder = self.writing.first().or_else(|| self.deleted.first());
        match holder {
            Some(Holder {
                unit: Some(unit), ..
            }) if unit.ends_with(".service") => {
                format!("`systemctl stop {unit}`, then start the service again")
            }
            Some(Holder { process, .. }) => {
                format!("end process {process}, then start the service again")
            }
            None if self.unseen.is_empty() => {
                "look for a loop device, swap or an NFS export of it, then start the service again"
                    .to_owned()
            }
            None => format!(
                "see which of these it is, which cannot be looked at from here: {}; then start the service again",
                self.unseen.iter().cloned().collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// The first few, as the beginning of a sentence.
fn listed(holders: &[Holder]) -> Option<String> {
    const FEW: usize = 3;
    let words: Vec<String> = holders
        .iter()
        .take(FEW)
        .map(|holder| {
            let of = holder
                .unit
                .as_ref()
                .map_or_else(String::new, |unit| format!(", of {unit}"));
            format!(
                "process {} ({}{of}) has {}",
                holder.process, holder.name, holder.file
            )
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::linux::fs::MetadataExt;

    use super::*;

    #[test]
    fn an_open_file_is_told_from_one_that_is_only_read() {
        let read = |text| Opened::read(text).map(|opened| (opened.mount, opened.writes));
        let written = "pos:\t0\nflags:\t0100001\nmnt_id:\t29\nino:\t5\n";
        assert_eq!(read(written), Some((29, true)));
        assert_eq!(read("flags:\t0100002\nmnt_id:\t29\n"), Some((29, true)));
        assert_eq!(read("flags:\t0100000\nmnt_id:\t29\n"), Some((29, false)));
        // O_PATH: whatever else was asked for does not count.
        assert_eq!(read("flags:\t012000001\nmnt_id:\t29\n"), Some((29, false)));
        for unreadable in ["", "flags:\t9\nmnt_id:\t29\n", "flags:\t01\nmnt_id:\tx\n"] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn whoever_writes_is_found() {
        let directory =
            std::env::temp_dir().join(format!("preseed-writers-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = std::fs::File::create(directory.join("a file")).unwrap();
        let holders = of(file.metadata().unwrap().st_dev());
        let us = holders
            .writing
            .iter()
            .find(|holder| holder.process == std::process::id());
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(us.is_some(), "{holders:?}");
    }
}
