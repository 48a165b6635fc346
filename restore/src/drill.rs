//! Whether a service's data could be restored: each tier restores a candidate beside the real storage, as at a loss up to the
//! swap. It is verified, timed and thrown away. The service runs on, and its storage, mark and units are left alone.

mod candidate;
mod choice;
mod words;

use std::time::Duration;

use declaration::settings::Service;
use declaration::value::TierName;
use jiff::Timestamp;
use report::{Event, Kind, status};
use storage::{
    Contents, Error, ErrorKind, LeftOver, MarkState, Observation, Result, Snapshot, Storage, lock,
};
use systemd::calendar::{Answer, Calendar};

use crate::acting::wait_for;
use crate::context::Context;
use crate::decide::look_at;
use crate::machine::{Machine, ThisMachine};
use crate::proof::{self, Drilled, Drills, Outcome, SourceOf, Which};
use crate::remember;
use crate::source::list::sources;
use crate::source::{Elsewhere, Source, word};
use candidate::Candidate;

pub use words::{in_words, summary};

/// What is to be drilled.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// The only tier; `None`: all that are declared.
    pub tier: Option<TierName>,
    /// Whether somebody asks for it now, however long ago the last drill was.
    pub by_hand: bool,
}

/// By how much one may come too early that is to have a pause before it.
const EARLIER: Duration = Duration::from_hours(12);

/// Into how many older candidates is looked for one that holds the data.
const LOOKS: usize = 10;

