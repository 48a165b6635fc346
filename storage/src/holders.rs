//! Who has the same data mounted elsewhere, and whether that stands in the way of replacing it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use declaration::value::UnitName;

use crate::mountinfo::{self, Mount};
use crate::namespaces::{self, Machine, Namespace, Owner};
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
    fn is_root_of(&self, mount: &Mount) -> bool {
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
fn within(mount: &Mount, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(&mount.point).ok()?;
    Some(if rest == Path::new("") {
        mount.root.clone()
    } else {
        mount.root.join(rest)
    })
}

/// Where a mount hangs: in which file system, and where within it. In a copy of a tree of mounts it is the same.
fn position(mount: &Mount, table: &[Mount]) -> Option<(u64, PathBuf)> {
    let parent = table.iter().find(|other| other.id == mount.parent)?;
    Some((parent.device, within(parent, &mount.point)?))
}

/// Somebody who has it mounted.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The mount.
    pub(crate) mount: Mount,
    /// How.
    pub(crate) how: How,
    /// Some of the processes that see it.
    pub(crate) owners: Vec<Owner>,
}

/// Whom the directory at the root of the data lets in.
#[derive(Debug, Clone, Copy)]
struct Door {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Door {
    fn of(service: &Service) -> Option<Self> {
        let (uid, gid) = crate::owner(service).ok()?;
        let mode = service.mode.bits();
        Some(Self { uid, gid, mode })
    }

    /// Whether a process in a user namespace of its own cannot get in. Any user can mount any directory in such a
    /// namespace, whether or not it may enter it. What cannot be told counts as no.
    fn keeps_out(self, process: u32) -> bool {
        let link = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/user"));
        let process = process.to_string();
        let (Ok(own), there) = (link("self"), link(&process)) else {
            return false;
        };
        match there {
            Ok(there) if there != own => {}
            Err(error) if namespaces::is_gone(&error) => return true,
            _ => return false,
        }
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}"));
        match (read("status"), read("uid_map"), read("gid_map")) {
            (Ok(status), Ok(users), Ok(groups)) => self.shuts_out(&status, &users, &groups),
            _ => false,
        }
    }

    /// The same, by what /proc tells of the process in our user namespace's numbers (user_namespaces(7)).
    fn shuts_out(self, status: &str, users: &str, groups: &str) -> bool {
        let has = |keys: &[&str], id: u32| {
            let lines = status.lines();
            let of_keys = lines.filter_map(|line| keys.iter().find_map(|k| line.strip_prefix(k)));
            of_keys
                .flat_map(str::split_whitespace)
                .any(|one| one.parse() == Ok(id))
        };
        // What is mapped, its root may act as.
        let maps = |map: &str, id: u32| {
            map.lines().any(|line| {
                let numbers: Vec<u64> = line.split_whitespace().flat_map(str::parse).collect();
                match numbers.as_slice() {
                    &[_, first, count] => (first..first + count).contains(&u64::from(id)),
                    _ => true,
                }
            })
        };
        let is_owner = has(&["Uid:"], self.uid) || maps(users, self.uid);
        let is_in_group = has(&["Gid:", "Groups:"], self.gid) || maps(groups, self.gid);
        !is_owner && (self.mode & 0o010 == 0 || !is_in_group) && self.mode & 0o001 == 0
    }
}

/// How somebody has it mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Where the whole machine sees it.
    Host,
    /// In a namespace of its own, by a mount of its own through which it can write.
    Own,
    /// In a namespace of its own, as part of a copy of the host's mounts.
    Copy,
    /// In a namespace of its own, where nothing can be written.
    ReadOnly,
    /// In a user namespace of its own, by somebody whom it does not let in.
    ShutOut,
    /// By preseed, or by what is left of the service itself.
    Harmless,
}

impl How {
    /// Whether it stops a restore: who has it so would go on writing where nobody looks.
    pub(crate) fn stops(self) -> bool {
        matches!(self, Self::Host | Self::Own)
    }
}

/// That nobody is left who would go on writing to what is replaced.
///
/// # Errors
/// When somebody is, with what to restart; or when somebody could be.
pub(crate) fn must_not_write(data: &str, holders: &[Holder], machine: &Machine) -> Result<()> {
    let stopping: Vec<&Holder> = holders.iter().filter(|holder| holder.how.stops()).collect();
    if let Some(first) = stopping.first() {
        return Err(Error::new(
            data,
            format!(
                "it is mounted elsewhere too, where it would be written to after it is replaced: {}",
                in_words(stopping.iter().copied())
            ),
            first.cure_of_a_restore(),
        ));
    }
    let Some(first) = machine.unknown.first() else {
        return Ok(());
    };
    Err(Error::new(
        data,
        format!(
            "whether somebody else has it mounted cannot be told: {} of the processes cannot be looked at, {first}",
            machine.unknown.len()
        ),
        "see that we run as root, with CAP_SYS_PTRACE, then start the service again",
    ))
}

