//! A service of several parts: its own data and its places. What is lost of them is restored as one.
//!
//! ```text
//! look at each -> decide each -> stage, verify and seal all that is lost -> one point in time? -> put each in place
//! ```
//! Nothing is put in place before all of it is ready. Each part is then put in the place where it is mounted, the outer
//! ones first; what is mounted in it steps aside meanwhile. Should the power go, each part tells by itself what is left to
//! be done with it: a sealed copy, a mark that says which rollback was to come, or that its data is there.

use std::collections::BTreeSet;

use declaration::settings::Service;
use report::{Event, Kind, status};
use storage::{Error, ErrorKind, Result, lock, set};

use crate::acting::{Acting, remember_data};
use crate::decide::{End as _, NOT_STARTED, Outcome, Refusal, decide};
use crate::executor::{of_a_rollback, roll_back_unchanged};
use crate::failure::Failure;
use crate::machine::ThisMachine;
use crate::part::{Part, half_done, waits_for, with_parts};
use crate::pending::{Pending, Prepared};
use crate::points::{self, Point};

/// Restores all that is missing of the service and its places. The storage must have been applied.
///
/// # Errors
/// When the service must not start, with the reason.
pub(crate) fn run(declared: &Service) -> std::result::Result<Outcome, Refusal> {
    let _locks = lock::lock_all(declared, status::wait_for_another)?;
    act_as_found(declared.together, |act| {
        with_parts(declared, &ThisMachine, |parts| act(parts))
    })
}

/// What is done with the parts of a service as they were found: what came of it, and whether that was to finish what somebody
/// had asked for by hand.
type Act<'a> = dyn Fn(&[Part<'_>]) -> std::result::Result<(Outcome, bool), Refusal> + 'a;

