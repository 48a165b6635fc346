use std::str::FromStr;

use super::invalid::Invalid;
use super::types::UnitName;
use super::written::Value;
use crate::quote::{nearest, quoted};

/// The kinds of unit that can wait for data.
const SUFFIXES: [&str; 3] = ["service", "target", "timer"];

/// The other kinds of unit (systemd.unit(5)). Sockets, paths and mounts come before basic.target,
/// which a restore comes after: waiting for data would be an ordering cycle.
const OTHER_SUFFIXES: [&str; 8] = [
    "socket",
    "path",
    "mount",
    "slice",
    "scope",
    "device",
    "swap",
    "automount",
];

/// Quadlet files that become a service, and what is put to their names (podman-systemd.unit(5)).
const QUADLETS: [(&str, &str); 3] = [("container", ""), ("kube", ""), ("pod", "-pod")];

/// What logins and most other units hang on: were its data out of reach, nobody could log in and mend it.
const FOR_ALL: [&str; 18] = [
    "NetworkManager.service",
    "dbus-broker.service",
    "default.target",
    "getty-pre.target",
    "getty.target",
    "graphical.target",
    "multi-user.target",
    "network-manager.service",
    "nss-lookup.target",
    "nss-user-lookup.target",
    "remote-fs.target",
    "ssh.service",
    "sshd.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-user-sessions.service",
    "time-sync.target",
    "timers.target",
];

/// The same: terminals and users' managers, one for each.
const FOR_ALL_INSTANCES: [&str; 7] = [
    "autovt",
    "container-getty",
    "getty",
    "serial-getty",
    "ssh",
    "sshd",
    "user",
];

/// A unit's name has at most 255 bytes, and so has the name of its drop-in directory `UNIT.d`.
const LONGEST: usize = 253;

/// What a restore itself needs, or comes after: waiting for data there would be an ordering cycle,
/// which systemd breaks by not starting something.
const BEFORE_US: [&str; 40] = [
    "apparmor.service",
    "basic.target",
    "cryptsetup.target",
    "dbus.service",
    "emergency.target",
    "final.target",
    "initrd.target",
    "keyboard-setup.service",
    "local-fs-pre.target",
    "local-fs.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "paths.target",
    "networking.service",
    "nftables.service",
    "remote-fs-pre.target",
    "rescue.target",
    "shutdown.target",
    "slices.target",
    "sockets.target",
    "storage-datasets.target",
    "storage-preseed.target",
    "swap.target",
    "sysinit.target",
    "systemd-journald.service",
    "systemd-modules-load.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-sysctl.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-setup.service",
    "systemd-udevd.service",
    "umount.target",
    "zfs-import-cache.service",
    "zfs-import-scan.service",
    "zfs-import.target",
    "zfs-load-key.service",
    "zfs-mount.service",
];

/// The rules are `unit_name_is_valid`'s, for plain names and instances.
impl FromStr for UnitName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some((why, help)) => Err(Invalid::new(
                format!("unit name {} {why}", quoted(text)),
                help,
            )),
        }
    }
}

/// What is wrong with a unit's name, and what to do.
type Fault = (String, String);

fn fault(text: &str) -> Option<Fault> {
    if text.is_empty() {
        return Some(("is empty".into(), "name a unit, e.g. sonarr.service".into()));
    }
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
    if let Some(character) = text.chars().find(|c| !allowed(*c)) {
        return Some((
            format!("holds {}", quoted(character.encode_utf8(&mut [0; 4]))),
            "write it as `systemctl list-units` shows it".into(),
        ));
    }
    let Some((stem, suffix)) = text.rsplit_once('.') else {
        return Some((
            "has no suffix".into(),
            format!("did you mean `{text}.service`?"),
        ));
    };
    if stem.is_empty() {
        return Some((
            "is only a suffix".into(),
            "name a unit, e.g. sonarr.service".into(),
        ));
    }
    fault_of_suffix(stem, suffix)
        .or_else(|| fault_of_stem(stem, suffix))
        .or_else(|| {
            (text.len() > LONGEST).then(|| {
                (
                    format!("is {} bytes long", text.len()),
                    "its drop-in directory would not fit: choose a name of at most 253 bytes"
                        .into(),
                )
            })
        })
        .or_else(|| generated(stem, suffix))
        .or_else(|| needed_by_others(text).map(|(why, help)| (why.into(), help.into())))
}