/// That nobody has this data mounted elsewhere who would go on writing to it, before anything is copied: what the whole
/// machine sees of it is put back afterwards, and what propagates goes with it.
///
/// # Errors
/// When somebody has, with what to restart; or when /proc cannot be read.
pub(crate) fn nobody_must_have_it(data: &Data<'_>, name: &str, service: &Service) -> Result<()> {
    let (machine, before) = (namespaces::look()?, mountinfo::own()?);
    let mut holders = of(&machine, data, &before, service);
    holders.retain(|holder| holder.how == How::Own);
    let all_known = Machine::default();
    must_not_write(name, &holders, &all_known)
}

/// Everybody who has this data mounted. `before` is what was mounted in the host's namespace before anything was
/// unmounted: what is found in the same place elsewhere is a copy of it. The units of `service` are stopped.
pub(crate) fn of(
    machine: &Machine,
    data: &Data<'_>,
    before: &[Mount],
    service: &Service,
) -> Vec<Holder> {
    let units: Vec<&str> = service.units.iter().map(UnitName::as_str).collect();
    find(machine, data, before, &units, Door::of(service))
}

/// Everybody who has this data mounted, whatever for.
pub(crate) fn anybody(machine: &Machine, data: &Data<'_>) -> Vec<Holder> {
    find(machine, data, &[], &[], None)
}

fn find(
    machine: &Machine,
    data: &Data<'_>,
    before: &[Mount],
    units: &[&str],
    door: Option<Door>,
) -> Vec<Holder> {
    // From another root directory, the same mount is seen again, by other processes.
    let mut found: BTreeMap<u64, (&Namespace, &Mount, Vec<u32>)> = BTreeMap::new();
    for namespace in &machine.namespaces {
        for mount in namespace.mounts.iter().filter(|m| data.is_shown_by(m)) {
            let (_, _, processes) = found
                .entry(mount.id)
                .or_insert((namespace, mount, Vec::new()));
            processes.extend(&namespace.processes);
        }
    }
    found
        .into_values()
        .map(|(namespace, mount, processes)| {
            let mut holder = holder(namespace, mount, &processes, before, units);
            let keeps_out = |door: Door| processes.iter().all(|&one| door.keeps_out(one));
            // A part of it may have been come by otherwise.
            if holder.how == How::Own && data.is_root_of(mount) && door.is_some_and(keeps_out) {
                holder.how = How::ShutOut;
            }
            holder
        })
        .collect()
}

fn holder(
    namespace: &Namespace,
    mount: &Mount,
    processes: &[u32],
    before: &[Mount],
    units: &[&str],
) -> Holder {
    /// So many are named.
    const FEW: usize = 3;
    let mut owners: Vec<Owner> = Vec::new();
    let mut is_harmless = true;
    if !namespace.is_host {
        for owner in processes.iter().map(|&process| namespaces::owner(process)) {
            is_harmless &= owner.is_ours
                || owner
                    .unit
                    .as_deref()
                    .is_some_and(|unit| units.contains(&unit));
            let is_new = !owners
                .iter()
                .any(|o| o.unit.is_some() && o.unit == owner.unit);
            if is_new && owners.len() < FEW {
                owners.push(owner);
            }
        }
    }
    let place = position(mount, &namespace.mounts);
    let is_copy = |host: &&Mount| {
        host.device == mount.device
            && host.root == mount.root
            && position(host, before).is_some_and(|at| Some(at) == place)
    };
    let how = if namespace.is_host {
        How::Host
    } else if is_harmless {
        How::Harmless
    } else if mount.is_read_only() {
        How::ReadOnly
    } else if before.iter().any(|host| is_copy(&host)) {
        How::Copy
    } else {
        How::Own
    };
    Holder {
        mount: mount.clone(),
        how,
        owners,
    }
}

impl Holder {
    /// Who has it where, in words.
    pub(crate) fn in_words(&self) -> String {
        let point = shown(&self.mount.point);
        if self.how == How::Host {
            return format!("it is mounted at {point}");
        }
        let how = match self.how {
            How::ReadOnly => ", read-only",
            How::Copy => ", in a copy of the host's mounts",
            How::ShutOut => ", which does not let it in",
            _ => "",
        };
        format!("{} at {point}{how}", owners(&self.owners))
    }

    /// How the data is restored, and seen there afterwards.
    fn cure_of_a_restore(&self) -> String {
        match self.owners.first() {
            Some(owner) => format!(
                "{}, start the service again, then {}",
                owner.end(),
                owner.help()
            ),
            None => format!("{}, then start the service again", self.help()),
        }
    }

    /// What lets go of it.
    pub(crate) fn help(&self) -> String {
        match self.owners.first() {
            Some(owner) => owner.help(),
            None => format!("`umount {}`", crate::quoted(&self.mount.point)),
        }
    }
}

