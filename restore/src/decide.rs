//! What is to be done for one service: the one way from what is there to a service that may start, or must not.
//!
//! Each of its steps goes to an [`End`], which acts on it (a run) or tells it (a plan).

use std::borrow::Cow;

use declaration::settings::{OnUnavailable, Service};
use report::Kind;
use storage::{Error, LeftOver, Mark, MarkState, Observation, as_found};

use crate::answer::{Conclusion, Inconclusive, Observer};
use crate::context::Context;
use crate::ending::{in_brief, inconclusive, partly, unmounted};
use crate::executor::{Goal, bring};
use crate::machine::Machine;
use crate::remember;
use crate::sealed::{self, Decision};
use crate::search::search;
use crate::source::Source;
use crate::verdict::{Verdict, Why, verdict};

/// What is said first of a service that must not start.
pub(crate) const NOT_STARTED: &str = "not started";

/// Why a service may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its data is there.
    Present,
    /// Data that was there was adopted.
    Adopted,
    /// Its data was restored.
    Restored,
    /// There is no data anywhere: it starts for the first time.
    Bootstrapped,
    /// The declaration lets it start empty.
    StartedEmpty,
}

/// Why a service must not start.
#[derive(Debug)]
pub struct Refusal {
    /// The kind of event it is.
    pub kind: Kind,
    /// What is wrong and what to do, on one line.
    pub error: Error,
    /// The same in brief, where the rest is told as well.
    pub in_brief: Option<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            kind: Kind::NotRestored,
            error,
            in_brief: None,
        }
    }
}

/// What becomes of the steps that were decided. None of them is taken before all that may forbid it was looked at.
pub trait End: Observer {
    /// How far snapshots are brought.
    fn goal(&self) -> Goal;

    /// Whether it is only assumed that the data is lost: what runs then is no obstacle now.
    fn assumes_lost(&self) -> bool {
        false
    }

    /// The data is there, so what an earlier restore left beside it is put away.
    ///
    /// # Errors
    /// When what is there could take the place of newer data at some later loss.
    fn put_away(&mut self, left_over: &LeftOver) -> Result<(), Error>;

    /// The data is there and known.
    fn present(&mut self);

    /// Data is there that nothing is known of: it is marked, and left alone. Gives whether it could be marked: it is there
    /// all the same, and the next start tries again.
    fn adopt(&mut self) -> bool;

    /// An interrupted restore in place had brought the data: its mark is finished.
    ///
    /// # Errors
    /// When it cannot be.
    fn finish(&mut self, mark: &Mark) -> Result<(), Error>;

    /// A complete copy of an earlier run is put in place. These could not be asked whether they hold newer data.
    /// Gives whether it was still there.
    ///
    /// # Errors
    /// When it cannot be.
    fn put_in_place(&mut self, mark: &Mark, not_asked: Option<&Error>) -> Result<bool, Error>;

    /// A complete copy of an earlier run is not used, and why.
    ///
    /// # Errors
    /// When it cannot be kept aside.
    fn put_aside(&mut self, mark: &Mark, why: &str) -> Result<(), Error>;

    /// The sources are asked for the data, since `why`.
    fn restoring(&mut self, why: Why);

    /// A source restored the data. These could not be asked whether they hold newer data.
    fn restored(&mut self, not_asked: &[String]);

    /// No source has any data: a first start, with what is to be asked of the admin.
    ///
    /// # Errors
    /// When it cannot be marked.
    fn start_for_the_first_time(&mut self, why: Why, question: Option<&str>) -> Result<(), Error>;

    /// It starts empty as at its first start, although some could not be asked, in brief.
    fn start_as_at_first(&mut self, not_asked: &str);

    /// It starts empty, as `on-unavailable` declares, although this forbids it else.
    fn start_empty(&mut self, forbids: &str);

    /// Where it tells what each source answered, seen from how it ends: `above` or `below`.
    fn tells_answers(&self) -> &'static str;

    /// What the sources answered, in words.
    fn answers(&self) -> &[String];
}

/// Looks at a service's storage, and gives `then` what it found and what is to be done.
///
/// # Errors
/// When the storage cannot be looked at, or those of `then`.
pub fn look<T>(
    declared: &Service,
    machine: &dyn Machine,
    then: impl FnOnce(&Context<'_>, Verdict) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let found = as_found::whole(declared)?;
    let storage = storage::open(&found);
    let (observation, verdict) = observe(storage.as_ref(), &found)?;
    let Some(service) = otherwise(declared, &observation, verdict)? else {
        // What this storage has seen is not looked at again.
        let context = Context::new(&found, storage.as_ref(), &observation, machine);
        return then(&context, verdict);
    };
    let storage = storage::open(&service);
    let context = Context::new(&service, storage.as_ref(), &observation, machine);
    then(&context, verdict)
}

fn observe(
    storage: &dyn storage::Storage,
    found: &Service,
) -> Result<(Observation, Verdict), Error> {
    let observation = storage.observe()?;
    let verdict = verdict(&observation, found.on_partial);
    Ok((observation, verdict))
}

/// The service to be restored, if it is another than the one that was found: who owns what nothing is known of says nothing
/// of whom the service's data is to belong to.
fn otherwise<'d>(
    declared: &'d Service,
    observation: &Observation,
    verdict: Verdict,
) -> Result<Option<Cow<'d, Service>>, Error> {
    let is_known = matches!(observation.mark, MarkState::Ours(_));
    if matches!(verdict, Verdict::Restore(_)) && !is_known {
        return as_found::placed(declared).map(Some);
    }
    Ok(None)
}

