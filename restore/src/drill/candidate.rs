//! One candidate of a source is looked into, restored beside the real storage, verified, timed and thrown away.

use std::cell::Cell;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use declaration::settings::{Check, Service};
use declaration::value::TierName;
use jiff::Timestamp;
use report::progress::bytes;
use storage::{Error, ErrorKind, Snapshot, give_way, local};

use crate::context::Context;
use crate::executor::{Goal, bring};
use crate::failure::Failure;
use crate::proof::{Drilled, Outcome};
use crate::search::in_doubt;
use crate::slots::Turn;
use crate::source::list::sources;
use crate::source::{Sample, Source, word};
use crate::verdict::{Held, held};

/// How often is looked whether a restore waits for the slot.
const LOOK: Duration = Duration::from_millis(500);

/// How often a candidate is begun at most because restores came first.
const TRIES: u32 = 3;

/// What came of one candidate.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The candidate; `None`: there is none.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    pub(super) bytes: u64,
}

impl Candidate {
    fn without(outcome: Outcome) -> Self {
        Self {
            snapshot: None,
            outcome,
            took: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Its source could not be asked.
    pub(super) fn not_asked(error: &Error) -> Self {
        Self::without(not_drilled(error))
    }

    /// None of its snapshots holds the data, but something that is filed otherwise may.
    pub(super) fn in_doubt(error: &Error) -> Self {
        Self::without(failed(error, true))
    }

    /// No snapshot of a `part` holds the data any more. This is the last that was drilled: it is noted for the drills to come.
    pub(super) fn lost(part: &str, last: Snapshot) -> Self {
        let error = Error::new(
            part,
            format!(
                "there is no snapshot that holds the data, and there was one of {}",
                local(last.taken)
            ),
            "see what destroyed them, and have one made; `preseedctl list` shows what the other sources have",
        );
        Self {
            snapshot: Some(last),
            ..Self::without(not_drilled(&error.of_kind(ErrorKind::Gone)))
        }
    }

    /// A restore has put other storage in the place, and no snapshot of that was taken yet.
    pub(super) fn not_yet(restored: Timestamp) -> Self {
        let restored = local(restored);
        Self::without(meant(format!(
            "it was restored since the last drill ({restored}), and no snapshot was taken after that"
        )))
    }

    /// No snapshot holds the data.
    pub(super) fn none() -> Self {
        Self::without(meant("there is no snapshot that holds the data"))
    }
}

/// It was meant not to be drilled.
fn meant(why: impl Into<String>) -> Outcome {
    Outcome::NotDrilled {
        error: String::new(),
        why: why.into(),
    }
}

fn not_drilled(error: &Error) -> Outcome {
    Outcome::NotDrilled {
        error: error.kind().code().to_owned(),
        why: error.to_string(),
    }
}

fn failed(error: &Error, of_a_part: bool) -> Outcome {
    Outcome::Failed {
        error: error.kind().code().to_owned(),
        why: error.to_string(),
        of_a_part,
    }
}

/// Drills one candidate; `done`: what was drilled of the same part just now. `None`: it is gone, or holds nothing that could
/// be the data, so it is no candidate.
pub(super) fn of(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    done: &[Drilled],
) -> Option<Candidate> {
    let candidate = |outcome, took, bytes| {
        Some(Candidate {
            snapshot: Some(snapshot.clone()),
            outcome,
            took,
            bytes,
        })
    };
    if let Some(same) = cloned_before(source, snapshot, done) {
        let took = Duration::from_millis(same.took);
        return candidate(same.outcome.clone(), took, same.bytes);
    }
    let mut tries = 1;
    loop {
        let is_of_all = Cell::new(false);
        let (took, came) = match timed(context, source, snapshot, &is_of_all) {
            Ok(came) => came,
            Err(error) => return candidate(not_drilled(&error), Duration::ZERO, 0),
        };
        let gave_way = give_way::go_on();
        return match came {
            Ok(Came::Nothing) => None,
            Ok(Came::Outcome(outcome)) => candidate(outcome, took, 0),
            Ok(Came::Restored(outcome, bytes)) => candidate(outcome, took, bytes),
            Err(_) if gave_way && tries < TRIES => {
                tries += 1;
                continue;
            }
            Err(failure) if is_gone(source, snapshot, &failure) => None,
            Err(Failure::Snapshot(error)) => candidate(failed(&error, !is_of_all.get()), took, 0),
            Err(failure) => candidate(not_drilled(failure.error()), took, 0),
        };
    }
}

/// What another tier has just shown of the same snapshot: a rollback is proved by the clone that the tier `snapshot` restores
/// by.
fn cloned_before<'d>(
    source: &dyn Source,
    snapshot: &Snapshot,
    done: &'d [Drilled],
) -> Option<&'d Drilled> {
    if source.moves_data() || source.tier() != TierName::Snapshot {
        return None;
    }
    let rollback = word(TierName::Rollback);
    done.iter()
        .find(|other| other.tier == rollback && other.is_of(snapshot) && other.outcome.tells())
}

