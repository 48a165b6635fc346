//! `restic restore`, watched.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use report::Progress;
use serde::Deserialize;
use storage::command::{self, Ended, line_of};
use storage::{Error, Result, Snapshot};

use super::call::Call;

/// A line of `restic restore --json` (from 0.16 on). Absent fields mean 0.
#[derive(Debug, Deserialize)]
struct Line {
    message_type: String,
    #[serde(default)]
    total_bytes: u64,
    #[serde(default)]
    bytes_restored: u64,
}

#[derive(Debug, Deserialize)]
struct Stats {
    total_size: u64,
}

/// Restores a snapshot below `target` (absolute); only the path `include` of it, if given.
///
/// # Errors
/// When restic ends with anything but 0.
pub(super) fn restore(
    call: &Call<'_>,
    snapshot: &Snapshot,
    include: Option<&str>,
    target: &Path,
    progress: &mut Progress,
) -> Result<()> {
    let target_text = target.to_str().ok_or_else(|| {
        Error::new(
            target.to_string_lossy(),
            "restic cannot restore to a path that is not UTF-8",
            "declare another mountpoint",
        )
    })?;
    let total = total(call, snapshot);
    let mut args = vec!["restore", "--json", &snapshot.name, "--target", target_text];
    let pattern = include.map(escaped);
    if let Some(pattern) = &pattern {
        args.extend(["--include", pattern]);
    }
    let mut command = call.command(&args);
    command
        .env("RESTIC_PROGRESS_FPS", "2")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| command::not_started(&command, &error))?;
    let process = child.id();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut other = String::new();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                // What could be read until an error is told; the exit status is what counts.
                let _ = stderr.read_to_end(&mut said);
            }
            said
        });
        let (sender, lines) = channel();
        scope.spawn(move || {
            for line in stdout
                .map(BufReader::new)
                .into_iter()
                .flat_map(BufRead::lines)
                .map_while(std::io::Result::ok)
            {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => match serde_json::from_str::<Line>(&line) {
                    Ok(told) if told.total_bytes > 0 => {
                        progress.at(told.bytes_restored, Some(told.total_bytes));
                    }
                    Ok(told) if told.message_type != "error" => {}
                    _ => {
                        other.push_str(&line);
                        other.push('\n');
                    }
                },
                // restic before 0.16 tells nothing until the end: what it has written has to do.
                // Not the room it takes: it reserves that for a file before it writes it.
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(written) = written(process) {
                        progress.at(written, total);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break said.join().unwrap_or_default(),
            }
        }
    });
    let line = line_of(&command);
    let status = child.wait().map_err(|error| {
        Error::new(
            call.subject(),
            format!("the end of `restic restore` cannot be waited for: {error}"),
            "start the service again",
        )
    })?;
    if !status.success() {
        let ended = Ended {
            line,
            status,
            stdout: other,
            stderr: command::one_line(&said),
        };
        return Err(call.failed("restore", &ended));
    }
    if let Some(total) = total.filter(|_| progress.bytes() == 0) {
        progress.at(total, Some(total));
    }
    Ok(())
}

/// The size in bytes of what is restored: as the snapshot says, else as restic adds it up; `None` if neither does.
/// It is for the progress only, so an error here is none of the restore.
fn total(call: &Call<'_>, snapshot: &Snapshot) -> Option<u64> {
    if snapshot.bytes > 0 {
        return Some(snapshot.bytes);
    }
    let stats = call
        .ask(&["stats", "--json", "--mode", "restore-size", &snapshot.name])
        .ok()?;
    serde_json::from_str::<Stats>(&stats.stdout)
        .ok()
        .map(|stats| stats.total_size)
}

/// The bytes a process has written (`/proc/PID/io`, proc(5)).
fn written(process: u32) -> Option<u64> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    let count = io.lines().find_map(|line| line.strip_prefix("wchar: "))?;
    count.trim().parse().ok()
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
