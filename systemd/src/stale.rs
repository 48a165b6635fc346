//! A mount unit of a dataset that is no more: zfs-mount-generator(8) makes it from a list that is not always up to date. It
//! fails at boot, and with it whatever requires it (`RequiresMountsFor=`, as each quadlet with a volume does), before the
//! dataset is made and restored.

use std::path::Path;

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;

use crate::mount::unit_of;
use crate::show::{Units, show};
use crate::systemctl::systemctl;

/// What is asked of the mount unit and of the service's units.
const PROPERTIES: &str =
    "ActiveState,UnitFileState,ActiveEnterTimestampMonotonic,Job,RequiredBy,WantedBy";

/// The service's units that were to be started at boot, and failed only since the mount unit of `place` did: they are
/// started once something is mounted there. Asked before that; none if systemd cannot be asked.
#[must_use]
pub fn kept_down_at<'a>(service: &'a Service, place: &Path) -> Vec<&'a str> {
    let units = service.units.iter().map(UnitName::as_str);
    let Some(mount) = unit_of(place).filter(|_| booted() && process::systemd_runs_us()) else {
        return Vec::new();
    };
    let asked = show(PROPERTIES, units.clone().chain([mount.as_str()]));
    let shown = asked.unwrap_or_default();
    units
        .filter(|unit| is_kept_down(&shown, &mount, unit))
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

/// Whether a unit failed since the mount unit did, as far as these say.
fn is_kept_down(shown: &Units, mount: &str, unit: &str) -> bool {
    let (Some(mount), Some(unit)) = (shown.get(mount), shown.get(unit)) else {
        return false;
    };
    let is_wanted = match unit.value("UnitFileState") {
        "enabled" | "enabled-runtime" => true,
        // What a generator made may be started by nothing.
        "generated" => ["WantedBy", "RequiredBy"]
            .iter()
            .any(|by| unit.words(by).next().is_some()),
        _ => false,
    };
    // It never was active in this boot, and is not about to be.
    let was_never_active = unit.value("ActiveState") == "inactive"
        && unit.value("ActiveEnterTimestampMonotonic") == "0"
        && matches!(unit.value("Job"), "" | "0");
    mount.value("ActiveState") == "failed"
        && mount.words("RequiredBy").any(|by| unit.has_name(by))
        && is_wanted
        && was_never_active
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a.service is kept down, as systemd shows the state of a mount unit that these require, and of the service.
    fn is_kept_down_by(mount: &str, required_by: &str, service: &str) -> bool {
        let shown = Units::parse(&format!(
            "Id=srv-a.mount\nActiveState={mount}\nUnitFileState=generated\nRequiredBy={required_by}\n\n\
             Id=a.service\n{service}\n"
        ));
        is_kept_down(&shown, "srv-a.mount", "a.service")
    }

    #[test]
    fn only_what_failed_at_boot_for_the_mount_is_started() {
        let both = "b.service a.service";
        let enabled =
            "ActiveEnterTimestampMonotonic=0\nActiveState=inactive\nUnitFileState=enabled";
        assert!(is_kept_down_by("failed", both, enabled));
        assert!(!is_kept_down_by("active", both, enabled));
        assert!(!is_kept_down_by("failed", "b.service", enabled));
        for (from, to) in [
            ("=inactive", "=active"),
            ("=enabled", "=disabled"),
            ("=enabled", "=enabled\nJob=77"),
            ("Monotonic=0", "Monotonic=5"),
        ] {
            let other = enabled.replace(from, to);
            assert!(!is_kept_down_by("failed", both, &other), "{other}");
        }
        let generated = enabled.replace("=enabled", "=generated");
        assert!(!is_kept_down_by("failed", both, &generated));
        let wanted = format!("{generated}\nWantedBy=multi-user.target");
        assert!(is_kept_down_by("failed", both, &wanted));
        assert!(!is_kept_down(&Units::default(), "srv-a.mount", "a.service"));
    }
}
