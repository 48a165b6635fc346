//! `restic restore`, watched.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use report::Progress;
use serde::Deserialize;
use storage::command::{self, Ended, line_of};
use storage::stall::{Stall, end_group};
use storage::{Error, Snapshot, step};

use super::call::Call;
use super::size::Size;
use super::trouble::{self, Kind, Trouble, unwrapped};

/// How often is looked at what restic has moved.
const LOOK: Duration = Duration::from_secs(1);

/// How much is kept of what restic says, in bytes.
const ENOUGH_SAID: usize = 1 << 20;

/// A line of `restic restore --json` (from 0.16 on). Absent fields mean 0.
#[derive(Debug, Deserialize)]
struct Line {
    message_type: String,
    #[serde(default)]
    total_bytes: u64,
    #[serde(default)]
    bytes_restored: u64,
}

/// How a snapshot is restored.
pub(super) struct How {
    /// With restic's shared lock, which keeps others from removing what is being read.
    pub(super) lock: bool,
    /// With holes where the files had them, which restic knows from 0.15 on.
    pub(super) sparse: bool,
    /// How long it may make no progress.
    pub(super) stall_timeout: Duration,
}

/// Restores a snapshot below `target` (absolute); only the paths `include` of it, if any.
///
/// # Errors
/// When restic ends with anything but 0, or makes no progress for too long.
pub(super) fn restore(
    call: &Call<'_>,
    snapshot: &Snapshot,
    include: &[String],
    target: &Path,
    how: &How,
    progress: &mut Progress,
) -> Result<(), Trouble> {
    let target_text = target.to_str().ok_or_else(|| {
        Error::new(
            target.to_string_lossy(),
            "restic cannot restore to a path that is not UTF-8",
            "declare another mountpoint",
        )
    })?;
    let mut args = vec!["restore", "--json", &snapshot.name, "--target", target_text];
    if how.sparse {
        args.push("--sparse");
    }
    if !how.lock {
        args.push("--no-lock");
    }
    let patterns: Vec<String> = include.iter().map(|path| escaped(path)).collect();
    for pattern in &patterns {
        args.extend(["--include", pattern]);
    }
    let mut command = call.command(&args);
    command
        .env("RESTIC_PROGRESS_FPS", "2")
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut size = Size::new(call, snapshot, !include.is_empty());
    let is_remote = call.is_remote();
    let watched = watch(
        &mut command,
        &mut size,
        target,
        is_remote,
        how.stall_timeout,
        progress,
    )?;
    match watched.cut_short {
        None => {}
        Some(CutShort::Stalled(stall)) => {
            return Err(stall.error(&call.subject(), "`restic restore`").into());
        }
        Some(CutShort::NoLock(line)) => {
            let what = format!("`restic restore` cannot make a lock: {line}");
            let error = Error::new(call.subject(), what, "see that it can be written to");
            return Err(Trouble {
                kind: Kind::NoLock,
                error,
            });
        }
    }
    if !watched.ended.status.success() {
        return Err(call.failed("restore", &watched.ended));
    }
    Ok(())
}

/// How a watched restic ended.
struct Watched {
    ended: Ended,
    /// Why it was ended before it ended by itself.
    cut_short: Option<CutShort>,
}

/// Why restic is ended.
enum CutShort {
    /// It stood still for too long.
    Stalled(Stall),
    /// It tries to make a lock where none can be made, and restic from 0.17 on would try for 15 minutes.
    NoLock(String),
}

/// Runs the command to its end, or cuts it short.
fn watch(
    command: &mut Command,
    size: &mut Size<'_>,
    target: &Path,
    is_remote: bool,
    stall_timeout: Duration,
    progress: &mut Progress,
) -> Result<Watched, Error> {
    let line = line_of(command);
    step::at(|| line.clone());
    let mut child = command
        .spawn()
        .map_err(|error| command::not_started(command, &error))?;
    // What was read of its words is no data that it moved.
    let read = AtomicU64::new(0);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let (sender, lines) = channel();
        let (read, other) = (&read, sender.clone());
        scope.spawn(move || tell(stdout, read, |line| sender.send((false, line)).is_ok()));
        scope.spawn(move || tell(stderr, read, |line| other.send((true, line)).is_ok()));
        let mut said = Said::default();
        let watch = Follow {
            process: child.id(),
            target,
            is_remote,
            read,
            stall: Stall::new(stall_timeout),
        };
        let cut_short = watch.until_it_ends(&lines, size, progress, &mut said);
        let status = match &cut_short {
            Some(_) => end_group(&mut child),
            None => child.wait(),
        };
        Ok(Watched {
            ended: said.ended(line, status.map_err(|error| not_waited(&error))?),
            cut_short,
        })
    })
}

