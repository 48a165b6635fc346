//! `restic restore`, watched.

use std::path::Path;
use std::time::Duration;

use report::Progress;
use serde::Deserialize;
use storage::command::{self, Ended};
use storage::stall::{Io, Stall};
use storage::watched::{Activity, GivenUp, watch_lines};
use storage::{Error, ErrorKind, Snapshot};

use super::call::Call;
use super::failure_kind::{self, Kind, RepositoryFailure, unwrapped};
use super::size::Size;

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
pub(super) struct How<'h> {
    /// Paths (absolute) that are left out: other parts of the service have them.
    pub(super) exclude: &'h [String],
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
    how: &How<'_>,
    progress: &mut Progress,
) -> Result<(), RepositoryFailure> {
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
    // restic takes no --exclude beside an --include: what lies there is removed afterwards.
    let excluded: Vec<String> = how.exclude.iter().map(|path| escaped(path)).collect();
    if include.is_empty() {
        for pattern in &excluded {
            args.extend(["--exclude", pattern]);
        }
    }
    let mut command = call.command(&args);
    command.env("RESTIC_PROGRESS_FPS", "2");
    let mut follow = Follow {
        target,
        is_remote: call.is_remote(),
        stall: Stall::new(how.stall_timeout),
        size: Size::new(call, snapshot, !include.is_empty()),
        tells_progress: false,
        messages: Messages::default(),
        progress,
    };
    let watched = watch_lines(&mut command, GivenUp::IsEnded, |told| follow.told(told))?;
    if let Some(io) = watched.io {
        follow.moved(io, watched.said);
    }
    match watched.given_up {
        None => {}
        Some(CutShort::Stalled) => {
            return Err(follow
                .stall
                .error(&call.subject(), "`restic restore`")
                .into());
        }
        Some(CutShort::NoLock(line)) => {
            let what = format!("`restic restore` cannot make a lock: {line}");
            let error = Error::new(call.subject(), what, "see that it can be written to")
                .of_kind(ErrorKind::ReadOnly);
            return Err(RepositoryFailure::new(Kind::NoLock, error));
        }
    }
    if !watched.ended.status.success() {
        return Err(call.failed("restore", &follow.messages.ended(watched.ended)));
    }
    Ok(())
}

/// Why restic is ended.
enum CutShort {
    /// It stood still for too long.
    Stalled,
    /// It tries to make a lock where none can be made, and restic from 0.17 on would try for 15 minutes.
    NoLock(String),
}

/// What restic said besides its progress.
#[derive(Default)]
struct Messages {
    stdout: String,
    stderr: String,
}

impl Messages {
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

    fn ended(&self, ended: Ended) -> Ended {
        // Errors of single files come on either, by version.
        let said = [self.stdout.as_str(), &self.stderr].concat();
        Ended {
            stderr: command::one_line(said.as_bytes()),
            ..ended
        }
    }
}

/// Follows a restic at work.
struct Follow<'a> {
    /// What it makes once it has its lock.
    target: &'a Path,
    is_remote: bool,
    stall: Stall,
    size: Size<'a>,
    tells_progress: bool,
    messages: Messages,
    progress: &'a mut Progress,
}

impl Follow<'_> {
    fn told(&mut self, told: Activity<'_>) -> Option<CutShort> {
        match told {
            Activity::Line { is_error, line } => self.line(is_error, line),
            Activity::Look(seen) => {
                let (io, moved) = (seen.io?, seen.moved?);
                self.moved(io, io.moved().saturating_sub(moved));
                self.stall.at(moved).then_some(CutShort::Stalled)
            }
        }
    }

    fn line(&mut self, is_error: bool, line: &str) -> Option<CutShort> {
        match serde_json::from_str::<Line>(line) {
            Ok(told) if told.total_bytes > 0 => {
                self.tells_progress = true;
                self.progress
                    .at(told.bytes_restored, Some(told.total_bytes));
            }
            Ok(told) if matches!(told.message_type.as_str(), "status" | "summary") => {}
            _ => {
                self.messages.add(is_error, line);
                // Later on it only keeps its lock fresh.
                if failure_kind::kind(None, line, self.is_remote) == Kind::NoLock
                    && !self.target.exists()
                {
                    return Some(CutShort::NoLock(line.to_owned()));
                }
            }
        }
        None
    }

    /// What it has moved until now, of which `words` are what it said.
    fn moved(&mut self, io: Io, words: u64) {
        if !self.tells_progress {
            // restic before 0.16 tells nothing until the end: what it has written has to do.
            // Not the room it takes: it reserves that for a file before it writes it.
            self.progress
                .at(io.written.saturating_sub(words), self.size.ask());
        }
    }
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
