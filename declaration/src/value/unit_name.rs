use std::str::FromStr;

use super::{Invalid, UnitName, Value};
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

/// A unit's name has at most 255 bytes, and so has the name of its drop-in directory `UNIT.d`.
const LONGEST: usize = 253;

/// What a restore itself needs, or comes after: waiting for data there would be an ordering cycle,
/// which systemd breaks by not starting something.
const BEFORE_US: [&str; 30] = [
    "basic.target",
    "cryptsetup.target",
    "dbus.service",
    "emergency.target",
    "final.target",
    "local-fs-pre.target",
    "local-fs.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "paths.target",
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
    "systemd-remount-fs.service",
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
        let refuse = |why: String, cure: String| {
            Err(Invalid::new(
                format!("unit name {} {why}", quoted(text)),
                cure,
            ))
        };
        if text.is_empty() {
            return refuse("is empty".into(), "name a unit, e.g. sonarr.service".into());
        }
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.' | '\\' | '@');
        if let Some(character) = text.chars().find(|c| !allowed(*c)) {
            return refuse(
                format!("holds {}", quoted(character.encode_utf8(&mut [0; 4]))),
                "write it as `systemctl list-units` shows it".into(),
            );
        }
        let Some((stem, suffix)) = text.rsplit_once('.') else {
            return refuse(
                "has no suffix".into(),
                format!("did you mean `{text}.service`?"),
            );
        };
        if stem.is_empty() {
            return refuse(
                "is only a suffix".into(),
                "name a unit, e.g. sonarr.service".into(),
            );
        }
        if OTHER_SUFFIXES.contains(&suffix) {
            return refuse(
                format!("is of the type `{suffix}`, which cannot wait for data"),
                "name the service that uses the data (or a target, a timer)".into(),
            );
        }
        if !SUFFIXES.contains(&suffix) {
            let meant = match nearest(suffix, SUFFIXES) {
                Some(suffix) => format!("did you mean `{stem}.{suffix}`?"),
                None => format!("did you mean `{text}.service`?"),
            };
            return refuse("has no suffix that systemd knows".into(), meant);
        }
        if stem
            .rsplit_once('.')
            .is_some_and(|(_, before)| before == suffix)
        {
            return refuse(
                "has its suffix twice".into(),
                format!("did you mean `{stem}`?"),
            );
        }
        if stem.starts_with('@') {
            return refuse(
                "has nothing before `@`".into(),
                "name a unit, e.g. sonarr@1.service".into(),
            );
        }
        if stem.find('@') == Some(stem.len() - 1) {
            return refuse(
                "is a template".into(),
                format!("name an instance, e.g. `{stem}1.{suffix}`"),
            );
        }
        if text.len() > LONGEST {
            return refuse(
                format!("is {} bytes long", text.len()),
                "its drop-in directory would not fit: choose a name of at most 253 bytes".into(),
            );
        }
        let ours =
            suffix == "service" && (stem.starts_with("preseed-") || stem.starts_with("dataset-"));
        if ours {
            return refuse(
                "is one of the units that are generated".into(),
                "it cannot wait for itself: name the unit that uses the data".into(),
            );
        }
        if BEFORE_US.contains(&text) {
            return refuse(
                "is needed before data can be restored".into(),
                "it cannot wait for data: name the unit that uses the data".into(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for UnitName {
    const EXAMPLE: &'static str = "\"podman-sonarr.service\"";
}

#[cfg(test)]
mod tests {
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
                "local-fs.target",
                "unit name `local-fs.target` is needed before data can be restored: it cannot wait for data: name the unit that uses the data",
            ),
        ]);
    }
}
