//! Processes, measured as a whole.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a command takes from its start to its end.
///
/// # Errors
/// It cannot be started, or fails.
pub(crate) fn wall(command: &mut Command) -> anyhow::Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let time = start.elapsed();
    let status = status.with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(time)
}

/// The most memory that a command has at one time, in bytes, as GNU time tells it. What this
/// program has does not count, as it would for a child of its own (getrusage(2)).
///
/// # Errors
/// It cannot be started, or fails.
pub(crate) fn peak(command: &Command) -> anyhow::Result<u64> {
    let mut time = Command::new("time");
    time.args(["--format=%M", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        time.env(name, value.unwrap_or_default());
    }
    let said = succeed(&mut time)?;
    let said = String::from_utf8_lossy(&said.stderr);
    let kilobytes = said
        .lines()
        .last()
        .and_then(|line| line.trim().parse().ok());
    let kilobytes: u64 = kilobytes.with_context(|| format!("{time:?} said {said:?}"))?;
    Ok(kilobytes * 1024)
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be started, or fails.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<Output> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}: {}", output.status, stderr.trim_end());
    }
    Ok(output)
}