/// What is wrong with what follows the last `.`.
fn fault_of_suffix(stem: &str, suffix: &str) -> Option<Fault> {
    if let Some((_, added)) = QUADLETS.iter().find(|(kind, _)| *kind == suffix) {
        return Some((
            "is the file of a quadlet".into(),
            format!(
                "name the service that podman makes of it: `{stem}{added}.service`, unless its `ServiceName=` says another"
            ),
        ));
    }
    if OTHER_SUFFIXES.contains(&suffix) {
        return Some((
            format!("is of the type `{suffix}`, which cannot wait for data"),
            "name the service that uses the data (or a target, a timer)".into(),
        ));
    }
    if !SUFFIXES.contains(&suffix) {
        let meant = match nearest(suffix, SUFFIXES) {
            Some(suffix) => format!("did you mean `{stem}.{suffix}`?"),
            None => format!("did you mean `{stem}.{suffix}.service`?"),
        };
        return Some(("has no suffix that systemd knows".into(), meant));
    }
    None
}

/// What is wrong with what precedes the last `.`.
fn fault_of_stem(stem: &str, suffix: &str) -> Option<Fault> {
    if stem
        .rsplit_once('.')
        .is_some_and(|(_, before)| before == suffix)
    {
        return Some((
            "has its suffix twice".into(),
            format!("did you mean `{stem}`?"),
        ));
    }
    if stem.starts_with('@') {
        return Some((
            "has nothing before `@`".into(),
            "name a unit, e.g. sonarr@1.service".into(),
        ));
    }
    (stem.find('@') == Some(stem.len() - 1)).then(|| {
        (
            "is a template".into(),
            format!("name an instance, e.g. `{stem}1.{suffix}`"),
        )
    })
}

/// Why a unit that preseed itself generates cannot wait for data.
fn generated(stem: &str, suffix: &str) -> Option<Fault> {
    let is_ours =
        suffix == "service" && (stem.starts_with("preseed-") || stem.starts_with("dataset-"));
    is_ours.then(|| {
        (
            "is one of the units that are generated".into(),
            "it cannot wait for itself: name the unit that uses the data".into(),
        )
    })
}

/// Why a unit cannot wait for data since others need it, and what to do; `None` if none is known to.
fn needed_by_others(unit: &str) -> Option<(&'static str, &'static str)> {
    if BEFORE_US.contains(&unit) {
        return Some((
            "is needed before data can be restored",
            "it cannot wait for data: name the unit that uses the data",
        ));
    }
    let is_for_all_instance = || {
        let (template, instance) = unit.split_once('@')?;
        Some(FOR_ALL_INSTANCES.contains(&template) && instance.ends_with(".service"))
    };
    if FOR_ALL.contains(&unit) || is_for_all_instance().unwrap_or_default() {
        return Some((
            "is what the rest of the machine hangs on",
            "without the data, nobody could log in to mend it: name the service that uses the data",
        ));
    }
    None
}