/// What came of a look at a candidate.
enum Came {
    /// It holds nothing that could be the data.
    Nothing,
    /// It was not brought.
    Outcome(Outcome),
    /// It was brought, so many bytes.
    Restored(Outcome, u64),
}

/// Drills a candidate, and gives how long that took: the wait for its turn aside. `is_of_all` is set once all of it is
/// restored, not only a sample.
fn timed(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    is_of_all: &Cell<bool>,
) -> Result<(Duration, Result<Came, Failure>), Error> {
    context.machine.wait_for_others(context.service)?;
    let only = if source.moves_data() {
        let only = context.turn.take_only_drill()?;
        context.turn.take()?;
        Some(only)
    } else {
        None
    };
    let begun = Instant::now();
    let came = giving_way(&context.turn, || {
        look_and_bring(context, source, snapshot, is_of_all)
    });
    let took = begun.elapsed();
    context.turn.give_back();
    drop(only);
    Ok((took, came))
}

/// Does `work`, which is asked to give way once a restore waits for the slot it has.
fn giving_way<T>(turn: &Turn<'_>, work: impl FnOnce() -> T) -> T {
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if turn.is_to_give_way() {
                    give_way::ask();
                }
            }
        });
        let worked = work();
        drop(done);
        worked
    })
}

fn look_and_bring(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    is_of_all: &Cell<bool>,
) -> Result<Came, Failure> {
    let contents = source.contents(snapshot)?;
    match held(&contents, &context.observation.contents) {
        Held::Data => {}
        Held::Nothing(_) => return Ok(Came::Nothing),
        Held::Doubtful(why) => {
            let error = in_doubt(context, source, snapshot, &why);
            return Ok(Came::Outcome(failed(&error, true)));
        }
    }
    if let Some(obstacle) = source.obstacle(snapshot) {
        return Ok(Came::Outcome(meant(obstacle.to_string())));
    }
    let (mut size, most) = (source.size(snapshot)?, context.service.drill.max_size);
    if size > most {
        let Some(sample) = source.sample(snapshot) else {
            return Ok(Came::Outcome(too_large("it has", size, most)));
        };
        let sample = sample?;
        // A backup may hold more than the service's directory.
        if sample.all > most {
            return sampled(context, source, snapshot, sample);
        }
        size = sample.all;
    }
    if let Some(why) = no_room(context, size)? {
        return Ok(Came::Outcome(why));
    }
    is_of_all.set(true);
    let restored = bring(context, source, snapshot, Goal::Verified)?;
    Ok(Came::Restored(Outcome::Proven, restored.bytes))
}

/// `what` has so many bytes, and that is more than may be copied.
fn too_large(what: &str, size: u64, most: u64) -> Outcome {
    meant(format!(
        "{what} {}, and `max-size` in [drill] allows {}",
        bytes(size),
        bytes(most)
    ))
}

