//! A declared command, which is given a copy of the data.

use std::ops::RangeInclusive;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use declaration::settings::{CheckCommand, Service};
use declaration::trust;
use nix::sys::statvfs::statvfs;
use process::{Ending, Identity, confine};
use storage::command::{line_of, not_started};
use storage::{Error, ErrorKind, Result, Trial};

use super::turn::deadline;

/// Statuses by which a shell says that it could not run something (sh(1p)).
const NOT_RUN: [i32; 2] = [126, 127];

/// Statuses by which a shell says that a signal has ended something: by the kernel for want of memory, most often.
const SIGNALLED: RangeInclusive<i32> = 129..=128 + 64;

/// Where programs are looked for that the command starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Stands in for root: a user without any rights (systemd's UIDS-GIDS.md).
const NOBODY: Identity = Identity {
    uid: 65534,
    gid: 65534,
};

/// Where the command may write beside the copy.
const TMP: &str = "/tmp";

/// Less room than this is none, in bytes.
const NO_ROOM: u64 = 1 << 20;

/// How long is looked for what the command could not read.
const LOOK: Duration = Duration::from_secs(10);

/// That the command is there, may be executed, and that nobody but root can have put it there.
pub(super) fn must_be_there(command: &CheckCommand, service: &Service) -> Result<()> {
    let program = program(command);
    let refused = |fault: String, help: String| {
        Err(Error::new(
            program,
            format!("it cannot be run to verify restored data: {fault}"),
            help,
        )
        .of_kind(ErrorKind::CheckFailed))
    };
    let correct = format!("or correct `verify` in {}", service.source.display());
    match std::fs::metadata(program) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {}
        Ok(_) => {
            return refused(
                "it cannot be executed".into(),
                format!("install it, {correct}"),
            );
        }
        Err(error) => return refused(error.to_string(), format!("install it, {correct}")),
    }
    match trust::check(Path::new(program)) {
        Ok(()) => Ok(()),
        Err(invalid) => refused(invalid.what, format!("{}; {correct}", invalid.help)),
    }
}

fn program(command: &CheckCommand) -> &str {
    command
        .words
        .first()
        .map(String::as_str)
        .unwrap_or_default()
}

/// Runs the command as `who` with the copy's directory, seen at the service's path, as its last argument, until its
/// deadline. Gives what is wrong with the data, in words, if it says so by its exit status.
///
/// # Errors
/// When it cannot be run to its own end, or could not do what it wanted: that says nothing of the data.
pub(super) fn check(
    checked: &CheckCommand,
    service: &Service,
    who: Identity,
    trial: &Trial,
) -> Result<std::result::Result<(), String>> {
    let directory = give_copy(service, who, trial)?;
    let mut command = Command::new(program(checked));
    command.args(checked.words.iter().skip(1)).arg(&directory);
    confine(&mut command, who);
    command
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("PRESEED_SERVICE", service.name.as_str())
        .current_dir("/");
    let limit = deadline(service);
    let line = line_of(&command);
    let watched = process::run(&mut command, who.uid, limit).map_err(|error| {
        not_started(&command, &error).while_doing("restored data could not be verified")
    })?;
    let last = if watched.stderr.is_empty() {
        watched.stdout
    } else {
        watched.stderr
    };
    let not_done = |what: String| {
        Error::new(
            service.name.as_str(),
            format!("restored data could not be verified: `{line}` {what}: {last}"),
            format!(
                "see why, or correct `verify` or `stall-timeout` in {}",
                service.source.display()
            ),
        )
        .of_kind(ErrorKind::CheckFailed)
    };
    let status = match watched.ending {
        Ending::Ended(status) => status,
        Ending::TimeIsUp => {
            return Err(not_done(format!("was ended after {} s", limit.as_secs())));
        }
    };
    if status.success() {
        return Ok(Ok(()));
    }
    match hindered(status, &watched.hindrance, who, &trial.root) {
        Some(what) => Err(not_done(what)),
        None => Ok(Err(format!("`{line}` ended with {status}: {last}"))),
    }
}