impl Value for UnitName {
    const EXAMPLE: &'static str = "\"podman-sonarr.service\"";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::too_many_lines, reason = "tables of cases")]

    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn unit_names() {
        let long = format!("{}.service", "x".repeat(245));
        takes::<UnitName>(&[
            "sonarr.service",
            "podman-sonarr.service",
            "a@b.service",
            "a@b@c.service",
            r"a\x2db.service",
            "x.target",
            "x.timer",
            "a.b.service",
            "preseed.service",
            "preseed-x.timer",
            "x.socket.service",
            &long,
        ]);
        let too_long = format!("{}.service", "x".repeat(246));
        refuses::<UnitName>(&[
            (
                "",
                "unit name `` is empty: name a unit, e.g. sonarr.service",
            ),
            (
                "foo",
                "unit name `foo` has no suffix: did you mean `foo.service`?",
            ),
            (
                "foo.bar",
                "unit name `foo.bar` has no suffix that systemd knows: did you mean `foo.bar.service`?",
            ),
            (
                "foo.servise",
                "unit name `foo.servise` has no suffix that systemd knows: did you mean `foo.service`?",
            ),
            (
                "foo.",
                "unit name `foo.` has no suffix that systemd knows: did you mean `foo..service`?",
            ),
            (
                ".service",
                "unit name `.service` is only a suffix: name a unit, e.g. sonarr.service",
            ),
            (
                "foo.service.service",
                "unit name `foo.service.service` has its suffix twice: did you mean `foo.service`?",
            ),
            (
                "foo@.service",
                "unit name `foo@.service` is a template: name an instance, e.g. `foo@1.service`",
            ),
            (
                "@a.service",
                "unit name `@a.service` has nothing before `@`: name a unit, e.g. sonarr@1.service",
            ),
            (
                "user.slice",
                "unit name `user.slice` is of the type `slice`, which cannot wait for data: name the service that uses the data (or a target, a timer)",
            ),
            (
                "x.socket",
                "unit name `x.socket` is of the type `socket`, which cannot wait for data: name the service that uses the data (or a target, a timer)",
            ),
            (
                "a b.service",
                "unit name `a b.service` holds ` `: write it as `systemctl list-units` shows it",
            ),
            (
                "a/b.service",
                "unit name `a/b.service` holds `/`: write it as `systemctl list-units` shows it",
            ),
            (
                "%i.service",
                "unit name `%i.service` holds `%`: write it as `systemctl list-units` shows it",
            ),
            (
                "a\nb.service",
                r"unit name `a\nb.service` holds `\n`: write it as `systemctl list-units` shows it",
            ),
            (
                &too_long,
                &format!(
                    "unit name `{}…` is 254 bytes long: its drop-in directory would not fit: choose a name of at most 253 bytes",
                    &too_long[..80]
                ),
            ),
        ]);
    }

    #[test]
    fn units_that_cannot_wait() {
        refuses::<UnitName>(&[
            (
                "preseed-x.service",
                "unit name `preseed-x.service` is one of the units that are generated: it cannot wait for itself: name the unit that uses the data",
            ),
            (
                "dataset-x.service",
                "unit name `dataset-x.service` is one of the units that are generated: it cannot wait for itself: name the unit that uses the data",
            ),
            (
                "storage-preseed.target",
                "unit name `storage-preseed.target` is needed before data can be restored: it cannot wait for data: name the unit that uses the data",
            ),
            (
                "systemd-timesyncd.service",
                "unit name `systemd-timesyncd.service` is needed before data can be restored: it cannot wait for data: name the unit that uses the data",
            ),
            (
                "multi-user.target",
                "unit name `multi-user.target` is what the rest of the machine hangs on: without the data, nobody could log in to mend it: name the service that uses the data",
            ),
            (
                "getty@tty1.service",
                "unit name `getty@tty1.service` is what the rest of the machine hangs on: without the data, nobody could log in to mend it: name the service that uses the data",
            ),
            (
                "ssh.service",
                "unit name `ssh.service` is what the rest of the machine hangs on: without the data, nobody could log in to mend it: name the service that uses the data",
            ),
            (
                "sonarr.container",
                "unit name `sonarr.container` is the file of a quadlet: name the service that podman makes of it: `sonarr.service`, unless its `ServiceName=` says another",
            ),
            (
                "media.pod",
                "unit name `media.pod` is the file of a quadlet: name the service that podman makes of it: `media-pod.service`, unless its `ServiceName=` says another",
            ),
            (
                "local-fs.target",
                "unit name `local-fs.target` is needed before data can be restored: it cannot wait for data: name the unit that uses the data",
            ),
        ]);
    }
}
