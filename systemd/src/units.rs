//! What is asked of the running systemd, and only when data is to be restored.

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;
use storage::{Error, ErrorKind, Result};

use crate::show::show;
use crate::systemctl::{start_patiently, systemctl, told_to};

/// That none of the service's units is running: their data must not be replaced below them.
///
/// # Errors
/// When one is running, or when it cannot be told.
pub fn must_be_stopped(service: &Service) -> Result<()> {
    match running(service)?.first() {
        None => Ok(()),
        Some(name) => Err(Error::new(
            service.name.as_str(),
            format!("its data is missing, but {name} is running"),
            format!("`systemctl stop {name}`, then start it again: that restores"),
        )
        .of_kind(ErrorKind::Busy)),
    }
}

/// Those of the service's units that are running.
///
/// # Errors
/// When it cannot be told.
pub fn running(service: &Service) -> Result<Vec<String>> {
    let mut running = Vec::new();
    if !booted() {
        return Ok(running);
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
        let is_running = matches!(state, "active" | "reloading" | "deactivating")
            || unit.get("MainPID").is_some_and(|pid| pid != "0");
        if is_running {
            running.push(name.to_owned());
        }
    }
    Ok(running)
}

/// Stops these units, and waits until they are stopped.
///
/// # Errors
/// When one is not in time.
pub fn stop(units: &[String]) -> Result<()> {
    change("stop", units)
}

/// Starts these units, and waits until they are started. It is a person who has them started: how often they were before
/// does not count (systemd.unit(5), `StartLimitBurst=`).
///
/// # Errors
/// When one is not in time.
pub fn start(units: &[String]) -> Result<()> {
    if !units.is_empty() {
        // Of one that is not loaded any more there is nothing to forget.
        told_to("reset-failed", units)?;
    }
    change("start", units)
}

/// Tells systemd to start these units, and does not wait for them.
///
/// # Errors
/// When it does not answer.
pub fn start_later(units: &[String]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let args = ["start", "--no-block", "--"].into_iter();
    systemctl(args.chain(units.iter().map(String::as_str))).map(drop)
}

fn change(verb: &str, units: &[String]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let ended = told_to(verb, units)?;
    if ended.status.success() {
        return Ok(());
    }
    let units = units.join(" ");
    Err(ended.error(&units, format!("see why with `systemctl status {units}`")))
}

/// Waits until the network is there. If it is not in time, the source that needs it will say so.
pub fn wait_for_network() {
    if booted() {
        start_patiently("network-online.target");
    }
}
