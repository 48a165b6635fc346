//! Receives a replica's snapshot into a new dataset: `zfs send | zfs receive`, with the bytes counted in between.
//! One that was interrupted is gone on with (zfs-receive(8), `-s`).

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::fcntl::{SpliceFFlags, splice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::call;
use crate::command::{self, Ended, command, line_of};
use crate::{Error, Result, Snapshot, step};

/// How much is moved at once, in bytes: the largest pipe an unprivileged process may have (pipe(7)).
const CHUNK: usize = 1 << 20;

/// What is told of the bytes done, and the bytes in all.
type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Receives `snapshot` as the new dataset `into`, unmounted, with these options. If no byte comes for `stall`,
/// it is ended.
///
/// # Errors
/// When either end fails, or nothing moves any more. `into` may be left half received.
pub(super) fn receive(
    snapshot: &Snapshot,
    into: &str,
    options: &[&str],
    stall: Duration,
    progress: Progress<'_>,
) -> Result<()> {
    // Compressed and in large blocks, as they lie on disk. No -p, no -R: properties are declared, not replicated.
    let send = command("zfs", ["send", "-L", "-c", &snapshot.name]);
    let receive = command("zfs", [&["receive", "-s", "-u"], options, &[into]].concat());
    // A compressed stream is about as large as what it holds is on the disk.
    transfer(
        send,
        receive,
        into,
        snapshot,
        snapshot.bytes,
        stall,
        progress,
    )
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
    let left = call::zfs(&["send", "-n", "-P", "-t", token])?;
    let left = left
        .lines()
        .find_map(|line| line.strip_prefix("size")?.trim().parse().ok())
        .unwrap_or(snapshot.bytes);
    let send = command("zfs", ["send", "-t", token]);
    let receive = command("zfs", ["receive", "-s", "-u", into]);
    transfer(send, receive, into, snapshot, left, stall, progress)
}

fn transfer(
    mut send: Command,
    mut receive: Command,
    into: &str,
    snapshot: &Snapshot,
    total: u64,
    stall: Duration,
    progress: Progress<'_>,
) -> Result<()> {
    step::at(|| line_of(&receive));
    let mut sender = start(send.stdout(Stdio::piped()))?;
    let from = sender.stdout.take().map(OwnedFd::from);
    let mut receiver = match start(receive.stdin(Stdio::piped())) {
        Ok(receiver) => receiver,
        Err(error) => {
            drop(from);
            let _ = sender.wait();
            return Err(error);
        }
    };
    let into_pipe = receiver.stdin.take().map(OwnedFd::from);
    let done = AtomicU64::new(0);
    let ends = [sender.id(), receiver.id()];
    let (over, is_over) = channel::<()>();
    let (sent, received, moved, stalled) = std::thread::scope(|scope| {
        let sent = said(scope, &mut sender);
        let received = said(scope, &mut receiver);
        let done = &done;
        let watched = scope.spawn(move || watch(done, stall, &is_over, ends));
        let moved = match (&from, &into_pipe) {
            (Some(from), Some(into)) => pump(from, into, done, total, progress),
            _ => Ok(()),
        };
        // Both see the end, whatever it was.
        drop(from);
        drop(into_pipe);
        let said = (sent.join(), received.join());
        drop(over);
        (said.0, said.1, moved, watched.join())
    });
    let sender = finished(&send, &mut sender, sent)?;
    let receiver = finished(&receive, &mut receiver, received)?;
    let broken = || {
        sender.error(
            &snapshot.name,
            "see `zpool status` of its pool, then start the service again",
        )
    };
    if stalled.unwrap_or(true) {
        return Err(Error::new(
            &snapshot.name,
            format!("no byte came for {} s (stall-timeout)", stall.as_secs()),
            "see `zpool status` of both pools, then start the service again",
        ));
    }
    // An incomplete stream is the sender's fault, and the sender says why.
    if !sender.status.success() && receiver.stderr.contains("incomplete stream") {
        return Err(broken());
    }
    // A receiver that gave up ends the sender as well: its own words come first.
    if !receiver.status.success() {
        return Err(receiver.error(into, "see `zpool status` and the space left with `zfs list -o space`, then start the service again"));
    }
    if !sender.status.success() {
        return Err(broken());
    }
    moved.map_err(|error| {
        Error::new(
            &snapshot.name,
            format!("the stream broke off: {error}"),
            "start the service again",
        )
    })
}

/// Moves all that comes, without copying it, and counts it in `done`.
fn pump(
    from: impl AsFd,
    into: impl AsFd,
    done: &AtomicU64,
    total: u64,
    progress: Progress<'_>,
) -> nix::Result<()> {
    let mut half = false;
    loop {
        match splice(&from, None, &into, None, CHUNK, SpliceFFlags::SPLICE_F_MOVE) {
            Ok(0) => return Ok(()),
            Ok(bytes) => {
                let bytes = bytes as u64;
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                if !half && done >= total / 2 {
                    half = true;
                    step::at(|| "half received".to_owned());
                }
                progress(done, Some(total.max(done)));
            }
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until it is over, and ends both processes if `done` does not grow for `stall`. Gives whether it did so.
fn watch(done: &AtomicU64, stall: Duration, is_over: &Receiver<()>, ends: [u32; 2]) -> bool {
    let mut before = 0;
    while let Err(RecvTimeoutError::Timeout) = is_over.recv_timeout(stall) {
        let now = done.load(Ordering::Relaxed);
        if now == before {
            for process in ends {
                // Not waited for yet, so the number is still theirs.
                if let Ok(process) = i32::try_from(process) {
                    let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
                }
            }
            return true;
        }
        before = now;
    }
    false
}

fn start(command: &mut Command) -> Result<Child> {
    command.stderr(Stdio::piped());
    command
        .spawn()
        .map_err(|error| command::not_started(command, &error))
}

type Said<'scope> = std::thread::ScopedJoinHandle<'scope, Vec<u8>>;

/// Reads standard error beside the transfer, so that a full pipe never stops it.
fn said<'scope>(scope: &'scope std::thread::Scope<'scope, '_>, child: &mut Child) -> Said<'scope> {
    let stderr = child.stderr.take();
    scope.spawn(move || read(stderr))
}

fn read(stderr: Option<ChildStderr>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What could be read until an error is told; the exit status is what counts.
        let _ = stderr.read_to_end(&mut said);
    }
    said
}

fn finished(
    command: &Command,
    child: &mut Child,
    said: std::thread::Result<Vec<u8>>,
) -> Result<Ended> {
    let line = line_of(command);
    let status = child.wait().map_err(|error| {
        Error::new(
            format!("`{line}`"),
            format!("its end cannot be waited for: {error}"),
            "start the service again",
        )
    })?;
    let stderr = command::one_line(&said.unwrap_or_default());
    Ok(Ended {
        line,
        status,
        stdout: String::new(),
        stderr,
    })
}
