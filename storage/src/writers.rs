//! Who has files of a file system open in a way that keeps it from being made read-only.
//!
//! Told from /proc alone (proc(5)): nothing of a file system is touched that might not answer.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::mount_id;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// Who writes to a file that has a name, or may get one: each process once, and a file.
    writing: Vec<Holder>,
    /// Who has something open that was deleted: what becomes of it, nobody else ever sees.
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
    /// Whether it has that file open for writing.
    writes: bool,
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
        if path.ends_with(DELETED) && opened.is_gone(&file.path()) {
            deleted.get_or_insert((path, opened.writes));
        } else if opened.writes {
            writes.get_or_insert(path);
        }
    }
    for mapped in shared_mappings(&at, device) {
        if mapped.ends_with(DELETED) {
            deleted.get_or_insert((mapped, true));
        } else {
            writes.get_or_insert(mapped);
        }
    }
    let (list, file, writes) = match (writes, deleted) {
        (Some(file), _) => (&mut holders.writing, file, true),
        (None, Some((file, writes))) => (&mut holders.deleted, file, writes),
        (None, None) => return,
    };
    list.push(Holder {
        process,
        name: name(&at).unwrap_or_else(|| "?".to_owned()),
        unit: unit(&at),
        file: file.escape_debug().to_string(),
        writes,
    });
}

/// What a link in /proc/PID/fd ends with if its file has no name any more.
const DELETED: &str = " (deleted)";

/// An open file, as /proc/PID/fdinfo tells it.
pub(crate) struct Opened {
    mount: u64,
    /// Whether it is open for writing.
    pub(crate) writes: bool,
    /// It was made without a name, and may be given one (`O_TMPFILE`, open(2)).
    may_get_a_name: bool,
}

impl Opened {
    /// Whether no name leads to it any more, nor ever will. (A file may be called as if it was deleted.)
    pub(crate) fn is_gone(&self, link: &Path) -> bool {
        let has_no_name = || std::fs::metadata(link).is_ok_and(|file| file.nlink() == 0);
        !self.may_get_a_name && has_no_name()
    }

    /// Reads the text of /proc/PID/fdinfo/N; `None` if it lacks something.
    pub(crate) fn read(info: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim())
        };
        let flags = i32::from_str_radix(field("flags:")?, 8).ok()?;
        let access = flags & nix::libc::O_ACCMODE;
        let has_all = |wanted: i32| flags & wanted == wanted;
        Some(Self {
            mount: field("mnt_id:")?.parse().ok()?,
            writes: access != nix::libc::O_RDONLY && flags & nix::libc::O_PATH == 0,
            may_get_a_name: has_all(nix::libc::O_TMPFILE),
        })
    }
}

/// The files of `device` that a process has mapped so that what it writes there goes to the file.
fn shared_mappings(process: &Path, device: u64) -> Vec<String> {
    let maps = std::fs::read(process.join("maps")).unwrap_or_default();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let mapped = |line: &str| {
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
    };
    String::from_utf8_lossy(&maps)
        .lines()
        .filter_map(mapped)
        .collect()
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
        let list = if self.writing.is_empty() {
            &self.deleted
        } else {
            &self.writing
        };
        listed(list).unwrap_or_else(|| otherwise.to_owned())
    }

    /// Whether nobody writes to a file that has a name, and somebody holds a deleted one open. A process that could not be
    /// looked at may do anything.
    pub(crate) fn only_hold_deleted_files(&self) -> bool {
        self.writing.is_empty() && self.unseen.is_empty() && !self.deleted.is_empty()
    }

    /// What a reader can do about it.
    pub(crate) fn help(&self) -> String {
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
            let how = if holder.writes { " for writing" } else { "" };
            format!(
                "process {} ({}{of}) has {} open{how}",
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
        assert!(
            Opened::read("flags:\t020300002\nmnt_id:\t29\n")
                .is_some_and(|file| file.may_get_a_name)
        );
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
        let device = file.metadata().unwrap().st_dev();
        let is_us = |holder: &Holder| holder.process == std::process::id();
        let holders = of(device);
        assert!(holders.writing.iter().any(is_us), "{holders:?}");
        // As other tests of this process do not count, a process of its own is looked at.
        let mut child = std::process::Command::new("sh")
            .args([
                "-c",
                "exec 3>'a file (deleted)' 4>gone && rm gone && echo && exec sleep 100",
            ])
            .current_dir(&directory)
            .stdout(std::process::Stdio::piped())
            // Ours may be a file on the same file system.
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let named = of(device);
        std::fs::remove_file(directory.join("a file (deleted)")).unwrap();
        let nameless = of(device);
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let is_child = |holder: &Holder| holder.process == child.id();
        assert!(named.writing.iter().any(is_child), "{named:?}");
        assert!(!nameless.writing.iter().any(is_child), "{nameless:?}");
        assert!(nameless.deleted.iter().any(is_child), "{nameless:?}");
    }
}
