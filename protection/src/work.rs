//! Work of restic's on a repository: it waits for locks, and is ended once it makes no progress.

use std::process::Command;
use std::time::{Duration, Instant};

use process::capabilities::{Capability, keep_only};
use report::status;
use restore::source::restic::call::Call;
use restore::source::restic::failure_kind::{Kind, RepositoryFailure};
use restore::source::restic::locks::{self, Machine};
use storage::command::Ended;
use storage::stall::Stall;
use storage::watched::{GivenUp, watch};

/// How long a lock is waited for: whoever prunes or checks a large repository holds one for hours.
const PATIENCE: Duration = Duration::from_hours(6);

/// How long is waited between two looks at a lock: twice as long each time, at most the other one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the removal of locks may stand still.
const UNLOCKED_WITHIN: Duration = Duration::from_mins(5);

/// The command that runs restic with `args`, with no more rights than it needs: to read all data, and to write a repository
/// on this machine, whoever owns it.
pub(crate) fn command(call: &Call<'_>, args: &[&str]) -> Command {
    let mut command = call.command(args);
    let mut kept = vec![Capability::ReadAll, Capability::ReadTrusted];
    if !call.is_remote() {
        kept.push(Capability::WriteAll);
    }
    keep_only(&mut command, &kept);
    // Times are told to it in that.
    command.env("TZ", "UTC");
    command
}

/// Runs restic with `args`, and gives what it said. It may stand still for `stall_timeout`.
///
/// # Errors
/// When it does not end with exit status 0, or stands still.
pub(crate) fn run(
    call: &Call<'_>,
    args: &[&str],
    stall_timeout: Duration,
) -> Result<Ended, RepositoryFailure> {
    waiting_for_locks(call, || once(call, args, stall_timeout))
}

/// The same, whatever locks there are.
fn once(
    call: &Call<'_>,
    args: &[&str],
    stall_timeout: Duration,
) -> Result<Ended, RepositoryFailure> {
    let what = args.first().copied().unwrap_or_default();
    let mut stall = Stall::of_less(stall_timeout, 1);
    let watched = watch(&mut command(call, args), GivenUp::IsEnded, |seen| {
        let moved = seen.moved.unwrap_or_default().saturating_add(seen.told);
        stall.at(moved).then_some(())
    })?;
    if watched.given_up.is_some() {
        return Err(stall
            .error(&call.subject(), &format!("`restic {what}`"))
            .into());
    }
    if watched.ended.status.success() {
        Ok(watched.ended)
    } else {
        Err(call.failed(what, &watched.ended))
    }
}

/// Does `work` on a repository. While somebody holds a lock that excludes it, it is waited for, and `work` is begun again.
/// A lock that nobody holds any more is removed, as restic itself tells such.
///
/// # Errors
/// What `work` gives; or that the repository stays locked.
pub(crate) fn waiting_for_locks<T>(
    call: &Call<'_>,
    mut work: impl FnMut() -> Result<T, RepositoryFailure>,
) -> Result<T, RepositoryFailure> {
    let began = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    let mut unlocked = false;
    loop {
        let failure = match work() {
            Err(failure) if failure.kind == Kind::Locked => failure,
            ended => return ended,
        };
        let held = locks::all(call)?;
        let this = Machine::this();
        let alive = held.iter().find(|lock| !lock.is_stale(&this, locks::runs));
        if !held.is_empty() && alive.is_none() && !unlocked {
            unlocked = true;
            // Restic leaves all locks that somebody may hold.
            once(call, &["unlock"], UNLOCKED_WITHIN)?;
            continue;
        }
        if began.elapsed() >= PATIENCE {
            return Err(failure);
        }
        // If there is none, it was given back meanwhile.
        if let Some(holder) = alive.or(held.first()) {
            status::say(&format!(
                "waiting: {} is locked by {holder}",
                call.subject()
            ));
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
