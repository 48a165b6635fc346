//! Calls of `zfs` and `zpool`.

use crate::command::{self, Ended};
use crate::{Error, Result};

/// Runs `zfs` and gives its standard output; any exit status but 0 is an error.
pub(super) fn zfs(args: &[&str]) -> Result<String> {
    let ended = try_zfs(args)?;
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(failed(args, &ended))
    }
}

/// Runs `zfs` and gives how it ended.
pub(super) fn try_zfs(args: &[&str]) -> Result<Ended> {
    command::run(&mut command::command("zfs", args))
}

/// The error that a failed call of `zfs` is. The last argument is what it was about.
pub(super) fn failed(args: &[&str], ended: &Ended) -> Error {
    failed_on(args.last().copied().unwrap_or("zfs"), ended)
}

/// The error that a failed call of `zfs` about `subject` is.
pub(super) fn failed_on(subject: &str, ended: &Ended) -> Error {
    let brief = Ended {
        line: brief(&ended.line, subject),
        status: ended.status,
        stdout: String::new(),
        stderr: ended.stderr.clone(),
    };
    brief.error(subject, cure(&brief.stderr, subject))
}

/// A command line without its many options: what was done, and to what.
fn brief(line: &str, subject: &str) -> String {
    const FEW: usize = 2;
    match line.split(' ').nth(1) {
        Some(verb) if line.matches(" -o ").count() > FEW => format!("zfs {verb} … {subject}"),
        _ => line.to_owned(),
    }
}

/// Whether `zfs` said that a dataset does not exist. It says so of datasets of missing pools as well.
pub(super) fn says_missing(ended: &Ended) -> bool {
    ended.status.code() == Some(1)
        && !ended.stderr.is_empty()
        && ended
            .stderr
            .split("; ")
            .all(|line| line.ends_with(": dataset does not exist"))
}

/// That the pool of a dataset is imported.
///
/// # Errors
/// When it is not, or when it cannot be told.
pub(super) fn pool_must_be_imported(dataset: &str) -> Result<()> {
    let pool = dataset.split('/').next().unwrap_or(dataset);
    let pools = command::run(&mut command::command("zpool", ["list", "-H", "-o", "name"]))?;
    if !pools.status.success() {
        return Err(pools.error(dataset, "see that the zfs module is loaded: `modprobe zfs`"));
    }
    if pools.stdout.lines().any(|name| name == pool) {
        return Ok(());
    }
    Err(Error::new(
        dataset,
        format!("its pool `{pool}` is not imported"),
        format!(
            "look for it with `zpool import`, import it with `zpool import {pool}`, then start the service again"
        ),
    ))
}

/// What a reader can do about what `zfs` said.
fn cure(stderr: &str, subject: &str) -> String {
    if stderr.contains("busy") {
        format!(
            "see what uses it with `fuser -vm` on its mountpoint, stop that, then start the service again ({subject})"
        )
    } else if stderr.contains("out of space") || stderr.contains("quota") {
        "see what takes the space with `zfs list -o space` and what limits it with `zfs get quota,refquota,reservation`, \
         free some or raise the limit, then start the service again"
            .to_owned()
    } else if stderr.contains("permission denied") || stderr.contains("Permission denied") {
        "run it as root".to_owned()
    } else if stderr.contains("/dev/zfs") || stderr.contains("modules") {
        "load the zfs module: `modprobe zfs`".to_owned()
    } else {
        "see `zpool status` and `zfs list`, mend what it names, then start the service again"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_many_options_is_told_in_brief() {
        let many = "zfs receive -u -o a=1 -o b=2 -o c=3 tank/x";
        assert_eq!(brief(many, "tank/x"), "zfs receive … tank/x");
        let few = "zfs get -H -o name tank/x";
        assert_eq!(brief(few, "tank/x"), few);
    }
}
