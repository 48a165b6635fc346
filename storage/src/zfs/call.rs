//! Calls of `zfs` and `zpool`.

use std::ffi::OsStr;
use std::fs::File;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::words;
use crate::command::{self, Ended};
use crate::error::ErrorKind;
use crate::stall::Stall;
use crate::watched::{GivenUp, Watched, watch};
use crate::{Error, Result};

/// How long a call may take at least before it is given up, in seconds: a busy machine is not a stuck one.
const AT_LEAST: u64 = 20;

/// How long a call may stand still, in seconds. A process works for one service.
static STALL_LIMIT: AtomicU64 = AtomicU64::new(600);

/// From now on, calls may stand still for as long as a restore of the service may (`stall-timeout`).
pub(crate) fn wait_at_most(stall_timeout: Duration) {
    STALL_LIMIT.store(stall_timeout.as_secs().max(AT_LEAST), Ordering::Relaxed);
}

/// Runs `zfs` and gives its standard output; any exit status but 0 is an error.
pub(crate) fn zfs<S: AsRef<OsStr>>(args: &[S]) -> Result<String> {
    let ended = try_zfs(args)?;
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(failed(args, &ended))
    }
}

/// Runs `zfs` and gives its standard output as it is; any exit status but 0 is an error.
pub(super) fn zfs_bytes<S: AsRef<OsStr>>(args: &[S]) -> Result<Vec<u8>> {
    let watched = bounded("zfs", args)?;
    if watched.ended.status.success() {
        Ok(watched.stdout)
    } else {
        Err(failed(args, &watched.ended))
    }
}

/// Runs `zpool` and gives its standard output; any exit status but 0 is an error.
pub(super) fn zpool<S: AsRef<OsStr>>(args: &[S]) -> Result<String> {
    let ended = bounded("zpool", args)?.ended;
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(failed(args, &ended))
    }
}

/// Runs `zfs` and gives how it ended.
pub(super) fn try_zfs<S: AsRef<OsStr>>(args: &[S]) -> Result<Ended> {
    Ok(bounded("zfs", args)?.ended)
}

/// Runs `zfs`, which reads `input`, and gives how it ended.
pub(super) fn try_zfs_on<S: AsRef<OsStr>>(args: &[S], input: File) -> Result<Ended> {
    Ok(bounded_on("zfs", args, input.into())?.ended)
}

/// Why a call is given up.
enum Stuck {
    /// Its pool, which is suspended.
    Suspended(String),
    /// It stood still for too long.
    Stalled(Stall),
}

/// Runs a program of ZFS. It is given up if its pool is suspended, or if it stands still for too long. Only a question
/// is then ended: a change is never killed for the time it takes.
fn bounded<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<Watched<()>> {
    bounded_on(program, args, Stdio::null())
}

/// See [`bounded`]; with what the program reads.
fn bounded_on<S: AsRef<OsStr>>(program: &str, args: &[S], input: Stdio) -> Result<Watched<()>> {
    let pools = pools_of(args);
    if let Some(pool) = pools.iter().find(|pool| is_suspended(pool)) {
        return Err(suspended(pool));
    }
    let then = if is_question(args) {
        GivenUp::IsEnded
    } else {
        GivenUp::IsLeft
    };
    let mut stall = Stall::of_less(stall_limit(), 1);
    let mut command = command::command(program, args);
    let watched = watch(command.stdin(input), then, |seen| {
        if let Some(pool) = pools.iter().find(|pool| is_suspended(pool)) {
            return Some(Stuck::Suspended(pool.clone()));
        }
        stall
            .is_over(seen.told)
            .then_some(Stuck::Stalled(stall.clone()))
    })?;
    match watched.given_up {
        None => Ok(Watched {
            ended: watched.ended,
            stdout: watched.stdout,
            io: watched.io,
            said: watched.said,
            given_up: None,
        }),
        Some(Stuck::Suspended(pool)) => Err(suspended(&pool)),
        Some(Stuck::Stalled(stall)) => Err(Error::new(
            format!("`{}`", watched.ended.line),
            format!(
                "it has not ended within {} s (stall-timeout){}",
                stall.still().as_secs(),
                match then {
                    GivenUp::IsEnded => "",
                    GivenUp::IsLeft => ", and is left to itself",
                }
            ),
            "see `zpool status` and `journalctl -k` for what it waits for, then start the service again",
        )
        .of_kind(ErrorKind::Timeout)),
    }
}