/// Makes the copy one that the command may use as `who`. Gives where it sees the copy.
fn give_copy(service: &Service, who: Identity, trial: &Trial) -> Result<PathBuf> {
    let not_given = |error: std::io::Error| {
        Error::new(
            service.name.as_str(),
            format!(
                "restored data could not be verified: the copy cannot be given to the check: {error}"
            ),
            "see that its file system has room",
        ).caused_by(&error)
    };
    let _ = std::fs::remove_dir(&trial.files);
    // As it will be in its place; a stand-in for root gets at it as root would.
    chown(&trial.root, Some(who.uid), Some(who.gid)).map_err(not_given)?;
    let mode = PermissionsExt::from_mode(service.mode.bits());
    std::fs::set_permissions(&trial.root, mode).map_err(not_given)?;
    trial.show_copy(service)
}

/// How a command that failed ended, if something has kept it from its work: then its status says nothing of the data.
/// `told`: the line in which it says so itself, or empty.
fn hindered(status: ExitStatus, told: &str, who: Identity, copy: &Path) -> Option<String> {
    let is_of_a_shell = |code| NOT_RUN.contains(&code) || SIGNALLED.contains(&code);
    if status.code().is_none_or(is_of_a_shell) {
        return Some(format!("ended with {status}"));
    }
    for (what, directory) in [("the copy it was given", copy), ("/tmp", TMP.as_ref())] {
        if has_no_room(directory) {
            return Some(format!("ended with {status}, and {what} has no room left"));
        }
    }
    if let Some(path) = unreadable_for(who, copy) {
        let path = path.strip_prefix(copy).unwrap_or(&path).display();
        return Some(format!(
            "ended with {status} as user {}, who cannot read {path} (`user = \"root\"` runs it as root)",
            who.uid
        ));
    }
    (!told.is_empty())
        .then(|| format!("ended with {status}, and says that it could not do its work ({told})"))
}

/// Whom a command runs as.
///
/// # Errors
/// When the declared owner or group does not exist, or cannot be asked for.
pub(super) fn identity(command: &CheckCommand, service: &Service) -> Result<Identity> {
    let (uid, gid) = storage::owner(service)?;
    Ok(match (uid, command.as_root) {
        (_, true) => Identity { uid: 0, gid: 0 },
        (0, false) => NOBODY,
        (uid, false) => Identity { uid, gid },
    })
}

fn has_no_room(directory: &Path) -> bool {
    #[allow(clippy::unnecessary_cast, reason = "their width differs by platform")]
    statvfs(directory).is_ok_and(|room| {
        (room.blocks_available() as u64).saturating_mul(room.fragment_size() as u64) < NO_ROOM
            || (room.files() > 0 && room.files_available() == 0)
    })
}

/// Something in the directory that this user cannot read, by its mode. Looked for only for a while.
fn unreadable_for(who: Identity, directory: &Path) -> Option<PathBuf> {
    if who.uid == 0 {
        return None;
    }
    let began = Instant::now();
    let mut left = vec![directory.to_path_buf()];
    while let Some(here) = left.pop() {
        for entry in std::fs::read_dir(&here).ok()?.flatten() {
            if began.elapsed() >= LOOK {
                return None;
            }
            let Ok(found) = entry.metadata() else {
                continue;
            };
            let shift = if found.uid() == who.uid {
                6
            } else if found.gid() == who.gid {
                3
            } else {
                0
            };
            let may = found.mode() >> shift;
            let is_open = if found.is_dir() {
                may & 0o5 == 0o5
            } else {
                !found.is_file() || may & 0o4 == 0o4
            };
            if !is_open {
                return Some(entry.path());
            }
            if found.is_dir() {
                left.push(entry.path());
            }
        }
    }
    None
}
