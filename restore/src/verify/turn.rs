//! Only so many checks run at once on a host. They hold no restore's slot: a check may take long, and moves no data. None of a
//! restore waits for one of a drill.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use declaration::settings::Service;
use nix::fcntl::{Flock, FlockArg};
use report::status;
use storage::{Error, Result};

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
    take_in(Path::new(ROOT), service, is_drill)
}

/// Takes the turn of drills for a check of a service if it is free now; `None`: another one's check runs.
///
/// # Errors
/// When the lock files cannot be made.
pub fn try_for_a_drill(service: &Service) -> Result<Option<Turn>> {
    try_in(Path::new(ROOT), service, true)
}

fn take_in(root: &Path, service: &Service, is_drill: bool) -> Result<Turn> {
    let mut waits = false;
    loop {
        if let Some(turn) = try_in(root, service, is_drill)? {
            return Ok(turn);
        }
        if !waits {
            waits = true;
            status::say("waiting for the check of another service's data to end");
        }
        std::thread::sleep(LOOK);
    }
}

fn try_in(root: &Path, service: &Service, is_drill: bool) -> Result<Option<Turn>> {
    let (directory, turns) = if is_drill {
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
    for number in 0..turns {
        let path = directory.join(number.to_string());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&path)
            .map_err(refused)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(Turn(lock))),
            Err((_, nix::Error::EWOULDBLOCK)) => {}
            Err((_, error)) => return Err(refused(error.into())),
        }
    }
    Ok(None)
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
        let drill = take_in(root.path(), &service, true).unwrap();
        assert!(try_in(root.path(), &service, true).unwrap().is_none());
        let (taken, is_taken) = channel();
        let path = root.path().to_owned();
        for is_drill in [false, true] {
            let (taken, path, service) = (taken.clone(), path.clone(), service.clone());
            std::thread::spawn(move || {
                let turn = take_in(&path, &service, is_drill).unwrap();
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
