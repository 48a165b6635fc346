//! The parts of a service, its own data and its places, as they were found.

use declaration::settings::Service;
use jiff::Timestamp;
use storage::mark::Stage;
use storage::{LeftOver, MarkState, Observation, Result, set};

use crate::context::Context;
use crate::decide::{Looked, Refusal, look_at};
use crate::machine::Machine;
use crate::source::Source;
use crate::source::list::sources;
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
    let looked = placed.iter().map(look_at);
    let looked: Vec<Looked<'_>> = looked.collect::<Result<_>>()?;
    let id = set_of(looked.iter().map(|part| (&part.observation, part.verdict)));
    let storages: Vec<_> = looked
        .iter()
        .map(|part| storage::open(&part.service))
        .collect();
    let contexts = looked.iter().zip(&storages).map(|(part, storage)| {
        let (service, seen) = (&*part.service, &part.observation);
        Context::new(service, storage.as_ref(), seen, machine).in_set(id.clone())
    });
    let contexts: Vec<Context<'_>> = contexts.collect();
    let sources: Vec<_> = contexts.iter().map(sources).collect();
    let parts = contexts.iter().zip(&sources).zip(&looked);
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
    (lost.count() > 1).then(|| {
        let now = Timestamp::now().as_millisecond();
        let now = Timestamp::from_millisecond(now).unwrap_or_default();
        format!("{now:.3}")
    })
}

/// The set that a part is one of, if what an earlier run has begun with it is not finished.
pub(crate) fn begun(observation: &Observation) -> Option<&str> {
    match (&observation.left_over, &observation.mark) {
        (LeftOver::Complete(mark), _) => mark.set.as_deref(),
        (_, MarkState::Ours(mark)) if mark.stage == Stage::Seeding => mark.set.as_deref(),
        _ => None,
    }
}
