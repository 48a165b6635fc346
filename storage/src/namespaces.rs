//! The mount namespaces of all processes, and what is mounted in each.
//!
//! mountinfo does not show all: a namespace may be pinned by a file, a mount detached while it is in use. Whether a
//! dataset is mounted at all, the kernel tells (`zfs::objset`); this tells by whom.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::mountinfo::{self, Mount};
use crate::{Error, Result};

/// One mount namespace, as it is seen from one root directory.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Whether it is this process's, which is the host's: what is mounted there is seen by the whole machine.
    pub(crate) is_host: bool,
    /// The processes in it.
    pub(crate) processes: Vec<u32>,
    /// What is mounted there.
    pub(crate) mounts: Vec<Mount>,
}

/// What a look at all processes showed.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// Their mount namespaces.
    pub(crate) namespaces: Vec<Namespace>,
    /// The processes that could not be looked at, in words. They count as unknown, not as clear.
    pub(crate) unknown: Vec<String>,
    /// The namespaces that only a file keeps, and no process is in, in words.
    pub(crate) pinned: Vec<String>,
}

/// A namespace and a root directory: a process in a chroot is told only what is mounted below it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: PathBuf,
    root: PathBuf,
}

/// Looks at all processes and their threads. Those that end meanwhile have nothing mounted.
///
/// # Errors
/// When /proc cannot be read at all.
pub(crate) fn look() -> Result<Machine> {
    let own = fs::read_link("/proc/self/ns/mnt").map_err(|error| unreadable("self", &error))?;
    let mut machine = Machine::default();
    let mut known: BTreeMap<Key, usize> = BTreeMap::new();
    let mut pinned = BTreeSet::new();
    for process in processes()? {
        let tasks = PathBuf::from(format!("/proc/{process}/task"));
        let threads = match names(&tasks) {
            Ok(threads) => threads,
            Err(error) if is_gone(&tasks, &error) => continue,
            Err(error) => {
                machine.unknown.push(in_words(process, &error));
                continue;
            }
        };
        for thread in threads {
            let task = tasks.join(thread.to_string());
            let looked = look_at(&task, process, &own, &mut machine, &mut known);
            match looked {
                Ok(()) => {}
                Err(error) if is_gone(&task, &error) => {}
                Err(error) => machine.unknown.push(in_words(process, &error)),
            }
        }
    }
    for namespace in &machine.namespaces {
        pinned.extend(namespace.mounts.iter().filter_map(pinned_namespace));
    }
    for key in known.keys() {
        pinned.remove(&key.namespace);
    }
    machine.pinned.extend(pinned.into_iter().map(|namespace| {
        format!(
            "the mount namespace {}, which a file keeps and no process is in",
            namespace.display()
        )
    }));
    Ok(machine)
}

fn look_at(
    task: &Path,
    process: u32,
    own: &Path,
    machine: &mut Machine,
    known: &mut BTreeMap<Key, usize>,
) -> io::Result<()> {
    let namespace = fs::read_link(task.join("ns/mnt"))?;
    // Not followed: what file system it is on may be its user's, and may not answer.
    let root = fs::read_link(task.join("root"))?;
    let is_host = namespace == own;
    let key = Key { namespace, root };
    if let Some(index) = known.get(&key) {
        let known = &mut machine.namespaces[*index].processes;
        if known.last() != Some(&process) {
            known.push(process);
        }
        return Ok(());
    }
    let table = fs::read(task.join("mountinfo"))?;
    let mounts = mountinfo::read(&table)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
    known.insert(key, machine.namespaces.len());
    machine.namespaces.push(Namespace {
        is_host,
        processes: vec![process],
        mounts,
    });
    Ok(())
}

/// The mount namespace that a file keeps (namespaces(7)), as /proc names it: `mnt:[4026532212]`.
fn pinned_namespace(mount: &Mount) -> Option<PathBuf> {
    let name = mount.root.to_str()?;
    (mount.kind == "nsfs" && name.starts_with("mnt:[")).then(|| PathBuf::from(name))
}

