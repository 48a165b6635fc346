//! Only so many checks run at once on a host. They hold no restore's slot: a check may take long, and moves no data. None of a
//! restore waits for one of a drill.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

use declaration::settings::Service;
use nix::fcntl::Flock;
use report::status;
use storage::{Error, Result};

use crate::lock_files::LockFiles;

/// Where the directories of the lock files are. The holders of these die with them.
const ROOT: &str = "/run/preseed";

/// The directory of the checks of restores.
const RESTORES: &str = "checks";

/// The directory of the checks of drills.
const DRILLS: &str = "drill-checks";

/// How long a check may take where `stall-timeout` is `infinity`.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// How often is looked whether one is free.
const LOOK: Duration = Duration::from_millis(200);

/// One of the turns, given back when it is dropped. No program inherits it.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] Flock<File>);

/// Waits until fewer checks run than restores that move data may, and takes a turn: each of them has a deadline. Of drills, one
/// runs at a time.
///
/// # Errors
/// When the lock files cannot be made.
pub(super) fn take(service: &Service, is_drill: bool) -> Result<Turn> {
    take_in(Path::new(ROOT), service, is_drill, None)
}

/// Takes the turn of drills for a check of a service, and waits for it no longer than `limit`.
///
/// # Errors
/// As [`take`], and when the check of another service's data lasts longer.
pub fn take_for_a_drill(service: &Service, limit: Option<Duration>) -> Result<Turn> {
    take_in(Path::new(ROOT), service, true, limit)
}

fn take_in(
    root: &Path,
    service: &Service,
    is_drill: bool,
    limit: Option<Duration>,
) -> Result<Turn> {
    let (directory, most) = if is_drill {
        (root.join(DRILLS), 1)
    } else {
        (root.join(RESTORES), service.max_parallel_restores)
    };
    let refused = |error: io::Error| {
        Error::new(
            directory.to_string_lossy(),
            format!("no check can be let in there: {error}"),
            "see that /run is writable, and that we run as root",
        )
        .caused_by(&error)
    };
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let mut files = LockFiles::new(&directory, most, service.stall_timeout);
    let since = Instant::now();
    let mut waits = false;
    loop {
        if let Some(lock) = files.take_one().map_err(refused)? {
            return Ok(Turn(lock));
        }
        if limit.is_some_and(|limit| since.elapsed() >= limit) {
            return Err(Error::new(
                service.name.as_str(),
                format!(
                    "its check was not begun within {} min: the check of another service's data runs",
                    since.elapsed().as_secs() / 60
                ),
                "see `systemctl status 'drill-*' 'backup-*' storage-snapshots-proof`",
            )
            .of_kind(storage::ErrorKind::Timeout));
        }
        if !waits {
            waits = true;
            status::say("waiting for the check of another service's data to end");
        }
        std::thread::sleep(LOOK);
    }
}

/// How long a check may take.
pub(super) fn deadline(service: &Service) -> Duration {
    service.stall_timeout.min(LONGEST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::channel;

    use super::*;
    use crate::tests::fakes::service;

    #[test]
    fn a_restore_waits_for_no_check_of_a_drill() {
        let root = tempfile::tempdir().unwrap();
        let mut service = service();
        service.max_parallel_restores = 1;
        let drill = take_in(root.path(), &service, true, None).unwrap();
        let limit = Some(Duration::ZERO);
        assert!(take_in(root.path(), &service, true, limit).is_err());
        let (taken, is_taken) = channel();
        let path = root.path().to_owned();
        for is_drill in [false, true] {
            let (taken, path, service) = (taken.clone(), path.clone(), service.clone());
            std::thread::spawn(move || {
                let turn = take_in(&path, &service, is_drill, None).unwrap();
                taken.send(is_drill).unwrap();
                drop(turn);
            });
        }
        let next = || is_taken.recv_timeout(Duration::from_secs(10));
        assert_eq!(next(), Ok(false));
        drop(drill);
        assert_eq!(next(), Ok(true));
    }
}
