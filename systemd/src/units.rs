//! What is asked of the running systemd, and only when data is to be restored.

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;
use storage::{Error, ErrorKind, Result};

use crate::show::show;
use crate::systemctl::start_patiently;

/// That none of the service's units is running: their data must not be replaced below them.
///
/// # Errors
/// When one is running, or when it cannot be told.
pub fn must_be_stopped(service: &Service) -> Result<()> {
    if !booted() {
        return Ok(());
    }
    let names = service.units.iter().map(UnitName::as_str);
    for unit in show("ActiveState,MainPID", names)?.iter() {
        let name = unit.id();
        let Some(state) = unit.get("ActiveState") else {
            return Err(Error::new(
                service.name.as_str(),
                format!("systemd does not say whether {name} is running"),
                "see that systemd answers: `systemctl status`",
            )
            .of_kind(ErrorKind::Unreachable));
        };
        // A unit that is activating waits for us, unless it has a process already.
        let running = matches!(state, "active" | "reloading" | "deactivating")
            || unit.get("MainPID").is_some_and(|pid| pid != "0");
        if running {
            return Err(Error::new(
                service.name.as_str(),
                format!("its data is missing, but {name} is running"),
                format!("`systemctl stop {name}`, then start it again: that restores"),
            )
            .of_kind(ErrorKind::Busy));
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