/// Does what is to be done about the parts as `look` finds them.
///
/// What an admin has asked for is finished as it was asked for, and that may be to bring back what was lost, or empty. So it
/// is looked once more before the service starts on it.
///
/// # Errors
/// As [`act`].
pub(crate) fn act_as_found(
    together: bool,
    look: impl Fn(&Act<'_>) -> std::result::Result<(Outcome, bool), Refusal>,
) -> std::result::Result<Outcome, Refusal> {
    let act = |parts: &[Part<'_>]| {
        let is_by_hand = half_done(parts).is_some();
        Ok((act(parts, together)?, is_by_hand))
    };
    let (outcome, is_by_hand) = look(&act)?;
    if !is_by_hand {
        return Ok(outcome);
    }
    let (then, _) = look(&act)?;
    Ok(most([outcome, then]))
}

/// Decides about each part, in their order, and does it.
///
/// # Errors
/// When the service must not start, with the reason. Parts whose data is there are left alone, and nothing is put in place
/// unless all that is lost is ready.
fn act(parts: &[Part<'_>], together: bool) -> std::result::Result<Outcome, Refusal> {
    if together {
        points::must_be_one(parts)?;
    }
    let mut acting: Vec<_> = parts
        .iter()
        .map(|part| Acting::deferring(part.context))
        .collect();
    let mut outcomes = Vec::with_capacity(parts.len());
    let half_done = half_done(parts);
    for (part, end) in parts.iter().zip(&mut acting) {
        if half_done.is_some() && waits_for(part) == half_done {
            let context = part.context;
            context.machine.must_be_stopped(context.service)?;
            end.pending = Some(Pending::Swap(None));
            outcomes.push(Outcome::Restored);
            continue;
        }
        // A cache is made, and that is all.
        if !part.context.service.is_restored() {
            outcomes.push(Outcome::Present);
            continue;
        }
        let decided = decide(part.context, part.sources, part.verdict, end);
        let outcome = decided.map_err(|refusal| of_part(part, refusal))?;
        if matches!(outcome, Outcome::Present | Outcome::Adopted) {
            remember_data(part.context, outcome);
        }
        outcomes.push(outcome);
    }
    let mut points = points::of(parts, &acting)?;
    if together {
        points::must_be_one_when_ready(parts, &acting, &points)?;
    }
    must_be_unchanged(parts, &acting)?;
    let done = put_in_place(parts, &mut acting, together);
    for (number, outcome, point) in done.map_err(|error| error.while_doing(NOT_STARTED))? {
        outcomes[number] = outcome;
        points[number] = point;
    }
    for (part, outcome) in parts.iter().zip(&outcomes) {
        if *outcome == Outcome::Restored {
            remember_data(part.context, *outcome);
        }
    }
    // Of what goes on, it was told before it was begun.
    if half_done.is_none() {
        tell_points(parts, &points);
    }
    Ok(most(outcomes))
}

/// Why a part keeps the service down, with its name also in brief.
fn of_part(part: &Part<'_>, refusal: Refusal) -> Refusal {
    let name = part.name();
    let in_brief = refusal.in_brief.map(|brief| {
        if name == part.context.service.of() {
            brief
        } else {
            format!("{name}: {brief}")
        }
    });
    Refusal {
        in_brief,
        ..refusal
    }
}

/// The one that says most.
fn most(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let all = outcomes.into_iter();
    all.max_by_key(|outcome| rank(*outcome))
        .unwrap_or(Outcome::Present)
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Present => 0,
        Outcome::Adopted => 1,
        Outcome::Bootstrapped => 2,
        Outcome::StartedEmpty => 3,
        Outcome::Restored => 4,
    }
}

/// What became of a part (its number) that was to be rolled back, and was not: how it ended, and of which time it is.
pub(crate) type Otherwise = (usize, Outcome, Option<Point>);

/// The parts (their numbers) that something takes the place of.
pub(crate) fn moved(acting: &[Acting<'_>]) -> Vec<usize> {
    let is_moved =
        |end: &Acting<'_>| matches!(end.pending, Some(Pending::Swap(_) | Pending::Rollback(_)));
    (0..acting.len())
        .filter(|number| is_moved(&acting[*number]))
        .collect()
}

/// That nothing has changed in what is replaced while the others took their time.
///
/// # Errors
/// When it has, or when it cannot be told.
pub(crate) fn must_be_unchanged(parts: &[Part<'_>], acting: &[Acting<'_>]) -> Result<()> {
    let mut moved = moved(acting).into_iter();
    moved.try_for_each(|number| parts[number].context.must_be_unchanged())
}

/// Puts all that is ready in place. The outer parts first, since the inner ones are mounted in them.
///
/// # Errors
/// When one cannot be. Those before it are in place.
pub(crate) fn put_in_place(
    parts: &[Part<'_>],
    acting: &mut [Acting<'_>],
    together: bool,
) -> Result<Vec<Otherwise>> {
    let moved = moved(acting);
    let noted = if moved.len() > 1 {
        note_rollbacks(parts, acting)
    } else {
        Ok(())
    };
    let services: Vec<&Service> = parts.iter().map(|part| part.context.service).collect();
    let inner = moved
        .iter()
        .flat_map(|number| set::inner_of(&services, *number));
    let aside: BTreeSet<usize> = inner.collect();
    let (mut otherwise, mut is_begun) = (Vec::new(), false);
    let ready = noted.and_then(|()| step_aside(parts, &aside, &moved));
    let done = ready.and_then(|()| {
        for (number, end) in acting.iter_mut().enumerate() {
            if aside.contains(&number) {
                set::lead_to(&services, number)?;
                // What is swapped in is mounted by that.
                if !matches!(end.pending, Some(Pending::Swap(_))) {
                    parts[number].context.storage.step_back()?;
                }
            }
            if let Some((outcome, point)) = put_one_in_place(&parts[number], end, together)? {
                otherwise.push((number, outcome, point));
            }
            is_begun |= moved.contains(&number);
        }
        Ok(())
    });
    let Err(mut error) = done else {
        return Ok(otherwise);
    };
    // What is in place of a set that is to be of one point is known by the rest, which says that it is to come.
    if !(together && is_begun) {
        error = put_marks_back(parts, acting, error);
    }
    Err(put_parts_back(parts, &services, aside, error))
}

/// Mounts the parts that have stepped aside, since the service does not start: what is there is to be seen all the same.
fn put_parts_back(
    parts: &[Part<'_>],
    services: &[&Service],
    aside: BTreeSet<usize>,
    mut error: Error,
) -> Error {
    for number in aside {
        let back =
            set::lead_to(services, number).and_then(|()| parts[number].context.storage.step_back());
        if let Err(also) = back {
            error = error.while_doing(&format!(
                "{} is not mounted again ({also}) after",
                parts[number].name()
            ));
        }
    }
    error
}

/// Puts back the marks of those parts whose rollback did not happen: what somebody brings there by hand must not pass for
/// what that has brought.
fn put_marks_back(parts: &[Part<'_>], acting: &[Acting<'_>], mut error: Error) -> Error {
    for (part, end) in parts.iter().zip(acting) {
        if let Some(Pending::Rollback(_)) = &end.pending
            && let Err(also) = put_mark_back(part)
        {
            error = error.while_doing(&format!(
                "{} stays marked as one to be rolled back ({also}) after",
                part.name()
            ));
        }
    }
    error
}

fn put_mark_back(part: &Part<'_>) -> Result<()> {
    let context = part.context;
    context
        .with_snapshots()?
        .put_mark_back(&context.observation.mark)
}

/// Notes on each part that is rolled back of which set that is, so that the next run knows should the power go. A copy that
/// is sealed says so itself.
fn note_rollbacks(parts: &[Part<'_>], acting: &[Acting<'_>]) -> Result<()> {
    for (part, end) in parts.iter().zip(acting) {
        if let Some(Pending::Rollback(prepared)) = &end.pending {
            let mark = of_a_rollback(part.context, &prepared.snapshot);
            part.context.storage.set_mark(&mark)?;
        }
    }
    Ok(())
}

/// Has these parts step aside, the innermost first.
fn step_aside(parts: &[Part<'_>], aside: &BTreeSet<usize>, moved: &[usize]) -> Result<()> {
    for number in aside.iter().rev() {
        let storage = parts[*number].context.storage;
        storage.step_aside(moved.contains(number))?;
    }
    Ok(())
}

/// Puts a part in place. Gives what became of it if that is not what was decided.
fn put_one_in_place(
    part: &Part<'_>,
    end: &mut Acting<'_>,
    together: bool,
) -> Result<Option<(Outcome, Option<Point>)>> {
    match end.take_pending() {
        None => {}
        Some(Pending::FirstStart(why, question)) => {
            end.start_for_the_first_time(why, question.as_deref())?;
        }
        Some(Pending::Swap(prepared)) => {
            let Some((mark, kept)) = part.context.storage.resume()? else {
                return Err(gone(part));
            };
            match prepared {
                Some(prepared) => end.tell_restored(&prepared, kept.as_ref()),
                None => end.tell_finished(&mark, kept.as_ref()),
            }
            end.replaced = kept;
        }
        Some(Pending::Rollback(prepared)) => return roll_back(part, end, prepared, together),
    }
    Ok(None)
}

/// Rolls a part back. If that did not happen, it is pending as before.
fn roll_back(
    part: &Part<'_>,
    end: &mut Acting<'_>,
    prepared: Prepared,
    together: bool,
) -> Result<Option<(Outcome, Option<Point>)>> {
    let context = part.context;
    let unchanged = context.must_be_unchanged().map_err(Failure::Storage);
    let is_changed = unchanged.is_err();
    match unchanged.and_then(|()| roll_back_unchanged(context, &prepared.snapshot)) {
        Ok(_) => {
            end.tell_restored(&prepared, None);
            Ok(None)
        }
        Err(Failure::Storage(error)) => {
            // What it brought needs no more than to be finished.
            if is_changed || context.must_be_unchanged().is_ok() {
                end.pending = Some(Pending::Rollback(prepared));
            }
            Err(error)
        }
        Err(failure) => {
            let refused = failure.error().clone();
            let done = instead_of(&prepared, refused, part, end, together);
            match &done {
                Ok((Outcome::StartedEmpty, _)) => put_mark_back(part)?,
                Ok(_) => {}
                Err(_) => end.pending = Some(Pending::Rollback(prepared)),
            }
            done.map(Some)
        }
    }
}

/// Decides anew about a part whose rollback was refused: another source may have the same, and needs no rollback.
fn instead_of(
    rollback: &Prepared,
    refused: Error,
    part: &Part<'_>,
    end: &mut Acting<'_>,
    together: bool,
) -> Result<(Outcome, Option<Point>)> {
    part.context.rollback_refused.replace(Some(refused.clone()));
    end.defer();
    let decided = decide(part.context, part.sources, part.verdict, end);
    let outcome = decided.map_err(|refusal| refusal.error)?;
    let point = points::of_one(part, end)?;
    if together && !points::is_of(point.as_ref(), &rollback.snapshot) {
        end.take_pending();
        let storage = part.context.storage;
        storage.put_away(&storage.observe()?.left_over)?;
        return Err(refused.while_doing(&format!(
            "its parts are to be of one point in time (`together`), and no other source brings {}",
            rollback.label
        )));
    }
    put_one_in_place(part, end, together)?;
    Ok((outcome, point))
}

fn gone(part: &Part<'_>) -> Error {
    Error::new(
        part.name(),
        "what was ready to take its place is gone",
        "see who removed it, then start the service again: it is decided anew",
    )
    .of_kind(ErrorKind::Gone)
}

/// Tells by how much the times of the parts differ, if any was restored.
fn tell_points(parts: &[Part<'_>], points: &[Option<Point>]) {
    let Some(part) = parts.first() else { return };
    let names: Vec<&str> = parts.iter().map(Part::name).collect();
    if let Some(differ) = points::in_words(&names, points) {
        let service = part.context.service.of();
        let event = Event::new(Kind::Restored, service, differ);
        part.context
            .machine
            .tell(&event.outcome("times-differ").warning());
    }
}