/// Drills a service and its places. What is shown of each candidate is noted and told as it comes.
///
/// # Errors
/// When one of its parts cannot be drilled at all. The others are.
pub fn drill(declared: &Service, order: Order) -> Result<Vec<Drilled>> {
    let name = declared.name.as_str();
    let has = |tier: TierName| declared.parts().any(|part| part.tiers.contains(&tier));
    if let Some(tier) = order.tier.filter(|tier| !has(*tier)) {
        return Err(Error::new(
            name,
            format!("it has no tier {tier}"),
            format!("`preseedctl show {name}` shows its `tiers`"),
        ));
    }
    let _lock = lock::lock_for_a_drill(declared, |holder| {
        status::say(&format!(
            "waiting: another drill of it is at work ({holder})"
        ));
    })?;
    let (mut all, mut declared_sources, mut failed) = (Vec::new(), Vec::new(), None);
    for part in declared.parts().filter(|part| part.is_restored()) {
        let mut note = |result: &Drilled| {
            words::tell(&ThisMachine, name, result);
            all.push(result.clone());
            let mut drills = proof::read(name)?;
            drills.add(result.clone());
            proof::write(name, &drills)
        };
        let known = proof::read(name)?;
        match of_part(part, order, &known, &mut note) {
            Ok(sources) => declared_sources.extend(sources),
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    if order.tier.is_none() {
        proof::ended(name, &declared_sources)?;
    }
    Ok(all)
}

/// Throws away what a drill has left that was killed, unless one is at work.
///
/// # Errors
/// When it cannot be thrown away, or it is not told what stands there.
pub fn tidy_up(declared: &Service) -> Result<()> {
    match lock::try_lock_for_a_drill(declared)? {
        Some(_lock) => throw_all_away(declared),
        None => Ok(()),
    }
}

/// Throws away what is left of a drill. None may be at work.
fn throw_all_away(declared: &Service) -> Result<()> {
    for part in declared.parts().filter(|part| part.is_restored()) {
        let looked = look_at(part)?;
        let storage = storage::open_for_a_drill(&looked.service);
        throw_away_what_is_left(storage.as_ref())?;
    }
    Ok(())
}

/// Does for a service what is done daily: throws away what a power cut has left of a drill, or of the check of a snapshot, and
/// counts the time since the last drill.
///
/// # Errors
/// When something of that cannot be done.
pub fn daily(declared: &Service) -> Result<()> {
    let name = declared.name.as_str();
    let is_drilled = declared.drill.schedule.is_some() || proof::is_known(name);
    if !is_drilled && declared.parts().all(|part| part.verify.is_empty()) {
        return Ok(());
    }
    let Some(_lock) = lock::try_lock_for_a_drill(declared)? else {
        return Ok(());
    };
    let done = throw_all_away(declared);
    if !is_drilled {
        return done;
    }
    let done = done.and(proof::count(name));
    if let Some(up) = late(declared)? {
        let message = format!(
            "its data was not drilled for {} days in which the machine was up, and `schedule` in [drill] is {}: see \
             `systemctl status drill-{name}.service drill-{name}.timer`",
            up.as_secs() / (24 * 3600),
            declared.drill.schedule.as_deref().unwrap_or_default()
        );
        let event = Event::new(Kind::Drilled, name, message);
        event.outcome("late").warning().tell();
    }
    done
}

/// For how long the machine was up since a service was drilled, if that is longer than its `schedule` says. What systemd cannot
/// read of that is not late.
///
/// # Errors
/// When it is not told what drills have shown.
pub fn late(declared: &Service) -> Result<Option<Duration>> {
    let Some(schedule) = &declared.drill.schedule else {
        return Ok(None);
    };
    match Calendar::default().ask(schedule) {
        Answer::Every(Some(pause)) => proof::read(declared.name.as_str())?.late(pause),
        _ => Ok(None),
    }
}

/// Throws away what an earlier drill left. Gives what was seen of the storage.
fn throw_away_what_is_left(storage: &dyn Storage) -> Result<Observation> {
    let observation = storage.observe()?;
    match &observation.left_over {
        LeftOver::Nothing => {}
        left_over @ (LeftOver::Incomplete | LeftOver::Unmarked) => {
            storage.put_away(left_over)?;
        }
        LeftOver::Complete(mark) => {
            return Err(Error::new(
                &mark.from,
                "a complete copy of it stands where drills restore, which never complete one",
                "look into it, and rename it with `zfs rename`, or move it away",
            )
            .of_kind(ErrorKind::InTheWay));
        }
    }
    Ok(observation)
}

/// What is told of each result.
type Note<'n> = &'n mut dyn FnMut(&Drilled) -> Result<()>;

fn of_part(part: &Service, order: Order, known: &Drills, note: Note<'_>) -> Result<Vec<SourceOf>> {
    let machine = &ThisMachine;
    // A restore that is at work on it comes first.
    machine.wait_for_others(part)?;
    let looked = look_at(part)?;
    let service = looked.service.as_ref();
    let storage = storage::open_for_a_drill(service);
    let observation = Observation {
        // As if it were lost.
        contents: Contents::default(),
        ..throw_away_what_is_left(storage.as_ref())?
    };
    let context = Context::new(service, storage.as_ref(), &observation, machine).of_a_drill();
    drill_on(&context, &sources(&context), order, known, note)
}

/// Drills the sources of one part, as if its data were lost. Gives which they are.
///
/// # Errors
/// When none of them could restore anything, or a result cannot be noted.
pub(crate) fn drill_on(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    order: Order,
    known: &Drills,
    note: Note<'_>,
) -> Result<Vec<SourceOf>> {
    context.machine.user_must_not_differ(context.service)?;
    context.machine.checks_must_be_possible(context.service)?;
    let mut drill = OfPart {
        context,
        known,
        done: Vec::new(),
        note,
        waited: false,
    };
    for source in sources {
        let source = source.as_ref();
        let is_meant = order.tier.is_none_or(|tier| source.tier() == tier);
        if is_meant && (order.by_hand || drill.is_due(source)) {
            drill.of_source(source)?;
        }
    }
    let part = context.service.name.as_str();
    let all = sources.iter().map(|source| SourceOf {
        part: part.to_owned(),
        tier: word(source.tier()).to_owned(),
        source: source.name(),
    });
    Ok(all.collect())
}

/// The drill of one part of a service.
struct OfPart<'a> {
    context: &'a Context<'a>,
    known: &'a Drills,
    done: Vec<Drilled>,
    note: Note<'a>,
    /// Whether the network was waited for.
    waited: bool,
}

impl OfPart<'_> {
    /// Whether a source may be drilled again: a repository may ask to be drilled less often.
    fn is_due(&self, source: &dyn Source) -> bool {
        let Some(pause) = source.pause_between_drills() else {
            return true;
        };
        let part = self.context.service.name.as_str();
        let newest = self.known.telling_of_newest(part);
        let last = newest
            .into_iter()
            .rfind(|last| last.source == source.name() && last.tier == word(source.tier()));
        last.is_none_or(|last| {
            let since = Timestamp::now().duration_since(last.drilled);
            // A clock that was set back keeps none from being due.
            Duration::try_from(since).map_or(true, |since| since + EARLIER >= pause)
        })
    }

    fn of_source(&mut self, source: &dyn Source) -> Result<()> {
        wait_for(self.context.machine, source, &mut self.waited);
        let listed = source
            .snapshots()
            .and_then(Iterator::collect::<Result<Vec<_>>>);
        let all = match listed {
            Ok(all) => all,
            Err(error) => return self.note(source, Which::Newest, Candidate::not_asked(&error)),
        };
        let mut candidates = all.iter().enumerate();
        let newest = candidates.find_map(|(number, snapshot)| {
            let came = candidate::of(self.context, source, snapshot, &self.done)?;
            Some((number, came))
        });
        let Some((number, came)) = newest else {
            let came = self.without_any(source);
            return self.note(source, Which::Newest, came);
        };
        self.note(source, Which::Newest, came)?;
        // Only the newest is ever rolled back to.
        if source.tier() == TierName::Rollback {
            return Ok(());
        }
        let older = &all[number + 1..];
        let name = source.name();
        let last = choice::last_of(
            &self.known.results,
            self.context.service.name.as_str(),
            &name,
        );
        let Some((which, mut numbers)) = choice::older(older.len(), last, choice::random()) else {
            return Ok(());
        };
        let came = numbers
            .by_ref()
            .take(LOOKS)
            .find_map(|number| candidate::of(self.context, source, &older[number], &self.done));
        match came {
            Some(came) => self.note(source, which, came),
            None => Ok(()),
        }
    }

    /// What is told of a source without any candidate. One that never had a snapshot is a new service's.
    fn without_any(&self, source: &dyn Source) -> Candidate {
        match source.elsewhere() {
            Err(error) => return Candidate::not_asked(&error),
            Ok(Elsewhere {
                doubt: Some(error), ..
            }) => return Candidate::in_doubt(&error),
            Ok(Elsewhere { doubt: None, .. }) => {}
        }
        let part = self.context.service.name.as_str();
        let (tier, name) = (word(source.tier()), source.name());
        let mut of_it = self.known.results.iter().rev().filter(|last| {
            (last.part.as_str(), last.tier.as_str(), &last.source) == (part, tier, &name)
        });
        let last = of_it.find_map(|last| {
            let snapshot = Snapshot {
                name: last.snapshot.clone()?,
                taken: last.taken?,
                bytes: 0,
            };
            Some((snapshot, last.drilled))
        });
        match last {
            Some((last, drilled)) if Some(last.taken) > remember::given_up(self.context) => {
                let restored = replaced_since(self.context, drilled);
                let restored = restored.filter(|_| source.lies_in_the_storage());
                restored.map_or_else(|| Candidate::lost(part, last), Candidate::not_yet)
            }
            _ => Candidate::none(),
        }
    }

    fn note(&mut self, source: &dyn Source, which: Which, came: Candidate) -> Result<()> {
        let result = Drilled {
            part: self.context.service.name.as_str().to_owned(),
            tier: word(source.tier()).to_owned(),
            source: source.name(),
            which,
            snapshot: came.snapshot.as_ref().map(|it| it.name.clone()),
            taken: came.snapshot.as_ref().map(|it| it.taken),
            drilled: Timestamp::now(),
            is_estimate: source.tier() == TierName::Rollback && came.outcome.is_good(),
            outcome: came.outcome,
            took: u64::try_from(came.took.as_millis()).unwrap_or(u64::MAX),
            bytes: came.bytes,
        };
        (self.note)(&result)?;
        self.done.push(result);
        Ok(())
    }
}

/// When a restore has put what is there now in the place of what was drilled `then`; `None`: it is the same storage. The
/// snapshots of what was replaced are kept with that.
fn replaced_since(context: &Context<'_>, then: Timestamp) -> Option<Timestamp> {
    match &context.observation.mark {
        MarkState::Ours(mark) if mark.tells_of_a_restore() && mark.by != "rollback" => {
            Some(mark.at).filter(|at| *at > then)
        }
        _ => None,
    }
}

/// Whether these results break no promise: of each source, the newest could be asked and restored, as far as it was meant to
/// be drilled.
#[must_use]
pub fn is_well(results: &[Drilled]) -> bool {
    results.iter().all(|result| {
        result.which != Which::Newest
            || match &result.outcome {
                Outcome::Proven | Outcome::Sampled => true,
                Outcome::Failed { .. } => false,
                Outcome::NotDrilled { error, .. } => error.is_empty(),
            }
    })
}