/// Why so many bytes are not copied: a fifth of the pool is left free.
fn no_room(context: &Context<'_>, size: u64) -> Result<Option<Outcome>, Failure> {
    if size == 0 {
        return Ok(None);
    }
    let room = context.storage.room().map_err(Failure::Storage)?;
    let error = |what| {
        Error::new(
            context.service.name.as_str(),
            what,
            "make room, or let `max-size` in [drill] be less",
        )
        .of_kind(ErrorKind::NoSpace)
    };
    Ok((size > room).then(|| {
        not_drilled(&error(format!(
            "a copy takes {}, and a drill may take {}: it leaves a fifth of the pool free",
            bytes(size),
            bytes(room)
        )))
    }))
}

/// Restores a sample, as far as that is not too large itself.
fn sampled(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    sample: Sample,
) -> Result<Came, Failure> {
    // What is expected may be nearly all that there is.
    let most = context.service.drill.max_size;
    if sample.needed > most {
        let what = "what `expect` and `verify` name of it has";
        return Ok(Came::Outcome(too_large(what, sample.needed, most)));
    }
    if let Some(why) = no_room(context, sample.bytes)? {
        return Ok(Came::Outcome(why));
    }
    let service = limited(context.service, sample.paths);
    let part = of_a_part(context, &service);
    let name = source.name();
    let sources = sources(&part);
    let source = sources.iter().find(|other| other.name() == name);
    let source = source.ok_or_else(|| {
        let what = "a sample cannot be restored: its source is none of the service's";
        Failure::Source(Error::internal(&name, what))
    })?;
    let restored = bring(&part, source.as_ref(), snapshot, Goal::Verified)?;
    Ok(Came::Restored(Outcome::Sampled, restored.bytes))
}

/// The same drill of a service of which only a part is wanted.
fn of_a_part<'a>(context: &Context<'a>, service: &'a Service) -> Context<'a> {
    Context::new(
        service,
        context.storage,
        context.observation,
        context.machine,
    )
    .with_turn_of(context)
}

/// The service of which only a sample is wanted.
fn limited(service: &Service, mut sample: Vec<std::path::PathBuf>) -> Service {
    let mut limited = service.clone();
    // What a command looks at, nobody knows.
    limited
        .preseed
        .verify
        .retain(|check| matches!(check, Check::Sqlite(_)));
    sample.sort();
    sample.dedup();
    limited.preseed.paths = sample;
    limited
}

/// Whether a candidate that failed is one that somebody has destroyed since it was listed.
fn is_gone(source: &dyn Source, snapshot: &Snapshot, failure: &Failure) -> bool {
    let now = source.list_again(failure);
    matches!(now, Some(Ok(now)) if now.iter().all(|other| other.name != snapshot.name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use storage::InPlace;

    use super::*;
    use crate::tests::fakes::machine::FakeMachine;
    use crate::tests::fakes::storage::FakeStorage;
    use crate::tests::fakes::{Disk, World, service};

    #[test]
    fn a_sample_gives_way_to_a_restore_as_the_whole_does() {
        let mut service = service();
        service.max_parallel_restores = 1;
        let (world, slots) = (World::new(Disk::default()), tempfile::tempdir().unwrap());
        let storage = FakeStorage {
            world: &world,
            service: &service,
        };
        let machine = FakeMachine {
            world: &world,
            elsewhere: &[],
            slots: slots.path(),
        };
        let observation = storage.observe().unwrap();
        let whole = Context::new(&service, &storage, &observation, &machine).of_a_drill();
        let limited = limited(&service, Vec::new());
        let part = of_a_part(&whole, &limited);
        part.turn.take().unwrap();
        let restore = Turn::of(&service, slots.path());
        let gives_way = std::thread::scope(|scope| {
            scope.spawn(|| restore.take().unwrap());
            let since = Instant::now();
            while !whole.turn.is_to_give_way() && since.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let gives_way = whole.turn.is_to_give_way();
            part.turn.give_back();
            gives_way
        });
        assert!(gives_way && !whole.turn.is_to_give_way());
    }
}
