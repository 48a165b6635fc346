//! The size of what is restored. For the progress, an error is none of the restore.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use storage::Snapshot;
use storage::stall::end_group;

use super::call::Call;
use super::failure_kind::RepositoryFailure;

/// How long a restore must last before its size is worth another restic, which derives its key again.
const WORTH_IT: Duration = Duration::from_secs(2);

/// The size in bytes that restic adds up.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn of(call: &Call<'_>, snapshot: &Snapshot) -> Result<u64, RepositoryFailure> {
    let args = ["stats", "--json", "--mode", "restore-size", &snapshot.name];
    let told = call.ask(&args)?;
    let stats: Result<Stats, _> = serde_json::from_str(&told.stdout);
    let stats = stats.map_err(|error| call.unreadable("stats", &error))?;
    Ok(stats.total_size)
}

/// The size in bytes, as the snapshot says (from restic 0.17 on), else as restic adds it up beside the restore.
pub(super) struct Size<'a> {
    call: &'a Call<'a>,
    snapshot: &'a Snapshot,
    since: Instant,
    known: Option<u64>,
    asked: bool,
    asking: Option<Child>,
}

#[derive(Debug, Deserialize)]
struct Stats {
    total_size: u64,
}

impl<'a> Size<'a> {
    /// Of a snapshot whose restore begins now. That of a `part` of it is not known.
    pub(super) fn new(call: &'a Call<'a>, snapshot: &'a Snapshot, part: bool) -> Self {
        Self {
            call,
            snapshot,
            since: Instant::now(),
            known: (snapshot.bytes > 0 && !part).then_some(snapshot.bytes),
            asked: part,
            asking: None,
        }
    }

    /// The size as far as it is known; asks for it if it is not, and waits for nothing.
    pub(super) fn ask(&mut self) -> Option<u64> {
        if self.known.is_none() && !self.asked && self.since.elapsed() >= WORTH_IT {
            self.asked = true;
            let id = &self.snapshot.name;
            let args = ["--no-lock", "stats", "--json", "--mode", "restore-size", id];
            let mut command = self.call.command(&args);
            command
                .process_group(0)
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            self.asking = command.spawn().ok();
        }
        if let Some(child) = &mut self.asking
            && let Ok(Some(status)) = child.try_wait()
        {
            let mut told = String::new();
            if let Some(mut stdout) = child.stdout.take() {
                let _ = stdout.read_to_string(&mut told);
            }
            let stats: Option<Stats> = serde_json::from_str(&told).ok();
            self.known = stats
                .filter(|_| status.success())
                .map(|stats| stats.total_size);
            self.asking = None;
        }
        self.known
    }
}

impl Drop for Size<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.asking {
            // It has not answered before the restore ended.
            let _ = end_group(child);
        }
    }
}