/// The numbers of all processes.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn processes() -> Result<Vec<u32>> {
    names(Path::new("/proc")).map_err(|error| unreadable("", &error))
}

/// The names in a directory that are numbers.
fn names(directory: &Path) -> io::Result<Vec<u32>> {
    let number = |name: &OsStr| name.to_str()?.parse::<u32>().ok();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        numbers.extend(number(&entry?.file_name()));
    }
    Ok(numbers)
}

/// Whether a process or a thread has ended since, or has only its exit status left: the error is what a look into its
/// directory in /proc gave. A link there is refused like one that we may not read if it ends just then
/// (`proc_ns_readlink` in the kernel's fs/proc/namespaces.c).
pub(crate) fn is_gone(task: &Path, error: &io::Error) -> bool {
    let says_so = |error: &io::Error| {
        error.kind() == ErrorKind::NotFound
            || matches!(
                error.raw_os_error(),
                Some(nix::libc::ESRCH | nix::libc::EINVAL)
            )
    };
    let has_ended = || task.symlink_metadata().is_err_and(|error| says_so(&error));
    says_so(error) || error.kind() == ErrorKind::PermissionDenied && has_ended()
}

fn in_words(process: u32, error: &io::Error) -> String {
    format!("process {process} ({error})")
}

fn unreadable(process: &str, error: &io::Error) -> Error {
    Error::new(
        format!("/proc/{process}"),
        format!("cannot be looked at: {error}"),
        "see that /proc is mounted and that we run as root",
    )
    .caused_by(error)
}

/// Who a process is: the unit or the container it belongs to, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Its number.
    pub(crate) process: u32,
    /// Its name.
    pub(crate) name: String,
    /// The unit: `browser.service`, `session-3.scope`, ….
    pub(crate) unit: Option<String>,
    /// Whether it is one of preseed's own.
    pub(crate) is_ours: bool,
}

