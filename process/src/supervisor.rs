//! Who started this process.

/// Whether systemd started exactly this process, for a unit. What it starts has the unit's environment as well, as a
/// shell in a terminal's scope has, so only `$SYSTEMD_EXEC_PID` tells (systemd.exec(5), from 248 on).
#[must_use]
pub fn systemd_runs_us() -> bool {
    let told = std::env::var("SYSTEMD_EXEC_PID").ok();
    told.and_then(|told| told.parse().ok()) == Some(std::process::id())
}
