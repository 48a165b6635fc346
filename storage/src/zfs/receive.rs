//! Receives a replica's snapshot into a new dataset: `zfs send | zfs receive`, with the bytes counted by the kernel.
//! One that was interrupted is gone on with (zfs-receive(8), `-s`).

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::{call, damage};
use crate::command::{self, Ended, command, line_of};
use crate::stall::{Stall, end_group};
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
            .cured_by("see `zpool status -v` of its pool, then start the service again")),
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
    let lines = [line_of(&send), line_of(&receive)].map(|line| without_token(&line));
    step::at(|| lines[1].clone());
    let mut sender = start(send.stdout(Stdio::piped()))?;
    let stream = sender.stdout.take().map_or_else(Stdio::null, |stream| {
        step::within(stream, total / 2, "half received")
    });
    let receiver = start(receive.stdin(stream));
    // We hold no end of the stream any more: each of the two sees when the other is gone.
    drop(receive);
    let mut receiver = match receiver {
        Ok(receiver) => receiver,
        Err(error) => {
            let _ = sender.wait();
            return Err(error.into());
        }
    };
    let (sent, received, stalled) = std::thread::scope(|scope| {
        let (ended, has_ended) = channel();
        let sent = said(scope, &mut sender, ended.clone());
        let received = said(scope, &mut receiver, ended);
        let stalled = watch(receiver.id(), total, stall, &has_ended, progress);
        if stalled.is_some() {
            for end in [&mut receiver, &mut sender] {
                // How it ended is asked again below.
                let _ = end_group(end);
            }
        }
        (sent.join(), received.join(), stalled)
    });
    let [send, receive] = lines;
    let sender = finished(send, &mut sender, sent)?;
    let receiver = finished(receive, &mut receiver, received)?;
    if let Some(stall) = stalled {
        return Err(stall
            .error(&snapshot.name, &format!("`{}`", sender.line))
            .into());
    }
    // An incomplete stream is the sender's fault, and the sender says why. A receiver that gave up ends the
    // sender as well: its own words come first.
    if !receiver.status.success()
        && (sender.status.success() || !receiver.stderr.contains("incomplete stream"))
    {
        return Err(call::failed_on(into, &receiver).into());
    }
    if !sender.status.success() {
        let error = sender.error(
            &snapshot.name,
            "see `zpool status` of its pool, then start the service again",
        );
        return Err(if says_damaged(&sender) {
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

/// Whether a sender ended because what it was to send cannot be read: `EIO`, or ZFS's own `ECKSUM`, which is `EBADE`.
fn says_damaged(sender: &Ended) -> bool {
    let said = sender.stderr.to_lowercase();
    [
        "input/output error",
        "i/o error",
        "invalid exchange",
        "checksum",
    ]
    .iter()
    .any(|words| sender.status.code().is_some() && said.contains(words))
}

/// Tells how much `receiver` has received until both ends are over. Gives the watch if it stood still before.
fn watch(
    receiver: u32,
    total: u64,
    stall: Duration,
    has_ended: &Receiver<()>,
    progress: Progress<'_>,
) -> Option<Stall> {
    let (mut done, mut stall) = (0, Stall::new(stall));
    // It ends when both threads have dropped their side.
    while let Err(RecvTimeoutError::Timeout) = has_ended.recv_timeout(LOOK) {
        // The kernel counts what it reads for the process (proc_pid_io(5)).
        let now = command::characters(receiver, "rchar").unwrap_or(done);
        if now != done {
            done = now;
            progress(done, Some(total.max(done)));
        }
        if stall.at(done) {
            return Some(stall);
        }
    }
    // They are not waited for yet, so that what they moved last can still be told.
    done = command::characters(receiver, "rchar").unwrap_or(done);
    progress(done, Some(total.max(done)));
    None
}

fn start(command: &mut Command) -> Result<Child> {
    command.stderr(Stdio::piped()).process_group(0);
    command
        .spawn()
        .map_err(|error| command::not_started(command, &error))
}

type Said<'scope> = std::thread::ScopedJoinHandle<'scope, Vec<u8>>;

/// Reads standard error beside the transfer, so that a full pipe never stops it; drops `ended` at its end.
fn said<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    child: &mut Child,
    ended: Sender<()>,
) -> Said<'scope> {
    let stderr = child.stderr.take();
    scope.spawn(move || {
        let said = read(stderr);
        drop(ended);
        said
    })
}

fn read(stderr: Option<ChildStderr>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What could be read until an error is told; the exit status is what counts.
        let _ = stderr.read_to_end(&mut said);
    }
    said
}

fn finished(line: String, child: &mut Child, said: std::thread::Result<Vec<u8>>) -> Result<Ended> {
    let status = child.wait().map_err(|error| {
        Error::new(
            format!("`{line}`"),
            format!("its end cannot be waited for: {error}"),
            "start the service again",
        )
    })?;
    Ok(Ended {
        line,
        status,
        stdout: String::new(),
        stderr: command::one_line(&said.unwrap_or_default()),
    })
}
