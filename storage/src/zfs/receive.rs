//! Receives a replica's snapshot into a new dataset: `zfs send | zfs receive`, with the bytes counted by the kernel.
//! One that was interrupted is gone on with (zfs-receive(8), `-s`).

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{call, damage, words};
use crate::command::command;
use crate::stall::Stall;
use crate::watched::{Feeder, GivenUp, watch_often};
use crate::{Error, Result, Snapshot, step};

/// How often the bytes are counted.
const LOOK: Duration = Duration::from_millis(500);

/// What is told of the bytes done, and the bytes in all.
type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Receives `snapshot` as the new dataset `into`, unmounted, with these options. If no byte comes for `stall`,
/// it is ended. Where the snapshot cannot be read, it is tried once more to go on from there: the error is the snapshot's
/// only if it cannot be read then either, and its pool says so. Gives whether it was gone on with.
///
/// # Errors
/// When either end fails, or nothing moves any more. `into` may be left half received.
pub(super) fn receive(
    snapshot: &Snapshot,
    into: &str,
    options: &[&OsStr],
    stall: Duration,
    progress: Progress<'_>,
) -> Result<bool> {
    // Compressed and in large blocks, as they lie on disk. No -p, no -R: properties are declared, not replicated.
    let send = command("zfs", ["send", "-L", "-c", &snapshot.name]);
    let receive = ["receive", "-s", "-u"].map(OsStr::new);
    let receive = command("zfs", [&receive, options, &[into.as_ref()]].concat());
    // A compressed stream is about as large as what it holds is on the disk.
    let total = snapshot.bytes;
    let first = match transfer(send, receive, into, snapshot, total, stall, progress) {
        Ok(()) => return Ok(false),
        Err(NotSent::Unreadable(error)) => error,
        Err(NotSent::Other(error)) => return Err(error),
    };
    let token = call::zfs(&["get", "-H", "-o", "value", "receive_resume_token", into]);
    let token = token.unwrap_or_default();
    let again = match token.trim() {
        "" | "-" => sent_to_nobody(snapshot, stall),
        token => resumed(snapshot, into, token, stall, progress),
    };
    match again {
        Ok(is_received) if is_received => Ok(true),
        Ok(_) => Err(first
            .while_doing("it could not be read, but could on a second look")
            .with_help("see `zpool status -v` of its pool, then start the service again")),
        Err(NotSent::Unreadable(error)) => Err(damage::judged(&snapshot.name, error)),
        Err(NotSent::Other(error)) => Err(error),
    }
}

/// Why a snapshot was not received.
enum NotSent {
    /// It could not be read.
    Unreadable(Error),
    /// Anything else.
    Other(Error),
}

impl From<Error> for NotSent {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Reads all of a snapshot. Gives that nothing was received.
fn sent_to_nobody(snapshot: &Snapshot, stall: Duration) -> std::result::Result<bool, NotSent> {
    let send = command("zfs", ["send", "-L", "-c", &snapshot.name]);
    let nobody = command("sh", ["-c", "exec cat >/dev/null"]);
    let progress: Progress<'_> = &mut |_, _| {};
    let bytes = snapshot.bytes;
    transfer(send, nobody, "", snapshot, bytes, stall, progress).map(|()| false)
}

/// Goes on with a receive of `snapshot` into `into` that was interrupted and left this token.
///
/// # Errors
/// As [`receive`], and when the token is no longer that of the snapshot.
pub(super) fn resume(
    snapshot: &Snapshot,
    into: &str,
    token: &str,
    stall: Duration,
    progress: Progress<'_>,
) -> Result<()> {
    match resumed(snapshot, into, token, stall, progress) {
        Ok(_) => Ok(()),
        Err(NotSent::Unreadable(error) | NotSent::Other(error)) => Err(error),
    }
}

/// See [`resume`]. Gives that it was received.
fn resumed(
    snapshot: &Snapshot,
    into: &str,
    token: &str,
    stall: Duration,
    progress: Progress<'_>,
) -> std::result::Result<bool, NotSent> {
    let left = call::zfs(&["send", "-n", "-P", "-t", token])?;
    let left = left
        .lines()
        .find_map(|line| line.strip_prefix("size")?.trim().parse().ok())
        .unwrap_or(snapshot.bytes);
    let send = command("zfs", ["send", "-t", token]);
    let receive = command("zfs", ["receive", "-s", "-u", into]);
    transfer(send, receive, into, snapshot, left, stall, progress).map(|()| true)
}

fn transfer(
    mut send: Command,
    mut receive: Command,
    into: &str,
    snapshot: &Snapshot,
    total: u64,
    stall: Duration,
    progress: Progress<'_>,
) -> std::result::Result<(), NotSent> {
    let (sender, stream) = Feeder::start(&mut send)?;
    receive.stdin(stream.map_or_else(Stdio::null, |stream| {
        step::within(stream, total / 2, "half received")
    }));
    let (mut done, mut stall) = (0, Stall::new(stall));
    let watched = watch_often(&mut receive, GivenUp::IsEnded, LOOK, |seen| {
        // The kernel counts what it reads for the process (proc_pid_io(5)).
        let now = seen.io.map_or(done, |io| io.read);
        if now != done {
            done = now;
            progress(done, Some(total.max(done)));
        }
        stall.at(done).then_some(())
    });
    // We hold no end of the stream any more: the sender sees that the receiver is gone.
    drop(receive);
    let is_over = watched
        .as_ref()
        .is_ok_and(|watched| watched.given_up.is_none());
    let mut sender = sender.finish(is_over);
    sender.line = without_token(&sender.line);
    let watched = watched?;
    if watched.given_up.is_some() {
        return Err(stall
            .error(&snapshot.name, &format!("`{}`", sender.line))
            .into());
    }
    done = watched.io.map_or(done, |io| io.read);
    progress(done, Some(total.max(done)));
    let receiver = watched.ended;
    // An incomplete stream is the sender's fault, and the sender says why. A receiver that gave up ends the
    // sender as well: its own words come first.
    if !receiver.status.success() && (sender.status.success() || !words::says_cut_short(&receiver))
    {
        return Err(call::failed_on(into, &receiver).into());
    }
    if !sender.status.success() {
        let error = sender.error(
            &snapshot.name,
            "see `zpool status` of its pool, then start the service again",
        );
        return Err(if words::says_unreadable(&sender) {
            NotSent::Unreadable(error)
        } else {
            NotSent::Other(error)
        });
    }
    Ok(())
}

/// A command line without the long token that a receive is gone on with.
fn without_token(line: &str) -> String {
    let (before, token) = line.split_once(" -t ").unwrap_or((line, ""));
    if token.is_empty() {
        before.to_owned()
    } else {
        format!("{before} -t …")
    }
}
