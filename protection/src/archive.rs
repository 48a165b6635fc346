//! `restic backup`, watched.

use std::path::Path;
use std::time::Duration;

use declaration::settings::Backup;
use jiff::Timestamp;
use report::Progress;
use restore::source::restic::call::Call;
use restore::source::restic::failure_kind::{RepositoryFailure, unwrapped};
use restore::source::restic::snapshot_entry::INCOMPLETE;
use serde::Deserialize;
use storage::command::{Ended, one_line};
use storage::stall::Stall;
use storage::watched::{Activity, GivenUp, watch_lines};
use storage::{Error, local};

use crate::apart;
use crate::work::{self, waiting_for_locks};

/// By this exit status, restic says that some files could not be read.
const SOME_UNREAD: i32 = 3;

/// How many files are named.
const FEW: usize = 5;

/// How much is kept of what restic says, in bytes.
const ENOUGH_SAID: usize = 1 << 16;

/// What is backed up, and how it is filed.
pub(crate) struct Order<'a> {
    pub(crate) backup: &'a Backup,
    /// The service, by name.
    pub(crate) service: &'a str,
    pub(crate) host: &'a str,
    /// Where the service's own data is mounted, at which what is left out is anchored.
    pub(crate) mountpoint: &'a Path,
    /// The directories (absolute).
    pub(crate) paths: &'a [&'a Path],
    /// The tags under which it is filed apart from the start; none: it gets the service's own.
    pub(crate) apart: Vec<&'static str>,
    /// When they were as they are.
    pub(crate) taken: Timestamp,
    /// How long it may make no progress.
    pub(crate) stall_timeout: Duration,
}

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// The snapshot's id, at least its beginning.
    pub(crate) id: String,
    /// The bytes of all files.
    pub(crate) bytes: u64,
    /// The bytes that the repository has grown by, as far as restic tells.
    pub(crate) added: u64,
}

/// A line of `restic backup --json`. Absent fields mean 0.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    message_type: String,
    total_bytes: u64,
    bytes_done: u64,
    files_done: u64,
    total_bytes_processed: u64,
    data_added: u64,
    snapshot_id: String,
    item: String,
}

/// Backs up.
///
/// # Errors
/// When it fails, or when some files could not be read: what was stored without them is then filed apart, so that no
/// restore takes it by itself.
pub(crate) fn make(call: &Call<'_>, order: &Order<'_>) -> Result<Made, Error> {
    let made = waiting_for_locks(call, || once(call, order));
    match made.map_err(|failure| failure.error)? {
        Stored::All(made) => Ok(made),
        Stored::Some(made, unread) => Err(incomplete(call, order, &made, &unread)),
    }
}

/// How a backup ended that stored something.
enum Stored {
    All(Made),
    /// Without these.
    Some(Made, Unread),
}

/// What could not be read.
#[derive(Default)]
struct Unread {
    few: Vec<String>,
    count: usize,
}

