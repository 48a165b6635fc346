//! Programs of systemd's, which answer soon or not at all.

use std::ffi::OsStr;
use std::time::Duration;

use storage::Result;
use storage::command::{Ended, command};
use storage::watched::run_within;

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(30);

/// How long what may take its time at boot is waited for: a network, a mount.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs `systemctl` with `args`, and gives what it said, whatever its exit status.
///
/// # Errors
/// When it cannot be started, or gives no answer.
pub fn systemctl<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Ended> {
    run_within(&mut command("systemctl", args), ANSWER)
}

/// Starts a unit, and waits a while until it is. Whether it came is seen by who needs it.
pub(crate) fn start_patiently(unit: &str) {
    let args = ["start", "--", unit];
    let _ = run_within(&mut command("systemctl", args), PATIENCE);
}

/// Has a unit started, and does not wait until it is.
///
/// # Errors
/// When systemd does not take it up.
pub fn start_at_once(unit: &str) -> Result<()> {
    let ended = systemctl(["start", "--no-block", "--", unit])?;
    if ended.status.success() {
        return Ok(());
    }
    let help = format!("see `systemctl status {unit}`, then `systemctl start {unit}`");
    Err(ended.error(unit, help))
}

/// How long units are waited for that are told to do something: as long as the slowest of them may take.
const DONE: Duration = Duration::from_mins(15);

/// Tells units to `start` or `stop`, and waits until they have.
///
/// # Errors
/// When it cannot be started, or takes too long.
pub(crate) fn told_to(verb: &str, units: &[String]) -> Result<Ended> {
    let args = [verb, "--"]
        .into_iter()
        .chain(units.iter().map(String::as_str));
    run_within(&mut command("systemctl", args), DONE)
}

/// Runs `systemd-run` with `args`. Gives whether it did what it was told.
pub(crate) fn systemd_run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> bool {
    let ended = run_within(&mut command("systemd-run", args), ANSWER);
    ended.is_ok_and(|ended| ended.status.success())
}