/// Who this process is.
pub(crate) fn owner(process: u32) -> Owner {
    let read = |file: &str| {
        let bytes = fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let (unit, is_ours) = unit_in(&read("cgroup"));
    Owner {
        process,
        name: read("comm").escape_debug().to_string(),
        unit,
        is_ours: is_ours || process == std::process::id(),
    }
}

/// The unit that a process's control groups name (cgroups(7)), and whether preseed runs in it.
fn unit_in(groups: &str) -> (Option<String>, bool) {
    // systemd's own hierarchy: the unified one, or the one that is named after it.
    let paths: Vec<&str> = groups
        .lines()
        .filter_map(|line| {
            let (_, named) = line.split_once(':')?;
            named
                .strip_prefix(':')
                .or_else(|| named.strip_prefix("name=systemd:"))
        })
        .collect();
    let parts = || paths.iter().flat_map(|path| path.split('/'));
    let is_ours = parts().any(|part| part == "storage-preseed.slice");
    let unit = parts().find(|part| {
        let suffix = Path::new(part).extension().and_then(OsStr::to_str);
        // What a user's own manager runs is told by its own name.
        matches!(suffix, Some("service" | "scope")) && !part.starts_with("user@")
    });
    (unit.map(|unit| unit.escape_debug().to_string()), is_ours)
}

impl Owner {
    /// Who it is, for a message.
    pub(crate) fn in_words(&self) -> String {
        let Owner {
            process,
            name,
            unit,
            ..
        } = self;
        match unit {
            Some(unit) => format!("{unit} (process {process}, {name})"),
            None => format!("process {process} ({name})"),
        }
    }

    /// What ends what it does.
    pub(crate) fn end(&self) -> String {
        match &self.unit {
            Some(unit) if !is_scope(unit) => format!("`systemctl stop {unit}`"),
            Some(unit) => format!("end process {} ({}) of {unit}", self.process, self.name),
            None => format!("end process {} ({})", self.process, self.name),
        }
    }

    /// What makes it see what is mounted now.
    pub(crate) fn help(&self) -> String {
        let Some(unit) = &self.unit else {
            return format!("end process {} ({})", self.process, self.name);
        };
        let container = ["libpod-", "docker-"]
            .iter()
            .find_map(|prefix| Some((prefix, unit.strip_prefix(prefix)?.strip_suffix(".scope")?)));
        match container {
            Some((&"libpod-", id)) => format!("`podman restart {}`", short(id)),
            Some((_, id)) => format!("`docker restart {}`", short(id)),
            None if is_scope(unit) => {
                format!("end process {} ({}) of {unit}", self.process, self.name)
            }
            None => format!("`systemctl restart {unit}`"),
        }
    }
}

/// Whether it is a scope: nobody can start it again.
fn is_scope(unit: &str) -> bool {
    unit.strip_suffix(".scope").is_some()
}

/// A container's id as its tools print it.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn this_process_is_in_the_hosts_namespace() {
        let machine = look().unwrap();
        let host: Vec<&Namespace> = machine.namespaces.iter().filter(|n| n.is_host).collect();
        assert!(
            host.iter()
                .any(|namespace| namespace.processes.contains(&std::process::id()))
        );
    }

    #[test]
    fn who_ends_while_it_is_looked_at_is_not_unknown() {
        let stop = AtomicBool::new(false);
        let tasks = Path::new("/proc/self/task");
        // How a look at one of our threads fails that has not ended.
        let unknown = || {
            let threads = names(tasks).unwrap();
            threads.into_iter().find_map(|thread| {
                let task = tasks.join(thread.to_string());
                let error = fs::read_link(task.join("ns/mnt")).err()?;
                (!is_gone(&task, &error)).then_some(error)
            })
        };
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        thread::spawn(|| {}).join().unwrap();
                    }
                });
            }
            let first = (0..10_000).find_map(|_| unknown());
            stop.store(true, Ordering::Relaxed);
            assert!(first.is_none(), "{first:?}");
        });
    }

    #[test]
    fn whoever_may_not_be_looked_at_is_gone_only_if_it_has_ended() {
        let refused = io::Error::from_raw_os_error(nix::libc::EACCES);
        assert!(!is_gone(Path::new("/proc/self"), &refused));
        let mut ended = Command::new("true").spawn().unwrap();
        let process = PathBuf::from(format!("/proc/{}", ended.id()));
        ended.wait().unwrap();
        assert!(is_gone(&process, &refused));
    }

    #[test]
    fn a_unit_is_named_by_its_control_group() {
        for (groups, unit, is_ours) in [
            (
                "0::/system.slice/browser.service",
                Some("browser.service"),
                false,
            ),
            (
                "0::/system.slice/podman-x.service/libpod-payload-1a",
                Some("podman-x.service"),
                false,
            ),
            (
                "0::/machine.slice/libpod-0123456789abcdef.scope/container",
                Some("libpod-0123456789abcdef.scope"),
                false,
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
                Some("x.service"),
                false,
            ),
            (
                "3:cpu:/\n1:name=systemd:/storage.slice/storage-preseed.slice/preseed-a.service\n",
                Some("preseed-a.service"),
                true,
            ),
            (
                "9:name=systemd:/\n0::/system.slice/b.service",
                Some("b.service"),
                false,
            ),
            ("0::/", None, false),
            ("", None, false),
        ] {
            let found = unit_in(groups);
            assert_eq!(found, (unit.map(ToOwned::to_owned), is_ours), "{groups}");
        }
    }

    #[test]
    fn the_cure_is_a_command_where_there_is_one() {
        let owner = |unit: Option<&str>| Owner {
            process: 7,
            name: "sh".into(),
            unit: unit.map(ToOwned::to_owned),
            is_ours: false,
        };
        for (unit, help) in [
            (Some("a.service"), "`systemctl restart a.service`"),
            (
                Some("libpod-0123456789abcdef.scope"),
                "`podman restart 0123456789ab`",
            ),
            (
                Some("session-3.scope"),
                "end process 7 (sh) of session-3.scope",
            ),
            (None, "end process 7 (sh)"),
        ] {
            assert_eq!(owner(unit).help(), help);
        }
    }
}
