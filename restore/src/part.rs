//! The parts of a service, its own data and its places, as they were found.

use declaration::settings::Service;
use declaration::value::TierName;
use jiff::Timestamp;
use storage::mark::Stage;
use storage::{LeftOver, MarkState, Observation, Result, set};

use crate::context::Context;
use crate::decide::{Looked, Refusal, look_at};
use crate::machine::Machine;
use crate::source::Source;
use crate::source::list;
use crate::verdict::Verdict;

/// A part of a service, and what is to be done about it.
pub(crate) struct Part<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) sources: &'a [Box<dyn Source + 'a>],
    pub(crate) verdict: Verdict,
}

impl Part<'_> {
    pub(crate) fn name(&self) -> &str {
        self.context.service.name.as_str()
    }

    /// Whether it has no data that could be left alone.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.verdict, Verdict::Restore(_))
    }
}

/// Gives `then` the parts of a service, as they were found.
///
/// # Errors
/// When one cannot be looked at, or those of `then`.
pub(crate) fn with_parts<T>(
    declared: &Service,
    machine: &dyn Machine,
    then: impl FnOnce(&[Part<'_>]) -> std::result::Result<T, Refusal>,
) -> std::result::Result<T, Refusal> {
    let placed = set::placed(declared)?;
    let looked = looked_at(&placed)?;
    let id = set_of(looked.iter().map(|part| (&part.observation, part.verdict)));
    of_set(&looked, machine, id.as_ref(), list::sources, then)
}

/// Gives `then` the parts of a service as they were found, to be restored by hand, as a set of their own: with `tier`, only
/// from that.
///
/// # Errors
/// When one cannot be looked at, or those of `then`.
pub(crate) fn with_parts_by_hand<T>(
    declared: &Service,
    machine: &dyn Machine,
    tier: Option<TierName>,
    then: impl FnOnce(&[Part<'_>]) -> Result<T>,
) -> Result<T> {
    let placed = set::placed(declared)?;
    let looked = looked_at(&placed)?;
    let id = set_by_hand(looked.iter().map(|part| &part.observation));
    let done = of_set(
        &looked,
        machine,
        Some(&id),
        |context| list::by_hand(context, tier),
        |parts| Ok(then(parts)?),
    );
    done.map_err(|refusal| refusal.error)
}

fn looked_at(placed: &[Service]) -> Result<Vec<Looked<'_>>> {
    placed.iter().map(look_at).collect()
}

fn of_set<T>(
    looked: &[Looked<'_>],
    machine: &dyn Machine,
    id: Option<&String>,
    sources: impl for<'a> Fn(&'a Context<'a>) -> Vec<Box<dyn Source + 'a>>,
    then: impl FnOnce(&[Part<'_>]) -> std::result::Result<T, Refusal>,
) -> std::result::Result<T, Refusal> {
    let storages: Vec<_> = looked
        .iter()
        .map(|part| storage::open(&part.service))
        .collect();
    let contexts = looked.iter().zip(&storages).map(|(part, storage)| {
        let (service, seen) = (&*part.service, &part.observation);
        Context::new(service, storage.as_ref(), seen, machine).in_set(id.cloned())
    });
    let contexts: Vec<Context<'_>> = contexts.collect();
    let sources: Vec<_> = contexts.iter().map(sources).collect();
    let parts = contexts.iter().zip(&sources).zip(looked);
    let parts = parts.map(|((context, sources), looked)| Part {
        context,
        sources,
        verdict: looked.verdict,
    });
    then(&parts.collect::<Vec<_>>())
}

/// What the parts that are restored together are called: as an earlier run that was interrupted has called them, else by
/// the time. `None` if they are not several.
pub(crate) fn set_of<'o>(
    parts: impl Iterator<Item = (&'o Observation, Verdict)> + Clone,
) -> Option<String> {
    let begun = parts
        .clone()
        .find_map(|(observation, _)| begun(observation));
    if let Some(begun) = begun {
        return Some(begun.to_owned());
    }
    let lost = parts.filter(|(_, verdict)| matches!(verdict, Verdict::Restore(_)));
    (lost.count() > 1).then(now)
}

/// How the names of sets begin that an admin asked for: what they replace is data that is there.
const BY_HAND: &str = "by-hand-";

/// What the parts that are restored by hand now are called: a name that sorts after those of the sets that have left
/// anything in these parts, whatever the clock says.
pub(crate) fn set_by_hand<'o>(parts: impl Iterator<Item = &'o Observation>) -> String {
    let now = format!("{BY_HAND}{}", now());
    let of_one = |part: &'o Observation| {
        let in_place = match &part.mark {
            MarkState::Ours(mark) => mark.placed_by(),
            MarkState::None | MarkState::Foreign(_) => None,
        };
        in_place.into_iter().chain(waits_in(part))
    };
    let last = parts.flat_map(of_one).filter(|set| *set >= now.as_str());
    let last = last.filter(|set| set.starts_with(BY_HAND)).max();
    last.map_or_else(|| now.clone(), |last| format!("{last}+"))
}

fn now() -> String {
    let now = Timestamp::now().as_millisecond();
    let now = Timestamp::from_millisecond(now).unwrap_or_default();
    format!("{now:.3}")
}

/// The set by hand that an earlier run has begun to put in place, and was interrupted: a part of it is in its place, and the
/// copy of another still waits. All were ready before the first was put in place. Of two, the later one put the earlier
/// one back.
pub(crate) fn half_done<'p>(parts: &'p [Part<'_>]) -> Option<&'p str> {
    let is_begun = |set: &&str| {
        let in_place = |part: &Part<'_>| {
            let mark = &part.context.observation.mark;
            matches!(mark, MarkState::Ours(mark) if mark.placed_by() == Some(set))
        };
        set.starts_with(BY_HAND) && parts.iter().any(in_place)
    };
    parts.iter().filter_map(waits_for).filter(is_begun).max()
}

/// The set that a part's complete copy is of, which waits to be put in place.
pub(crate) fn waits_for<'p>(part: &'p Part<'_>) -> Option<&'p str> {
    waits_in(part.context.observation)
}

fn waits_in(part: &Observation) -> Option<&str> {
    match &part.left_over {
        LeftOver::Complete(mark) => mark.placed_by(),
        _ => None,
    }
}

/// The set that a part is one of, if what an earlier run has begun with it is not finished.
pub(crate) fn begun(observation: &Observation) -> Option<&str> {
    match (&observation.left_over, &observation.mark) {
        (LeftOver::Complete(mark), _) => mark.placed_by(),
        (_, MarkState::Ours(mark)) if mark.stage == Stage::Seeding => mark.placed_by(),
        _ => None,
    }
}
