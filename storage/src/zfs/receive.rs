//! Receives a replica's snapshot into a new dataset: `zfs send | zfs receive`, with the bytes counted in between.

use std::io::Read;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::fcntl::{SpliceFFlags, splice};

use crate::command::{self, Ended, command, line_of};
use crate::{Error, Result, Snapshot};

/// How much is moved at once, in bytes: the largest pipe an unprivileged process may have (pipe(7)).
const CHUNK: usize = 1 << 20;

/// Receives `snapshot` as the new dataset `into`, unmounted, with these options.
pub(super) fn receive(
    snapshot: &Snapshot,
    into: &str,
    options: &[&str],
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<()> {
    // Compressed and in large blocks, as they lie on disk. No -p, no -R: properties are declared, not replicated.
    let mut send = command("zfs", ["send", "-L", "-c", &snapshot.name]);
    let mut receive = command("zfs", [&["receive", "-u"], options, &[into]].concat());
    let mut sender = start(send.stdout(Stdio::piped()))?;
    let from = sender.stdout.take();
    let mut receiver = match start(receive.stdin(Stdio::piped())) {
        Ok(receiver) => receiver,
        Err(error) => {
            drop(from);
            let _ = sender.wait();
            return Err(error);
        }
    };
    let into_pipe = receiver.stdin.take();
    let (sent, received, moved) = std::thread::scope(|scope| {
        let sent = said(scope, &mut sender);
        let received = said(scope, &mut receiver);
        let mut done = 0;
        let moved = loop {
            let (Some(from), Some(into)) = (&from, &into_pipe) else {
                break Ok(());
            };
            match splice(from, None, into, None, CHUNK, SpliceFFlags::SPLICE_F_MOVE) {
                Ok(0) => break Ok(()),
                Ok(bytes) => {
                    done += bytes as u64;
                    // A compressed stream is about as large as what it holds is on the disk.
                    progress(done, Some(snapshot.bytes.max(done)));
                }
                Err(nix::Error::EINTR) => {}
                Err(error) => break Err(error),
            }
        };
        // Both see the end, whatever it was.
        drop(from);
        drop(into_pipe);
        (sent.join(), received.join(), moved)
    });
    let sender = finished(&send, &mut sender, sent)?;
    let receiver = finished(&receive, &mut receiver, received)?;
    // An incomplete stream is the sender's fault, and the sender says why.
    if !sender.status.success() && receiver.stderr.contains("incomplete stream") {
        return Err(sender.error(
            &snapshot.name,
            "see `zpool status` of its pool, then start the service again",
        ));
    }
    // A receiver that gave up ends the sender as well: its own words come first.
    if !receiver.status.success() {
        return Err(receiver.error(into, "see `zpool status` and the space left with `zfs list -o space`, then start the service again"));
    }
    if !sender.status.success() {
        return Err(sender.error(
            &snapshot.name,
            "see `zpool status` of its pool, then start the service again",
        ));
    }
    moved.map_err(|error| {
        Error::new(
            &snapshot.name,
            format!("the stream broke off: {error}"),
            "start the service again",
        )
    })
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
