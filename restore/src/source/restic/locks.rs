//! The locks of a repository that exclude a restore: who holds them, and whether anybody still does.

use std::fmt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use storage::local;

use super::call::Call;
use super::failure_kind::RepositoryFailure;

/// restic writes its lock anew every 5 minutes, and itself takes an older one than this for stale.
const STALE: SignedDuration = SignedDuration::from_mins(30);

/// A lock as `restic cat lock` prints it.
#[derive(Debug, Deserialize)]
pub struct Lock {
    time: Timestamp,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    pid: u32,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {} on {} since {}",
            self.pid,
            self.hostname,
            local(self.time)
        )
    }
}

/// What is known of this machine.
pub struct Machine {
    hostname: String,
    now: Timestamp,
    booted: Option<Timestamp>,
}

impl Machine {
    /// This machine, now.
    pub fn this() -> Self {
        let hostname = nix::unistd::gethostname().unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let booted = stat
            .lines()
            .find_map(|line| line.strip_prefix("btime "))
            .and_then(|seconds| Timestamp::from_second(seconds.trim().parse().ok()?).ok());
        Self {
            hostname: hostname.to_string_lossy().into_owned(),
            now: Timestamp::now(),
            booted,
        }
    }
}

impl Lock {
    /// Whether nobody holds it any more: it is too old, or its process on this machine is gone.
    pub fn is_stale(&self, machine: &Machine, runs: impl Fn(u32) -> bool) -> bool {
        let is_ours = !machine.hostname.is_empty() && self.hostname == machine.hostname;
        let before_boot = machine.booted.is_some_and(|booted| self.time < booted);
        machine.now.duration_since(self.time) > STALE
            || (is_ours && (before_boot || !runs(self.pid)))
    }
}

/// Whether a process of this number runs on this machine.
pub fn runs(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The locks that exclude all others.
///
/// # Errors
/// When they cannot be listed. One that goes away meanwhile is none.
pub fn exclusive(call: &Call<'_>) -> Result<Vec<Lock>, RepositoryFailure> {
    let mut locks = all(call)?;
    locks.retain(|lock| lock.exclusive);
    Ok(locks)
}

/// All locks.
///
/// # Errors
/// As [`exclusive`].
pub fn all(call: &Call<'_>) -> Result<Vec<Lock>, RepositoryFailure> {
    let listed = call.ask(&["list", "locks"])?;
    let mut locks = Vec::new();
    for id in listed.stdout.lines().map(str::trim) {
        let told = match call.ask(&["cat", "lock", id]) {
            Ok(told) => told,
            Err(failure) => {
                let now = call.ask(&["list", "locks"])?;
                if now.stdout.lines().any(|left| left.trim() == id) {
                    return Err(failure);
                }
                continue;
            }
        };
        match serde_json::from_str::<Lock>(&told.stdout) {
            Ok(lock) => locks.push(lock),
            Err(error) => return Err(call.unreadable("cat lock", &error).into()),
        }
    }
    Ok(locks)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_lock_is_stale_once_nobody_can_hold_it() {
        let machine = Machine {
            hostname: "here".to_owned(),
            now: "2026-11-23T08:00:00Z".parse().unwrap(),
            booted: Some("2026-11-23T07:50:00Z".parse().unwrap()),
        };
        for (time, hostname, runs, expected) in [
            ("2026-11-23T07:59:00Z", "here", true, false),
            ("2026-11-23T07:59:00Z", "here", false, true),
            ("2026-11-23T07:45:00Z", "here", true, true),
            ("2026-11-23T07:45:00Z", "there", false, false),
            ("2026-11-23T07:29:00Z", "there", false, true),
            // A clock that goes wrong makes none stale.
            ("2026-11-23T09:00:00Z", "there", false, false),
        ] {
            let lock: Lock = serde_json::from_str(&format!(
                r#"{{"time": "{time}", "exclusive": true, "hostname": "{hostname}", "username": "root", "pid": 7}}"#
            ))
            .unwrap();
            assert_eq!(lock.is_stale(&machine, |_| runs), expected, "{lock}");
        }
    }
}