fn not_waited(error: &std::io::Error) -> Error {
    Error::new(
        "`restic restore`",
        format!("its end cannot be waited for: {error}"),
        "start the service again",
    )
}

/// What restic said besides its progress.
#[derive(Default)]
struct Said {
    stdout: String,
    stderr: String,
}

impl Said {
    fn add(&mut self, is_error: bool, line: &str) {
        let to = if is_error {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        // A line for each of a million files would fill the memory.
        if to.len() < ENOUGH_SAID {
            to.push_str(&unwrapped(line));
            to.push('\n');
        }
    }

    fn ended(self, line: String, status: ExitStatus) -> Ended {
        // Errors of single files come on either, by version.
        Ended {
            line,
            status,
            stdout: String::new(),
            stderr: command::one_line((self.stdout + &self.stderr).as_bytes()),
        }
    }
}

/// Follows a restic at work.
struct Follow<'a> {
    process: u32,
    /// What it makes once it has its lock.
    target: &'a Path,
    is_remote: bool,
    /// The bytes of its words that were read.
    read: &'a AtomicU64,
    stall: Stall,
}

impl Follow<'_> {
    /// Until it closes its output, or must be cut short.
    fn until_it_ends(
        mut self,
        lines: &Receiver<(bool, String)>,
        size: &mut Size<'_>,
        progress: &mut Progress,
        said: &mut Said,
    ) -> Option<CutShort> {
        let mut looked = Instant::now();
        let mut tells_progress = false;
        let mut is_over = false;
        loop {
            match lines.recv_timeout(LOOK) {
                Ok((is_error, line)) => match serde_json::from_str::<Line>(&line) {
                    Ok(told) if told.total_bytes > 0 => {
                        tells_progress = true;
                        progress.at(told.bytes_restored, Some(told.total_bytes));
                    }
                    Ok(told) if matches!(told.message_type.as_str(), "status" | "summary") => {}
                    _ => {
                        said.add(is_error, &line);
                        // Later on it only keeps its lock fresh.
                        if trouble::kind(None, &line, self.is_remote) == Kind::NoLock
                            && !self.target.exists()
                        {
                            return Some(CutShort::NoLock(line));
                        }
                    }
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => is_over = true,
            }
            if looked.elapsed() < LOOK && !is_over {
                continue;
            }
            looked = Instant::now();
            // Also of one that has ended: it was not waited for yet.
            if let Some(moved) = moved(self.process) {
                let words = self.read.load(Ordering::Relaxed);
                if !tells_progress {
                    // restic before 0.16 tells nothing until the end: what it has written has to do.
                    // Not the room it takes: it reserves that for a file before it writes it.
                    progress.at(moved.written.saturating_sub(words), size.ask());
                }
                if !is_over && self.stall.at(moved.all().saturating_sub(words)) {
                    return Some(CutShort::Stalled(self.stall));
                }
            }
            if is_over {
                return None;
            }
        }
    }
}

/// Reads lines to the end, whatever they hold.
fn tell(from: Option<impl Read>, read: &AtomicU64, mut to: impl FnMut(String) -> bool) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // What could be read until an error is told; the exit status is what counts.
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        read.fetch_add(line.len() as u64, Ordering::Relaxed);
        if !to(String::from_utf8_lossy(&line).trim_end().to_owned()) {
            return;
        }
        line.clear();
    }
}

/// What a process has moved, in bytes.
struct Moved {
    read: u64,
    written: u64,
}

impl Moved {
    fn all(&self) -> u64 {
        self.read.saturating_add(self.written)
    }
}

/// The bytes a process has read and written, files and network alike (`/proc/PID/io`, proc(5)).
fn moved(process: u32) -> Option<Moved> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    let count = |name: &str| {
        let count = io.lines().find_map(|line| line.strip_prefix(name))?;
        count.trim().parse().ok()
    };
    Some(Moved {
        read: count("rchar: ")?,
        written: count("wchar: ")?,
    })
}

/// A path as a pattern that matches only itself (restic's patterns are those of Go's filepath.Match).
fn escaped(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_wildcards_matches_only_itself() {
        assert_eq!(escaped(r"/srv/a*[b]\c"), r"/srv/a\*\[b\]\\c");
    }
}
