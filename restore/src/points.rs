//! Of which time the parts of a service are once some of them are restored, and whether that is one point.

use std::time::Duration;

use declaration::settings::Service;
use jiff::Timestamp;
use report::Kind;
use storage::{Error, ErrorKind, Result, Snapshot, local};

use crate::acting::{Acting, wait_for};
use crate::answer::{Answer, Observer, PassedOver};
use crate::chosen::Choice;
use crate::decide::{NOT_STARTED, Refusal};
use crate::machine::Machine;
use crate::part::{Part, begun};
use crate::pending::Pending;
use crate::search::search;
use crate::source::{Restored, Source};
use crate::verdict::Verdict;

/// Of which time a part's data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Point {
    /// Its data is there, and goes on.
    Now,
    /// Of a snapshot that was taken then; what its name ends with, where several datasets have snapshots of one name.
    Of(Timestamp, Option<String>),
}

/// Snapshots of one name in different pools are taken one after the other.
const ONE_AFTER_THE_OTHER: Duration = Duration::from_secs(10);

/// Whether a restore takes two snapshots of different datasets for ones of one point in time; each is given by its name and when
/// it was taken.
#[must_use]
pub fn are_of_one_point(one: (&str, Timestamp), other: (&str, Timestamp)) -> bool {
    let point = |(name, taken)| Point::named(name, taken);
    point(one).is_that_of(&point(other))
}

impl Point {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self::named(&snapshot.name, snapshot.taken)
    }

    /// That of a snapshot of this whole name or id.
    fn named(snapshot: &str, taken: Timestamp) -> Self {
        let own = snapshot.split_once('@').map(|(_, own)| own.to_owned());
        Self::Of(taken, own)
    }

    /// Whether a snapshot was taken so shortly before or after it that both may be of one point.
    pub(crate) fn is_near(&self, snapshot: &Snapshot) -> bool {
        let apart = self.time().duration_since(snapshot.taken).unsigned_abs();
        apart <= ONE_AFTER_THE_OTHER
    }

    /// Whether both are of one point in time.
    pub(crate) fn is_that_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Now, Self::Now) => true,
            (Self::Of(one, name), Self::Of(other, others_name)) => {
                one == other
                    || name.is_some() && name == others_name && {
                        let apart = one.duration_since(*other).unsigned_abs();
                        apart <= ONE_AFTER_THE_OTHER
                    }
            }
            _ => false,
        }
    }

    fn time(&self) -> Timestamp {
        match self {
            Self::Now => Timestamp::now(),
            Self::Of(taken, _) => *taken,
        }
    }
}

/// How new the snapshots of the parts may be: lowered until all parts have one of the same point.
#[derive(Debug)]
pub(crate) struct Bound {
    choice: Choice,
    rounds: usize,
}

/// How often it is lowered: each time, all parts are looked for.
const ROUNDS: usize = 50;

impl Bound {
    /// What was chosen of the whole service. A snapshot that was named with its dataset is of one part: its own name is meant.
    pub(crate) fn of(choice: &Choice) -> Self {
        let choice = match choice {
            Choice::Named(name) => match name.split_once('@') {
                Some((_, short)) => Choice::Named(format!("@{short}")),
                None => choice.clone(),
            },
            Choice::NotAfter(_) => choice.clone(),
        };
        Self { choice, rounds: 0 }
    }

    /// What is asked for.
    pub(crate) fn choice(&self) -> Choice {
        self.choice.clone()
    }

    /// Lowers it below what these differ by. Gives whether it could be.
    pub(crate) fn lower(&mut self, points: &[Option<Point>]) -> bool {
        let oldest = points.iter().flatten().map(Point::time).min();
        let (Choice::NotAfter(at), Some(oldest)) = (&self.choice, oldest) else {
            return false;
        };
        self.rounds += 1;
        // Where that is lower, snapshots that were taken one after the other are found.
        let lower = [
            oldest.checked_add(ONE_AFTER_THE_OTHER),
            Ok(oldest),
            oldest.checked_sub(Duration::from_secs(1)),
        ];
        let lower = lower.into_iter().flatten().find(|lower| lower < at);
        if let Some(lower) = lower {
            self.choice = Choice::NotAfter(lower);
        }
        lower.is_some() && self.rounds <= ROUNDS
    }
}