fn owners(owners: &[Owner]) -> String {
    let words: Vec<String> = owners.iter().map(Owner::in_words).collect();
    words.join(", ")
}

/// Several holders in words.
pub(crate) fn in_words<'a>(holders: impl IntoIterator<Item = &'a Holder>) -> String {
    /// So many are named.
    const FEW: usize = 5;
    let words: Vec<String> = holders.into_iter().map(Holder::in_words).collect();
    match words.len() {
        all if all > FEW => format!("{}; … ({all} in all)", words[..FEW].join("; ")),
        _ => words.join("; "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The host: the data at /srv/app, and bound to /var/lib/app.
    const HOST: &[u8] = b"1 0 8:1 / / rw shared:1 - ext4 /dev/sda rw\n\
        10 1 0:50 / /srv/app rw shared:2 - zfs tank/app rw\n\
        11 1 0:50 / /var/lib/app rw shared:2 - zfs tank/app rw\n";

    /// How another namespace has it, which shows these mounts.
    fn how(mounts: &[u8]) -> Vec<How> {
        let machine = Machine {
            namespaces: vec![Namespace {
                is_host: false,
                // No process has this number.
                processes: vec![u32::MAX],
                mounts: mountinfo::read(mounts).unwrap(),
            }],
            ..Machine::default()
        };
        let before = mountinfo::read(HOST).unwrap();
        find(&machine, &Data::Dataset("tank/app"), &before, &[], None)
            .iter()
            .map(|holder| holder.how)
            .collect()
    }

    #[test]
    fn a_copy_of_the_hosts_tree_is_told_from_a_mount_of_its_own() {
        let sandbox = b"101 0 8:1 / / rw master:1 - ext4 /dev/sda rw\n\
            110 101 0:50 / /srv/app rw master:2 - zfs tank/app rw\n";
        assert_eq!(how(sandbox), [How::Copy]);
        let whole_host_in_a_container = b"201 0 0:60 / / rw - overlay overlay rw\n\
            202 201 8:1 / /host rw - ext4 /dev/sda rw\n\
            210 202 0:50 / /host/srv/app rw - zfs tank/app rw\n\
            211 202 0:50 / /host/var/lib/app rw - zfs tank/app rw\n";
        assert_eq!(how(whole_host_in_a_container), [How::Copy, How::Copy]);
        let a_part_of_the_host = b"201 0 0:60 / / rw - overlay overlay rw\n\
            202 201 8:1 /srv /data rw - ext4 /dev/sda rw\n\
            210 202 0:50 / /data/app rw - zfs tank/app rw\n";
        assert_eq!(how(a_part_of_the_host), [How::Copy]);
        let volume = b"201 0 0:60 / / rw - overlay overlay rw\n\
            210 201 0:50 / /srv/app rw - zfs tank/app rw\n\
            211 201 0:50 /sub /data rw - zfs tank/app rw\n\
            212 201 0:50 / /look ro - zfs tank/app rw\n";
        assert_eq!(how(volume), [How::Own, How::Own, How::ReadOnly]);
        let beside_a_copy = b"101 0 8:1 / / rw master:1 - ext4 /dev/sda rw\n\
            110 101 0:50 / /srv/app rw master:2 - zfs tank/app rw\n\
            111 101 0:50 / /data rw master:2 - zfs tank/app rw\n\
            112 110 0:50 / /srv/app rw master:2 - zfs tank/app rw\n";
        assert_eq!(how(beside_a_copy), [How::Copy, How::Own, How::Own]);
    }

    #[test]
    fn whoever_is_not_let_in_is_told_by_its_users_and_groups() {
        let door = |mode| Door {
            uid: 70,
            gid: 71,
            mode,
        };
        let other = "Uid:\t90\t90\t90\t90\nGid:\t91\t91\t91\t91\nGroups:\t91 92 \n";
        let only_own = "0 90 1\n";
        assert!(door(0o700).shuts_out(other, only_own, "0 91 1\n"));
        assert!(door(0o750).shuts_out(other, only_own, "0 91 1\n"));
        assert!(!door(0o751).shuts_out(other, only_own, "0 91 1\n"));
        let in_group = other.replace("92", "71");
        assert!(!door(0o750).shuts_out(&in_group, only_own, "0 91 1\n"));
        assert!(door(0o700).shuts_out(&in_group, only_own, "0 91 1\n"));
        let owner = other.replace("90", "70");
        assert!(!door(0o700).shuts_out(&owner, "0 70 1\n", "0 71 1\n"));
        let rootless_container = "0 90 1\n1 60 1000\n";
        assert!(!door(0o700).shuts_out(other, rootless_container, "0 91 1\n"));
        assert!(!door(0o700).shuts_out(other, "what is this\n", "0 91 1\n"));
        // Of this process: it is in our user namespace.
        assert!(!door(0o700).keeps_out(std::process::id()));
    }

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