/// What a look at a service's storage showed.
#[derive(Debug)]
pub struct Looked<'d> {
    /// The service as its storage is.
    pub service: Cow<'d, Service>,
    /// What was seen.
    pub observation: Observation,
    /// What is to be done.
    pub verdict: Verdict,
}

/// Looks at a service's storage.
///
/// # Errors
/// When it cannot be looked at.
pub fn look_at(declared: &Service) -> Result<Looked<'_>, Error> {
    let found = as_found::whole(declared)?;
    let (observation, verdict) = observe(storage::open(&found).as_ref(), &found)?;
    let service = otherwise(declared, &observation, verdict)?.unwrap_or(found);
    Ok(Looked {
        service,
        observation,
        verdict,
    })
}

/// Decides what is to be done, and has `end` do it or tell it.
///
/// # Errors
/// When the service must not start, with the reason.
pub fn decide(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    verdict: Verdict,
    end: &mut dyn End,
) -> Result<Outcome, Refusal> {
    let observation = context.observation;
    if matches!(verdict, Verdict::Present | Verdict::Adopt | Verdict::Finish) {
        end.put_away(&observation.left_over)?;
    }
    match verdict {
        Verdict::Present => {
            end.present();
            Ok(Outcome::Present)
        }
        Verdict::Adopt => Ok(if end.adopt() {
            Outcome::Adopted
        } else {
            Outcome::Present
        }),
        Verdict::Finish => {
            if let MarkState::Ours(mark) = &observation.mark {
                end.finish(mark)?;
            }
            Ok(Outcome::Restored)
        }
        Verdict::Partly | Verdict::Restore(Why::Partly)
            if remember::is_unrecorded_first_start(context) =>
        {
            restore(context, sources, Why::Skeleton, end)
        }
        Verdict::Partly => Err(partly_there(context.service, observation)),
        Verdict::Unmounted => Err(unmounted(context.service).into()),
        Verdict::Restore(why) => restore(context, sources, why, end),
    }
}

fn partly_there(service: &Service, observation: &Observation) -> Refusal {
    Refusal {
        kind: Kind::PartlyThere,
        ..Refusal::from(partly(service, observation))
    }
}

fn restore(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    why: Why,
    end: &mut dyn End,
) -> Result<Outcome, Refusal> {
    context.machine.user_must_not_differ(context.service)?;
    if !end.assumes_lost() {
        context.machine.must_be_stopped(context.service)?;
    }
    if let LeftOver::Complete(mark) = &context.observation.left_over {
        match sealed::decide(context, sources, mark, why, end)? {
            Decision::PutInPlace(not_asked) => {
                // The sources took their time.
                context.must_be_unchanged()?;
                if end.put_in_place(mark, not_asked.as_ref())? {
                    return Ok(Outcome::Restored);
                }
            }
            Decision::PutAside(why) => end.put_aside(mark, &why)?,
        }
    }
    end.restoring(why);
    let goal = end.goal();
    let asked = search(context, sources, end, &mut |source, snapshot| {
        bring(context, source, snapshot, goal)
    })?;
    match asked {
        Conclusion::Restored(not_asked) => {
            end.restored(&not_asked);
            Ok(Outcome::Restored)
        }
        Conclusion::NothingAnywhere if why == Why::Partly => {
            Err(partly_there(context.service, context.observation))
        }
        Conclusion::NothingAnywhere => nothing_anywhere(context, why, end),
        Conclusion::Inconclusive(sources) => undecided(context, why, &sources, end),
    }
}

/// All sources were reached, and none has any data.
fn nothing_anywhere(
    context: &Context<'_>,
    why: Why,
    end: &mut dyn End,
) -> Result<Outcome, Refusal> {
    match remember::may_start_empty(context, why, end.answers()) {
        Ok(question) => {
            end.start_for_the_first_time(why, question.as_deref())?;
            Ok(Outcome::Bootstrapped)
        }
        Err(error) if may_start_empty(context.service) => {
            end.start_empty(&error.to_string());
            Ok(Outcome::StartedEmpty)
        }
        Err(error) => Err(error.while_doing(NOT_STARTED).into()),
    }
}

/// These sources could not rule out that they hold the data.
fn undecided(
    context: &Context<'_>,
    why: Why,
    sources: &[Inconclusive],
    end: &mut dyn End,
) -> Result<Outcome, Refusal> {
    let brief = in_brief(why, sources, end.tells_answers());
    let only_unavailable = sources.iter().all(|source| source.unavailable);
    if only_unavailable && remember::is_settled(context) {
        end.start_as_at_first(&brief);
        return Ok(Outcome::Bootstrapped);
    }
    if why != Why::Partly && may_start_empty(context.service) {
        end.start_empty(&brief);
        return Ok(Outcome::StartedEmpty);
    }
    let error = inconclusive(context.service, why, sources);
    Err(Refusal {
        in_brief: Some(brief),
        ..error.while_doing(NOT_STARTED).into()
    })
}

/// Whether the declaration lets a service start empty that otherwise must not.
fn may_start_empty(service: &Service) -> bool {
    service.on_unavailable == OnUnavailable::StartEmpty
}