/// That the parts that an admin asks for are to be of one point, and would not be.
pub(crate) fn not_together(parts: &[Part<'_>], points: &[Option<Point>]) -> Error {
    let Some(part) = parts.first() else {
        return Error::internal("", "it has no parts");
    };
    let names: Vec<&str> = parts.iter().map(Part::name).collect();
    let service = part.context.service;
    Error::new(
        service.of(),
        format!(
            "its parts are to be of one point in time (`together`), and would not be: {}",
            in_words(&names, points).unwrap_or_default()
        ),
        format!(
            "`preseedctl list {}` shows of which times all parts have a snapshot; if they may differ, leave `together` out of {}; \
             nothing was changed",
            service.of(),
            service.source.display()
        ),
    )
    .of_kind(ErrorKind::PartlyThere)
}

/// Of which time each part will be: `None` if it has no data, or is not restored.
///
/// # Errors
/// When it cannot be told.
pub(crate) fn of(parts: &[Part<'_>], acting: &[Acting<'_>]) -> Result<Vec<Option<Point>>> {
    let points = parts.iter().zip(acting);
    points.map(|(part, end)| of_one(part, end)).collect()
}

/// The same of one part.
///
/// # Errors
/// When it cannot be told.
pub(crate) fn of_one(part: &Part<'_>, end: &Acting<'_>) -> Result<Option<Point>> {
    Ok(match &end.pending {
        Some(Pending::Swap(Some(prepared)) | Pending::Rollback(prepared)) => {
            Some(Point::of(&prepared.snapshot))
        }
        Some(Pending::Swap(None)) => sealed(part)?,
        Some(Pending::FirstStart(..)) => None,
        None if part.is_lost() || !part.context.service.is_restored() => None,
        None => Some(Point::Now),
    })
}

/// Whether a part will be as of this snapshot.
pub(crate) fn is_of(point: Option<&Point>, snapshot: &Snapshot) -> bool {
    point.is_some_and(|point| point.is_that_of(&Point::of(snapshot)))
}

/// Of which time the copy is that an earlier run has sealed.
fn sealed(part: &Part<'_>) -> Result<Option<Point>> {
    let (seal, _) = part.context.storage.seal()?;
    Ok(seal.map(|seal| Point::Of(seal.taken, None)))
}

/// That all parts will be of one point in time, if what is lost of them is restored, as far as that can be told before
/// anything is staged.
///
/// # Errors
/// When they would not be, with the command that brings them from one, or when it cannot be told.
pub(crate) fn must_be_one(parts: &[Part<'_>]) -> std::result::Result<(), Refusal> {
    let ids = all_begun(parts);
    let mut points = Vec::with_capacity(parts.len());
    for part in parts
        .iter()
        .filter(|part| part.context.service.is_restored())
    {
        let point = match part.verdict {
            // What an earlier run has begun goes on as that decided.
            _ if begun(part.context.observation).is_some() => None,
            Verdict::Restore(_) => candidate(part)?,
            Verdict::Present if is_of_set(part, &ids) => None,
            Verdict::Present | Verdict::Adopt | Verdict::Finish => Some(Point::Now),
            Verdict::Partly | Verdict::Unmounted => None,
        };
        points.push((part.name(), point));
    }
    refuse_if_they_differ(parts, &points)
}

/// The sets that an earlier run has begun and not finished.
fn all_begun<'p>(parts: &'p [Part<'_>]) -> Vec<&'p str> {
    let begun = parts.iter().map(|part| begun(part.context.observation));
    begun.flatten().collect()
}

/// Whether a part was restored by a run that was interrupted before it had restored all.
fn is_of_set(part: &Part<'_>, ids: &[&str]) -> bool {
    let storage::MarkState::Ours(mark) = &part.context.observation.mark else {
        return false;
    };
    mark.placed_by().is_some_and(|set| ids.contains(&set))
}

/// The same once all is ready: a snapshot that did not pass its checks may have been passed over, and a source may answer
/// that could not be asked before. What was prepared is then kept, and not used.
///
/// # Errors
/// As [`must_be_one`].
pub(crate) fn must_be_one_when_ready(
    parts: &[Part<'_>],
    acting: &[Acting<'_>],
    points: &[Option<Point>],
) -> std::result::Result<(), Refusal> {
    let is_fresh = |end: &Acting<'_>| {
        matches!(
            end.pending,
            Some(Pending::Swap(Some(_)) | Pending::Rollback(_))
        )
    };
    let ids = all_begun(parts);
    // What an earlier run has begun goes on as that decided.
    let counts = |part: &Part<'_>, end: &Acting<'_>, point: &Option<Point>| {
        is_fresh(end) || *point == Some(Point::Now) && !is_of_set(part, &ids)
    };
    let known = parts.iter().zip(acting).zip(points);
    let known: Vec<(&str, Option<Point>)> = known
        .filter(|((part, end), point)| counts(part, end, point))
        .map(|((part, _), point)| (part.name(), point.clone()))
        .collect();
    let refused = refuse_if_they_differ(parts, &known);
    if refused.is_err() {
        for (part, end) in parts.iter().zip(acting) {
            if let Some(Pending::Swap(Some(_))) = end.pending {
                let storage = part.context.storage;
                storage.put_away(&storage.observe()?.left_over)?;
            }
        }
    }
    refused
}

/// The snapshot that a lost part would be restored from, if there is one. Nothing is changed.
fn candidate(part: &Part<'_>) -> Result<Option<Point>> {
    let mut found = None;
    search(
        part.context,
        part.sources,
        &mut Silent {
            machine: part.context.machine,
            waited: false,
        },
        &mut |_source, snapshot| {
            found = Some(Point::of(snapshot));
            Ok(Restored::default())
        },
    )?;
    Ok(found)
}

/// Tells nothing: what is asked is asked again, and told then.
struct Silent<'a> {
    machine: &'a dyn Machine,
    waited: bool,
}

impl Observer for Silent<'_> {
    // Else a source that is not up yet would be asked only once it is no longer compared with what is there.
    fn asking(&mut self, source: &dyn Source) {
        wait_for(self.machine, source, &mut self.waited);
    }
    fn passed_over(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &PassedOver<'_>) {}
    fn put_off(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &str) {}
    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}
    fn answered(&mut self, _source: &dyn Source, _answer: &Answer) {}
}

fn refuse_if_they_differ(
    parts: &[Part<'_>],
    points: &[(&str, Option<Point>)],
) -> std::result::Result<(), Refusal> {
    let known: Vec<&Point> = points
        .iter()
        .filter_map(|(_, point)| point.as_ref())
        .collect();
    let differ = known.windows(2).any(|two| !two[0].is_that_of(two[1]));
    let Some(part) = parts.first().filter(|_| differ) else {
        return Ok(());
    };
    let oldest = known.iter().map(|point| point.time()).min();
    let error = apart(part.context.service, points, oldest.unwrap_or_default());
    Err(Refusal {
        kind: Kind::NotRestored,
        ..error.while_doing(NOT_STARTED).into()
    })
}

/// That the parts would be of different times, and what to do.
fn apart(service: &Service, points: &[(&str, Option<Point>)], oldest: Timestamp) -> Error {
    let (names, points): (Vec<&str>, Vec<Option<Point>>) = points.iter().cloned().unzip();
    let name = service.of();
    Error::new(
        name,
        format!(
            "its parts are to be of one point in time (`together`), and would not be: {}",
            in_words(&names, &points).unwrap_or_default()
        ),
        format!(
            "bring all of them from one point with `preseedctl restore {name} --at {}`, which keeps what is there, or of another \
             time that `preseedctl list {name}` shows; if they may differ, leave `together` out of {}",
            local(oldest),
            service.source.display()
        ),
    )
    .of_kind(ErrorKind::PartlyThere)
}

/// By how much the times of the parts of these names differ, in words; `None` if they do not, or none is restored.
pub(crate) fn in_words(names: &[&str], points: &[Option<Point>]) -> Option<String> {
    let all = names.iter().zip(points);
    let known: Vec<(&str, &Point)> = all
        .filter_map(|(name, point)| Some((*name, point.as_ref()?)))
        .collect();
    let newest = known.iter().max_by_key(|(_, point)| point.time())?;
    let older: Vec<String> = known
        .iter()
        .filter(|(_, point)| !point.is_that_of(newest.1))
        .map(|(name, point)| {
            let age = newest.1.time().duration_since(point.time()).unsigned_abs();
            format!("{name} is of {}, {} older", local(point.time()), span(age))
        })
        .collect();
    if older.is_empty() {
        return None;
    }
    let newest = match newest {
        (_, Point::Now) => {
            let there = known.iter().filter(|(_, point)| **point == Point::Now);
            let there: Vec<&str> = there.map(|(name, _)| *name).collect();
            let verb = if there.len() == 1 { "is" } else { "are" };
            format!("{}, which {verb} there as of now", there.join(" and "))
        }
        (name, point) => format!("{name}, which is of {}", local(point.time())),
    };
    Some(format!("{} than {newest}", older.join(", ")))
}

/// A time in its two largest units.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(unit, _)| seconds >= *unit);
    let first = first.unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut words = Vec::new();
    for (unit, name) in units.iter().skip(first).take(2) {
        if left >= *unit || words.is_empty() {
            words.push(format!("{}{name}", left / unit));
        }
        left %= unit;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(second: i64, name: Option<&str>) -> Point {
        Point::Of(
            Timestamp::from_second(second).unwrap(),
            name.map(str::to_owned),
        )
    }

    #[test]
    fn one_point_is_one_time_or_one_name_taken_at_once() {
        for (one, other, is_one) in [
            (of(5, None), of(5, None), true),
            (of(5, Some("a")), of(5, Some("b")), true),
            (of(5, Some("a")), of(7, Some("a")), true),
            (of(5, Some("a")), of(7, Some("b")), false),
            (of(5, Some("a")), of(600, Some("a")), false),
            (of(5, None), of(6, None), false),
            (Point::Now, Point::Now, true),
            (Point::Now, of(5, None), false),
        ] {
            assert_eq!(one.is_that_of(&other), is_one, "{one:?} {other:?}");
        }
    }

    #[test]
    fn it_is_told_by_how_much_the_times_differ() {
        let told = |points: &[Option<Point>]| in_words(&["app", "app.db", "app.wal"], points);
        assert_eq!(told(&[Some(Point::Now), None, Some(Point::Now)]), None);
        assert_eq!(told(&[Some(of(0, None)), Some(of(0, None)), None]), None);
        let told = told(&[
            Some(of(90_061, None)),
            Some(of(1, None)),
            Some(of(90_001, None)),
        ]);
        let told = told.unwrap();
        assert!(told.contains("1d 1h older, app.wal is of"), "{told}");
        assert!(told.contains("1min older than app, which is of"), "{told}");
    }

    #[test]
    fn a_time_is_told_in_two_units() {
        for (seconds, told) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1min"),
            (3700, "1h 1min"),
            (86400, "1d"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
    }
}
