//! A restore by restic that waits for a lock, goes on without one that nobody holds, and tries again what may be
//! better in a moment.

use std::path::Path;
use std::time::{Duration, Instant};

use declaration::settings::Service;
use report::{Event, Kind as EventKind, Progress, status};
use storage::{Error, ErrorKind, Snapshot};

use super::call::Call;
use super::failure_kind::{Kind, RepositoryFailure};
use super::locks::{self, Machine};
use super::named::Named;
use super::proof::{self, Look};
use super::transfer::{self, How};
use crate::failure::Failure;
use crate::slots::Turn;

/// How often a restore is begun at most because the network or the server fails.
const TRIES: u32 = 3;

/// How long is waited before the second one, and then until the repository answers.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long is waited for a repository that is away. A disk or a server that blinks is back by then.
const LONGEST_ABSENCE: Duration = Duration::from_secs(20);

/// How long is waited between two looks at a lock at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Restores a snapshot below `target` (absolute), which must not be there yet; only the paths `include` of it
/// (absolute), if any.
///
/// # Errors
/// See [`Failure`]. A repository that stays locked for the service's `stall-timeout` is unavailable, and so is one that
/// goes away and stays away.
pub(super) fn restore(
    call: &Call<'_>,
    turn: &Turn<'_>,
    snapshot: &Snapshot,
    (include, exclude): (&[String], &[String]),
    target: &Path,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let service = turn.service();
    let mut how = How {
        exclude,
        lock: true,
        sparse: true,
        stall_timeout: service.stall_timeout,
    };
    let mut wait = Wait::default();
    let mut tries = 1;
    loop {
        let failure = match transfer::restore(call, snapshot, include, target, &how, progress) {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        match failure.kind {
            Kind::Locked if how.lock => how.lock = wait.for_lock(call, turn)?,
            Kind::NoLock if how.lock => {
                how.lock = false;
                without_lock(
                    service,
                    &format!("going on without a lock: {}", failure.error.fault()),
                );
            }
            // restic says so before it does anything.
            Kind::NoSparse if how.sparse => how.sparse = false,
            Kind::Transient if tries < TRIES => {
                try_again(call, turn, tries, &failure.error)?;
                tries += 1;
            }
            // Without a lock, somebody may be removing what is being read.
            Kind::Damaged if !how.lock => return Err(Failure::Source(failure.error)),
            Kind::Damaged if tries < TRIES && !failure.error.kind().is_lack_of_space() => {
                match proof::look(call, Some(snapshot), &failure.named) {
                    Look::Proven => return Err(Failure::Snapshot(failure.error)),
                    Look::Away(away) => {
                        until_it_is_back(call, turn, snapshot, &failure.named, away)?;
                    }
                    Look::Sound => {
                        call.use_cache(false);
                        try_again(call, turn, tries, &failure.error)?;
                    }
                }
                tries += 1;
            }
            _ => return Err(proof::blame(call, Some(snapshot), failure)),
        }
        clear(target).map_err(Failure::Source)?;
    }
}

/// Waits before a restore is begun again, the longer the oftener it was, and until the repository answers. Meanwhile
/// others may have its slot.
fn try_again(call: &Call<'_>, turn: &Turn<'_>, tries: u32, error: &Error) -> Result<(), Failure> {
    let pause = FIRST_PAUSE * 3_u32.pow(tries - 1);
    turn.pass(|| {
        status::say(&format!(
            "{}; trying again in {} s",
            error.fault(),
            pause.as_secs()
        ));
        std::thread::sleep(pause);
        call.wait_for_it();
    })
}

/// Waits until a repository that is `away` is back, and looks ever less often. Meanwhile others may have the restore's
/// slot.
///
/// # Errors
/// It stays away.
fn until_it_is_back(
    call: &Call<'_>,
    turn: &Turn<'_>,
    snapshot: &Snapshot,
    named: &Named,
    mut away: Error,
) -> Result<(), Failure> {
    let limit = LONGEST_ABSENCE.min(turn.service().stall_timeout);
    let mut is_back = false;
    turn.pass(|| {
        let since = Instant::now();
        let mut pause = Duration::from_secs(1);
        while !is_back && since.elapsed() < limit {
            status::say(&format!("waiting: {}; looking again", away.fault()));
            std::thread::sleep(pause.min(limit.saturating_sub(since.elapsed())));
            pause *= 2;
            match proof::look(call, Some(snapshot), named) {
                Look::Away(still) => away = still,
                // What is missing of one that comes back may still come: only the next restore tells.
                Look::Proven | Look::Sound => is_back = true,
            }
        }
    })?;
    if is_back {
        Ok(())
    } else {
        Err(Failure::Unavailable(away))
    }
}

/// The wait for a lock.
#[derive(Default)]
struct Wait {
    since: Option<Instant>,
    pause: Duration,
}

impl Wait {
    /// Waits a little for whoever holds the lock. Gives whether one is needed: nobody holds a stale one.
    fn for_lock(&mut self, call: &Call<'_>, turn: &Turn<'_>) -> Result<bool, Failure> {
        let locks = locks::exclusive(call).map_err(RepositoryFailure::of_the_source)?;
        let machine = Machine::this();
        let held = locks
            .iter()
            .find(|lock| !lock.is_stale(&machine, locks::runs));
        match (held, locks.first()) {
            (Some(held), _) => self.pause(call, turn, &format!("by {held}"))?,
            (None, Some(stale)) => {
                without_lock(
                    turn.service(),
                    &format!(
                        "{} is locked by {stale}, which is gone: going on without a lock; `restic unlock` removes it",
                        call.subject()
                    ),
                );
                return Ok(false);
            }
            // Given back since.
            (None, None) => self.pause(call, turn, "by somebody who has just given it back")?,
        }
        Ok(true)
    }

    /// Waits a little, each time longer. Meanwhile others may have the restore's slot.
    fn pause(&mut self, call: &Call<'_>, turn: &Turn<'_>, held: &str) -> Result<(), Failure> {
        let stall_timeout = turn.service().stall_timeout;
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= stall_timeout {
            return Err(Failure::Unavailable(Error::new(
                call.subject(),
                format!(
                    "it is locked {held}, still after a wait of {} s",
                    since.elapsed().as_secs()
                ),
                "wait until its holder ends, or see `restic list locks`, then start the service again",
            ).of_kind(ErrorKind::Locked)
            .that_heals()));
        }
        let pause = self.next_pause(stall_timeout.saturating_sub(since.elapsed()));
        turn.pass(|| {
            status::say(&format!("waiting: {} is locked {held}", call.subject()));
            std::thread::sleep(pause);
        })
    }

    /// How long is waited until the next look: each time longer, and no longer than what is `left` of the whole wait.
    fn next_pause(&mut self, left: Duration) -> Duration {
        self.pause = (self.pause * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE);
        self.pause.min(left)
    }
}

fn without_lock(service: &Service, message: &str) {
    Event::new(EventKind::WithoutLock, service.name.as_str(), message)
        .tier("restic")
        .outcome("without-lock")
        .tell();
}

/// Removes what an attempt has left.
fn clear(target: &Path) -> Result<(), Error> {
    match storage::tree::remove(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(
            target.to_string_lossy(),
            format!("a part of a restore cannot be removed: {error}"),
            "see that its file system is sound and writable, then start the service again",
        )
        .caused_by(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_a_lock_does_not_go_past_its_end() {
        let mut wait = Wait::default();
        let mut left = Duration::from_secs(4);
        let pauses = [1, 2, 1, 0].map(|seconds| {
            let pause = wait.next_pause(left);
            left = left.saturating_sub(pause);
            (pause, Duration::from_secs(seconds))
        });
        for (pause, expected) in pauses {
            assert_eq!(pause, expected);
        }
    }
}
