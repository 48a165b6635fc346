//! What is asked of the running systemd, and only when data is to be restored.

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;
use storage::{Error, Result};

use crate::systemctl::{start_patiently, systemctl};

/// That none of the service's units is running: their data must not be replaced below them.
///
/// # Errors
/// When one is running, or when it cannot be told.
pub fn must_be_stopped(service: &Service) -> Result<()> {
    if !booted() {
        return Ok(());
    }
    let names: Vec<&str> = service.units.iter().map(UnitName::as_str).collect();
    let args = [
        &["show", "--property=Id,ActiveState,MainPID", "--"],
        &names[..],
    ]
    .concat();
    let ended = systemctl(args)?;
    if !ended.status.success() {
        return Err(ended.error(
            service.name.as_str(),
            "see that systemd answers: `systemctl status`",
        ));
    }
    // One block of lines per unit, in systemd's own order.
    for block in ended.stdout.split("\n\n") {
        let value = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let unit = value("Id").unwrap_or_default();
        let Some(state) = value("ActiveState") else {
            return Err(Error::new(
                service.name.as_str(),
                format!("systemd does not say whether {unit} is running"),
                "see that systemd answers: `systemctl status`",
            ));
        };
        // A unit that is activating waits for us, unless it has a process already.
        let running = matches!(state, "active" | "reloading" | "deactivating")
            || value("MainPID").is_some_and(|pid| pid != "0");
        if running {
            return Err(Error::new(
                service.name.as_str(),
                format!("its data is missing, but {unit} is running"),
                format!("`systemctl stop {unit}`, then start it again: that restores"),
            ));
        }
    }
    Ok(())
}

/// Waits until the network is there. If it is not in time, the source that needs it will say so.
pub fn wait_for_network() {
    if booted() {
        start_patiently("network-online.target");
    }
}
