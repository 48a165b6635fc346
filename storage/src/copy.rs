//! Copies single paths out of a directory, with all that belongs to them.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use crate::command::{command, line_of, not_started, one_line};
use crate::stall::{Stall, end_group};
use crate::{Error, Result, shown};

/// How often is looked at what was moved.
const LOOK: Duration = Duration::from_secs(1);

/// Copies `paths` (relative) of the directory `from` into the directory `into` (both absolute): owners, modes, times,
/// attributes, links and holes as they are, and the directories on the way to them. Those that are not there are left
/// out. `progress` is told the bytes done.
///
/// # Errors
/// When one cannot be copied, a link leads out of `from`, or nothing moves for `stall_timeout`.
pub(crate) fn copy(
    from: &Path,
    paths: &[PathBuf],
    into: &Path,
    stall_timeout: Duration,
    progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
) -> Result<()> {
    let mut present = Vec::new();
    for path in paths {
        if is_there(from, path)? {
            present.push(path);
        }
    }
    let options = [
        "--archive",
        "--reflink=auto",
        "--sparse=always",
        "--parents",
        // Of an earlier try.
        "--remove-destination",
        "--",
    ];
    let mut cp = command("cp", options);
    cp.args(present)
        .arg(into)
        .current_dir(from)
        .process_group(0)
        .stderr(Stdio::piped());
    let mut child = cp.spawn().map_err(|error| not_started(&cp, &error))?;
    let stderr = child.stderr.take();
    std::thread::scope(|scope| {
        let said = scope.spawn(|| {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                // What could be read until an error is told; the exit status is what counts.
                let _ = stderr.read_to_end(&mut said);
            }
            said
        });
        let refused = |what: String| {
            Error::new(
                shown(into),
                format!("`{}` {what}", line_of(&cp)),
                "see that its file system has room and can hold what is copied, then start the service again",
            )
        };
        let mut stall = Stall::new(stall_timeout);
        let mut looked = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => break status,
                Err(error) => return Err(refused(format!("cannot be waited for: {error}"))),
            }
            std::thread::sleep(Duration::from_millis(20));
            if looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            if let Some((read, written)) = moved(child.id()) {
                progress(written, None);
                if stall.at(read.saturating_add(written)) {
                    // That it is gone is all that matters.
                    let _ = end_group(&mut child);
                    return Err(stall.error(&shown(into), "`cp`"));
                }
            }
        };
        let said = one_line(&said.join().unwrap_or_default());
        if status.success() {
            Ok(())
        } else {
            Err(refused(format!("ended with {status}: {said}")))
        }
    })
}

/// Whether an error of [`copy`] is that something could not be read. Of what is written, `cp` says so otherwise.
pub(crate) fn could_not_read(error: &Error) -> bool {
    error.what().contains("error reading")
}

/// Whether `path` is in the directory `from`, and no link on the way leads out of it.
fn is_there(from: &Path, path: &Path) -> Result<bool> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH);
    let opened = File::open(from).and_then(|root| Ok(openat2(root, path, how)?));
    match opened {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(false)
        }
        Err(cause) => {
            let error = Error::new(
                shown(&from.join(path)),
                format!("cannot be copied: {cause}"),
                "see why with `ls -la` in the snapshot, or leave it out of `paths`",
            );
            Err(if cause.kind() == std::io::ErrorKind::CrossesDevices {
                error.of_the_snapshot()
            } else {
                error
            })
        }
    }
}

/// The bytes a process has read and written (`/proc/PID/io`, proc(5)).
fn moved(process: u32) -> Option<(u64, u64)> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    let count = |name: &str| {
        let count = io.lines().find_map(|line| line.strip_prefix(name))?;
        count.trim().parse().ok()
    };
    Some((count("rchar: ")?, count("wchar: ")?))
}
