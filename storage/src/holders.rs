//! Who has the same data mounted elsewhere, and whether that stands in the way of replacing it.

mod data;
mod door;
mod holder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use declaration::settings::Service;
use declaration::value::UnitName;

use crate::mountinfo::{self, Mount};
use crate::namespaces::{self, Machine, Namespace, Owner};
use crate::{Error, ErrorKind, Result};

use data::within;
pub(crate) use data::{Data, of_directory};
use door::Door;
pub(crate) use holder::{Holder, How, in_words};

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
        ).of_kind(ErrorKind::Busy));
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
    ).of_kind(ErrorKind::Permission))
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

/// Where a mount hangs: in which file system, and where within it. In a copy of a tree of mounts it is the same.
fn position(mount: &Mount, table: &[Mount]) -> Option<(u64, PathBuf)> {
    let parent = table.iter().find(|other| other.id == mount.parent)?;
    Some((parent.device, within(parent, &mount.point)?))
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
}