fn once(call: &Call<'_>, order: &Order<'_>) -> Result<Stored, RepositoryFailure> {
    let mut args = vec!["backup".to_owned(), "--json".to_owned()];
    args.push(format!("--host={}", order.host));
    args.push(format!(
        "--time={}",
        order.taken.strftime("%Y-%m-%d %H:%M:%S")
    ));
    let own = order.backup.tags.iter().map(String::as_str);
    let own = own.filter(|_| order.apart.is_empty());
    let tags = own.chain(order.apart.iter().copied());
    args.extend(tags.map(|tag| format!("--tag={tag}")));
    let excluded = order.backup.excluded(order.mountpoint).into_iter();
    args.extend(excluded.map(|pattern| format!("--exclude={pattern}")));
    args.push("--".to_owned());
    for path in order.paths {
        let text = path.to_str().ok_or_else(|| {
            Error::new(
                path.to_string_lossy(),
                "restic cannot file a path that is not UTF-8",
                "declare another mountpoint",
            )
        })?;
        args.push(text.to_owned());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = work::command(call, &args);
    command.env("RESTIC_PROGRESS_FPS", "1");
    let mut follow = Follow {
        stall: Stall::new(order.stall_timeout),
        progress: Progress::new(format!(
            "backing up {} to {}",
            order.service,
            call.subject()
        )),
        done: 0,
        said: String::new(),
        summary: None,
        unread: Unread::default(),
    };
    let watched = watch_lines(&mut command, GivenUp::IsEnded, |told| follow.told(told))?;
    if watched.given_up.is_some() {
        return Err(follow
            .stall
            .error(&call.subject(), "`restic backup`")
            .into());
    }
    let code = watched.ended.status.code();
    match (code, follow.summary) {
        (Some(0), Some(made)) if follow.unread.count == 0 => Ok(Stored::All(made)),
        (Some(0 | SOME_UNREAD), Some(made)) => Ok(Stored::Some(made, follow.unread)),
        _ => Err(call.failed(
            "backup",
            &Ended {
                stderr: one_line(follow.said.as_bytes()),
                ..watched.ended
            },
        )),
    }
}

/// Follows a restic at work.
struct Follow {
    stall: Stall,
    progress: Progress,
    /// Files and bytes that it has dealt with: it may only look at those that have not changed.
    done: u64,
    said: String,
    summary: Option<Made>,
    unread: Unread,
}

impl Follow {
    fn told(&mut self, told: Activity<'_>) -> Option<()> {
        match told {
            Activity::Look(seen) => {
                let moved = seen.moved?.saturating_add(self.done);
                self.stall.at(moved).then_some(())
            }
            Activity::Line { line, .. } => {
                self.line(line);
                None
            }
        }
    }

    fn line(&mut self, line: &str) {
        let told: Line = serde_json::from_str(line).unwrap_or_default();
        match told.message_type.as_str() {
            "status" => {
                // What was looked at counts as much as what moves a MiB.
                self.done = told.bytes_done.saturating_add(told.files_done << 20);
                self.progress.at(told.bytes_done, Some(told.total_bytes));
            }
            "summary" => {
                self.summary = Some(Made {
                    id: told.snapshot_id,
                    bytes: told.total_bytes_processed,
                    added: told.data_added,
                });
            }
            "verbose_status" => {}
            word => {
                if word == "error" {
                    self.unread.count += 1;
                    if self.unread.few.len() < FEW {
                        self.unread.few.push(told.item);
                    }
                }
                if self.said.len() < ENOUGH_SAID {
                    self.said.push_str(&unwrapped(line));
                    self.said.push('\n');
                }
            }
        }
    }
}

/// That some files are not in a backup, which is filed apart.
fn incomplete(call: &Call<'_>, order: &Order<'_>, made: &Made, unread: &Unread) -> Error {
    let mut named = unread.few.join(", ");
    if unread.count > unread.few.len() {
        named = format!("{named} and {} more", unread.count - unread.few.len());
    }
    let when = local(order.taken);
    let (backup, stall_timeout) = (order.backup, order.stall_timeout);
    let filed = match apart::incomplete(call, order.service, &made.id, backup, stall_timeout) {
        Ok(()) if backup.repository.append_only => format!(
            "the snapshot {} of {when} lacks them: no restore of this machine takes it by itself, and one of another \
             would, as this machine may only add to the repository",
            made.id
        ),
        Ok(()) => format!(
            "what could be read is kept under the tag {INCOMPLETE}, which no restore takes by itself"
        ),
        Err(why) => format!("the snapshot {} of {when} lacks them: {why}", made.id),
    };
    Error::new(
        call.subject(),
        format!("some files could not be read: {named}; {filed}"),
        "see `journalctl -k` and `zpool status` for the disk; correct what cannot be read, or leave it out by `exclude`",
    )
}
