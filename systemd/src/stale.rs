//! A mount unit of a dataset that is no more: zfs-mount-generator(8) makes it from a list that is not always up to date. It
//! fails at boot, and with it whatever requires it (`RequiresMountsFor=`, as each quadlet with a volume does), before the
//! dataset is made and restored.

use std::path::Path;

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;

use crate::mount::unit_of;
use crate::systemctl::systemctl;

/// The service's units that were to be started at boot, and failed only since the mount unit of `place` did: they are
/// started once something is mounted there. Asked before that; None if systemd cannot be asked.
#[must_use]
pub fn kept_down_at<'a>(service: &'a Service, place: &Path) -> Vec<&'a str> {
    let units: Vec<&str> = service.units.iter().map(UnitName::as_str).collect();
    let Some(mount) = unit_of(place).filter(|_| booted() && process::systemd_runs_us()) else {
        return Vec::new();
    };
    let properties =
        "--property=Id,ActiveState,UnitFileState,ActiveEnterTimestampMonotonic,Job,RequiredBy";
    let args = ["show", properties, "--", &mount];
    let asked = systemctl(args.into_iter().chain(units.iter().copied()));
    let told = asked.map(|ended| ended.stdout).unwrap_or_default();
    let kept_down = kept_down(&told);
    units
        .into_iter()
        .filter(|unit| kept_down.contains(unit))
        .collect()
}

/// Starts these units, without waiting for it.
pub fn start(units: &[&str]) {
    if units.is_empty() {
        return;
    }
    let args = ["start", "--no-block", "--"];
    // What does not start is told by systemd.
    let _ = systemctl(args.into_iter().chain(units.iter().copied()));
}

/// The units that failed for the mount unit, in what `systemctl show` printed of it and of them.
fn kept_down(shown: &str) -> Vec<&str> {
    let mut blocks = shown.split("\n\n").map(|block| {
        move |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        }
    });
    let Some(mount) = blocks.next() else {
        return Vec::new();
    };
    if mount("ActiveState") != Some("failed") {
        return Vec::new();
    }
    let required_by: Vec<&str> = mount("RequiredBy").unwrap_or_default().split(' ').collect();
    blocks
        .filter(|unit| {
            unit("ActiveState") == Some("inactive")
                // It never was active in this boot, and is not about to be.
                && unit("ActiveEnterTimestampMonotonic") == Some("0")
                && matches!(unit("Job"), None | Some("" | "0"))
                && matches!(
                    unit("UnitFileState"),
                    Some("enabled" | "enabled-runtime" | "generated")
                )
        })
        .filter_map(|unit| unit("Id"))
        .filter(|unit| required_by.contains(unit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mount: &str, unit: &str) -> String {
        format!(
            "Id=srv-a.mount\nActiveState={mount}\nUnitFileState=generated\nRequiredBy=b.service a.service\n\n\
             Id=a.service\nActiveEnterTimestampMonotonic=0\n{unit}\n"
        )
    }

    #[test]
    fn only_what_failed_at_boot_for_the_mount_is_started() {
        let enabled = "ActiveState=inactive\nUnitFileState=enabled";
        assert_eq!(kept_down(&shown("failed", enabled)), ["a.service"]);
        for (mount, unit) in [
            ("active", enabled),
            ("failed", "ActiveState=active\nUnitFileState=enabled"),
            ("failed", "ActiveState=inactive\nUnitFileState=disabled"),
            (
                "failed",
                "ActiveState=inactive\nUnitFileState=enabled\nJob=77",
            ),
        ] {
            assert!(kept_down(&shown(mount, unit)).is_empty(), "{mount} {unit}");
        }
        let was_active = shown("failed", enabled).replace("Monotonic=0", "Monotonic=5");
        assert!(kept_down(&was_active).is_empty());
        let another = shown("failed", enabled).replace("b.service a.service", "b.service");
        assert!(kept_down(&another).is_empty());
        assert!(kept_down("").is_empty());
    }
}