/// Whether a call only asks something.
fn is_question<S: AsRef<OsStr>>(args: &[S]) -> bool {
    let verb = args.first().map(AsRef::as_ref);
    let is = |words: &[&str]| words.iter().any(|word| verb == Some(OsStr::new(word)));
    is(&["get", "list", "diff", "holds", "send", "status", "userspace", "groupspace", "projectspace"])
        // With more than a dataset, it sets something.
        || is(&["allow"]) && args.len() == 2
}

fn stall_limit() -> Duration {
    match STALL_LIMIT.load(Ordering::Relaxed) {
        u64::MAX => Duration::MAX,
        seconds => Duration::from_secs(seconds),
    }
}

/// The pools of the datasets that are named.
fn pools_of<S: AsRef<OsStr>>(args: &[S]) -> Vec<String> {
    let mut pools: Vec<String> = args
        .iter()
        .skip(1)
        .filter_map(|arg| arg.as_ref().to_str())
        .filter(|arg| !arg.starts_with('-') && !arg.contains('='))
        .filter_map(|arg| arg.split(['/', '@', '#']).next())
        .filter(|pool| pool.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(ToOwned::to_owned)
        .collect();
    pools.sort_unstable();
    pools.dedup();
    pools
}

/// Whether a pool is suspended: whatever asks for it then waits in the kernel, so this is read without asking ZFS.
pub(super) fn is_suspended(pool: &str) -> bool {
    std::fs::read_to_string(format!("/proc/spl/kstat/zfs/{pool}/state"))
        .is_ok_and(|state| state.trim() == "SUSPENDED")
}

/// The error that a pool is suspended.
pub(super) fn suspended(pool: &str) -> Error {
    Error::new(
        pool,
        "the pool is suspended: its disks do not answer, and whatever uses it waits",
        format!(
            "see `zpool status {pool}`, bring its disks back, `zpool clear {pool}`, then start the service again"
        ),
    )
    .of_kind(ErrorKind::Suspended)
}

/// The error that a failed call of `zfs` is. The last argument is what it was about.
pub(super) fn failed<S: AsRef<OsStr>>(args: &[S], ended: &Ended) -> Error {
    let subject = args.last().map(|arg| arg.as_ref().to_string_lossy());
    failed_on(&subject.unwrap_or("zfs".into()), ended)
}

/// The error that a failed call of `zfs` about `subject` is.
pub(super) fn failed_on(subject: &str, ended: &Ended) -> Error {
    let brief = Ended {
        line: brief(&ended.line, subject),
        status: ended.status,
        stdout: String::new(),
        stderr: ended.stderr.clone(),
        stderr_lines: String::new(),
    };
    let kind = words::kind(&brief.stderr);
    brief.error(subject, help(kind, subject)).of_kind(kind)
}

/// A command line without its many options: what was done, and to what.
fn brief(line: &str, subject: &str) -> String {
    const FEW: usize = 2;
    match line.split(' ').nth(1) {
        Some(verb) if line.matches(" -o ").count() > FEW => format!("zfs {verb} … {subject}"),
        _ => line.to_owned(),
    }
}

/// The pools that are imported, asked for `subject`.
///
/// # Errors
/// When they cannot be told.
pub(super) fn pools(subject: &str) -> Result<Vec<String>> {
    let listed = list_pools(subject, "name")?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// These columns of `zpool list`, asked for `subject`.
///
/// # Errors
/// When they cannot be told.
pub(super) fn list_pools(subject: &str, columns: &str) -> Result<String> {
    let listed = bounded("zpool", &["list", "-H", "-p", "-o", columns])?.ended;
    if !listed.status.success() {
        let error = listed.error(subject, "see that the zfs module is loaded: `modprobe zfs`");
        return Err(error.of_kind(words::kind(&listed.stderr)));
    }
    Ok(listed.stdout)
}

/// Asks for a dataset, which `ask` gives as `None` if it is missing. Nothing of a pool is there before the pool is, and that
/// may come between two questions: so what is missing is asked for once more after its pool was seen.
///
/// # Errors
/// When its pool is not imported, or those of `ask`.
pub(super) fn in_its_pool<T>(
    dataset: &str,
    ask: impl Fn() -> Result<Option<T>>,
) -> Result<Option<T>> {
    if let Some(found) = ask()? {
        return Ok(Some(found));
    }
    pool_must_be_imported(dataset)?;
    ask()
}

/// That the pool of a dataset is imported.
///
/// # Errors
/// When it is not, or when it cannot be told.
fn pool_must_be_imported(dataset: &str) -> Result<()> {
    pool_must_be_among(dataset, &pools(dataset)?)
}

/// That the pool of a dataset is one of those that are imported.
///
/// # Errors
/// When it is not.
pub(super) fn pool_must_be_among(dataset: &str, imported: &[String]) -> Result<()> {
    let pool = dataset.split('/').next().unwrap_or(dataset);
    if imported.iter().any(|name| name == pool) {
        return Ok(());
    }
    Err(not_imported(dataset, pool))
}

/// The error that the pool of a dataset is not imported.
pub(super) fn not_imported(dataset: &str, pool: &str) -> Error {
    Error::new(
        dataset,
        format!("its pool `{pool}` is not imported"),
        format!(
            "look for it with `zpool import`, import it with `zpool import {pool}`, then start the service again"
        ),
    )
    .of_kind(ErrorKind::NotImported)
}

/// What a reader can do about an error of this kind.
fn help(kind: ErrorKind, subject: &str) -> String {
    match kind {
        ErrorKind::Busy => format!(
            "see what uses it with `fuser -vm` on its mountpoint, stop that, then start the service again ({subject})"
        ),
        ErrorKind::NoSpace | ErrorKind::Quota => {
            "see what takes the space with `zfs list -o space` and what limits it with `zfs get quota,refquota,reservation`, \
             free some or raise the limit, then start the service again"
                .to_owned()
        }
        ErrorKind::Permission => "run it as root".to_owned(),
        ErrorKind::NotInstalled => "load the zfs module: `modprobe zfs`".to_owned(),
        _ => "see `zpool status` and `zfs list`, mend what it names, then start the service again"
            .to_owned(),
    }
}

/// Calls `zfs` to destroy something of preseed's that nobody else can have seen. The kernel takes its mount in our own
/// namespace down a moment after the last program in it has ended.
pub(super) fn destroy_own(args: &[&str]) -> Result<()> {
    const LONGEST: Duration = Duration::from_secs(5);
    let began = Instant::now();
    loop {
        let ended = try_zfs(args)?;
        if ended.status.success() {
            return Ok(());
        }
        let is_busy = words::kind(&ended.stderr) == ErrorKind::Busy;
        if !is_busy || began.elapsed() >= LONGEST {
            return Err(failed(args, &ended));
        }
        std::thread::sleep(Duration::from_millis(50));
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

    #[test]
    fn the_pools_of_a_call_are_those_of_its_datasets() {
        let args = [
            "rename", "-u", "-o", "a=b/c", "tank/x@y", "vault", "../etc", "tank/z",
        ];
        assert_eq!(pools_of(&args), ["tank", "vault"]);
    }

    #[test]
    fn only_a_question_is_ended() {
        assert!(is_question(&["get", "all", "tank"]));
        assert!(!is_question(&["destroy", "tank/x"]));
        assert!(!is_question::<&str>(&[]));
        assert!(is_question(&["allow", "tank/x"]));
        assert!(!is_question(&["allow", "-e", "send", "tank/x"]));
    }
}
