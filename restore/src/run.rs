//! One run for one service: from what is there to a service that may start, or must not.

use std::collections::BTreeSet;

use declaration::settings::{OnUnavailable, Service};
use report::{Event, Kind, Progress, status};
use storage::kept;
use storage::local;
use storage::mark::Stage;
use storage::{Error, LeftOver, Mark, MarkState, Observation, Snapshot, Storage};

use crate::ending::{finished, in_brief, inconclusive, partly, tell, unmounted};
use crate::remember;
use crate::sealed;
use crate::search::{Answer, Conclusion, Inconclusive, Observer, search};
use crate::source::{Context, Failure, Source, word};
use crate::verdict::{Verdict, Why, verdict};

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
    /// The same in brief, where the journal was told the rest before.
    pub in_brief: Option<String>,
}

impl Refusal {
    fn not_restored(error: Error) -> Self {
        Self {
            kind: Kind::NotRestored,
            error,
            in_brief: None,
        }
    }

    fn partly(error: Error) -> Self {
        Self {
            kind: Kind::PartlyThere,
            ..Self::not_restored(error)
        }
    }
}

/// Restores the service's data if, and only if, it is missing. The storage must have been applied.
/// Everything that happens is told to the journal.
///
/// # Errors
/// When the service must not start, with the reason.
pub fn run(declared: &Service) -> Result<Outcome, Refusal> {
    let _lock =
        storage::lock::lock(declared, status::wait_for_another).map_err(Refusal::not_restored)?;
    let found = storage::as_found::whole(declared).map_err(Refusal::not_restored)?;
    let service = found.as_ref();
    let storage = storage::open(service);
    let outcome = decide(declared, service, storage.as_ref())?;
    match outcome {
        Outcome::Present | Outcome::Adopted => remember::data(service, storage.as_ref()),
        // What was seen of it before is what was replaced.
        Outcome::Restored => remember::data(service, storage::open(service).as_ref()),
        Outcome::Bootstrapped | Outcome::StartedEmpty => {}
    }
    Ok(outcome)
}

/// See [`run`]. `declared` is the service without what was found of it.
fn decide(
    declared: &Service,
    service: &Service,
    storage: &dyn Storage,
) -> Result<Outcome, Refusal> {
    let observation = storage.observe().map_err(Refusal::not_restored)?;
    let name = service.name.as_str();
    let verdict = verdict(&observation, service.on_partial);
    if matches!(verdict, Verdict::Present | Verdict::Adopt | Verdict::Finish) {
        put_away(name, storage, &observation.left_over)?;
    }
    match verdict {
        Verdict::Present => {
            status::say("data is there: nothing to do");
            Ok(Outcome::Present)
        }
        Verdict::Adopt => {
            let mark = Mark::new(Stage::Seeded, "adopted", "");
            if let Err(error) = storage.set_mark(&mark) {
                // It is there all the same; the next start tries it again.
                let told = format!("data is there, but cannot be marked: {error}");
                tell(
                    &Event::new(Kind::Adopted, name, told)
                        .outcome("not-marked")
                        .warning(),
                );
                return Ok(Outcome::Present);
            }
            tell(
                &Event::new(Kind::Adopted, name, "data is there already: adopted")
                    .outcome("adopted"),
            );
            Ok(Outcome::Adopted)
        }
        Verdict::Finish => {
            if let MarkState::Ours(mark) = &observation.mark {
                storage
                    .set_mark(&mark.at_stage(Stage::Seeded))
                    .map_err(Refusal::not_restored)?;
                tell(&finished(name, mark, None));
            }
            Ok(Outcome::Restored)
        }
        Verdict::Partly => Err(Refusal::partly(partly(service, &observation))),
        Verdict::Unmounted => Err(Refusal::not_restored(unmounted(service))),
        // Who owns what nothing is known of says nothing of whom the service's data is to belong to.
        Verdict::Restore(why) if !matches!(observation.mark, MarkState::Ours(_)) => {
            let placed = storage::as_found::placed(declared).map_err(Refusal::not_restored)?;
            let storage = storage::open(&placed);
            restore(&placed, storage.as_ref(), &observation, why)
        }
        Verdict::Restore(why) => restore(service, storage, &observation, why),
    }
}

/// Puts away what an earlier restore left beside data that is there.
fn put_away(name: &str, storage: &dyn Storage, left_over: &LeftOver) -> Result<(), Refusal> {
    match storage.put_away(left_over) {
        Ok(None) => {}
        Ok(Some(what)) => {
            tell(&Event::new(Kind::StorageChanged, name, what).outcome("put-away"));
        }
        // It must not take the place of newer data at some later loss.
        Err(error) if matches!(left_over, LeftOver::Complete(_)) => {
            return Err(Refusal::not_restored(error));
        }
        // A part of a copy never does, nor what is somebody's: the next start tries again.
        Err(error) => {
            let message = format!("what an earlier restore left cannot be put away: {error}");
            let event = Event::new(Kind::StorageChanged, name, message);
            event.outcome("not-put-away").warning().tell();
        }
    }
    Ok(())
}

fn restore(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
    why: Why,
) -> Result<Outcome, Refusal> {
    let name = service.name.as_str();
    systemd::units::must_be_stopped(service).map_err(Refusal::not_restored)?;
    let context = Context::new(service, storage, observation);
    let mut journal = Journal {
        service: name,
        told: BTreeSet::new(),
        faults: Vec::new(),
        put_off: BTreeSet::new(),
        waited: false,
        answers: Vec::new(),
    };
    if let LeftOver::Complete(mark) = &observation.left_over
        && sealed::put_in_place(&context, mark, why, &mut journal).map_err(Refusal::not_restored)?
    {
        return Ok(Outcome::Restored);
    }
    let asked = search(&context, &mut journal, &mut |source, snapshot| {
        if source.moves_data() {
            context.turn.take().map_err(Failure::Storage)?;
        }
        let mut progress = Progress::of_restore(name, &source.label(snapshot));
        let restored = source.restore(snapshot, &mut progress);
        context.turn.give_back();
        restored
    })
    .map_err(Refusal::not_restored)?;
    match asked {
        Conclusion::Restored(not_asked) => {
            if !not_asked.is_empty() {
                let message = format!(
                    "the newest data of all sources that could be asked was restored; these could not, and may hold newer: {}",
                    not_asked.join(", ")
                );
                let event = Event::new(Kind::SourceAnswered, name, message);
                event.outcome("unavailable").warning().tell();
            }
            Ok(Outcome::Restored)
        }
        Conclusion::NothingAnywhere if why == Why::Partly => {
            Err(Refusal::partly(partly(service, observation)))
        }
        Conclusion::NothingAnywhere => {
            let allowed =
                remember::may_start_empty(service, storage, observation, why, &journal.answers);
            let question = match allowed {
                Ok(question) => question,
                Err(error) if service.on_unavailable == OnUnavailable::StartEmpty => {
                    let message = format!("starts empty, as on-unavailable declares: {error}");
                    tell(&Event::new(Kind::StartedEmpty, name, message).outcome("start-empty"));
                    return Ok(Outcome::StartedEmpty);
                }
                Err(error) => return Err(Refusal::not_restored(error.while_doing("not started"))),
            };
            storage
                .set_mark(&remember::first_start(service))
                .map_err(Refusal::not_restored)?;
            remember::started_empty(service, storage);
            let asked = question
                .as_ref()
                .map_or_else(String::new, |q| format!("; {q}"));
            let event = Event::new(
                Kind::Bootstrapped,
                name,
                format!(
                    "{}, and no source has any: a first start{asked}",
                    why.in_words()
                ),
            );
            // Where there was data once, a first start is worth a look.
            let event = if why == Why::Empty && question.is_none() {
                event
            } else {
                event.warning()
            };
            tell(&event.outcome("bootstrap"));
            Ok(Outcome::Bootstrapped)
        }
        Conclusion::Inconclusive(sources) => in_doubt(service, storage, observation, why, &sources),
    }
}

/// How a run ends where no source restored, and some could not rule out that they hold the data.
fn in_doubt(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
    why: Why,
    sources: &[Inconclusive],
) -> Result<Outcome, Refusal> {
    let name = service.name.as_str();
    let brief = in_brief(why, sources, "above");
    if sources.iter().all(|source| source.unavailable)
        && remember::is_settled(service, storage, observation)
    {
        let message =
            format!("still empty since its first start, which no source had data for: {brief}");
        let event = Event::new(Kind::Bootstrapped, name, message);
        tell(&event.outcome("bootstrap").warning());
        return Ok(Outcome::Bootstrapped);
    }
    if service.on_unavailable == OnUnavailable::StartEmpty && why != Why::Partly {
        let message = format!("starts empty, as on-unavailable declares: {brief}");
        tell(&Event::new(Kind::StartedEmpty, name, message).outcome("start-empty"));
        return Ok(Outcome::StartedEmpty);
    }
    let error = inconclusive(service, why, sources);
    Err(Refusal {
        in_brief: Some(brief),
        ..Refusal::not_restored(error.while_doing("not started"))
    })
}

/// Tells what happens to the journal.
struct Journal<'a> {
    service: &'a str,
    /// Snapshots that were told of: `rollback` and `snapshot` look at the same ones.
    told: BTreeSet<String>,
    /// Why they were passed over.
    faults: Vec<String>,
    /// Snapshots that were told to be put off.
    put_off: BTreeSet<String>,
    /// Whether the network was waited for.
    waited: bool,
    /// What the sources answered, in words.
    answers: Vec<String>,
}

impl Journal<'_> {
    /// Whether a snapshot was passed over for this.
    fn has_told(&self, error: &Error) -> bool {
        self.faults
            .iter()
            .any(|why| why.starts_with(&error.fault()))
    }
}

impl Observer for Journal<'_> {
    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        storage::interrupt::halt();
        if self.told.insert(snapshot.name.clone()) {
            self.faults.push(why.to_owned());
            let message = format!(
                "passed over {} ({}): {why}",
                source.label(snapshot),
                local(snapshot.taken)
            );
            Event::new(Kind::PassedOver, self.service, message)
                .tier(word(source.tier()))
                .outcome("passed-over")
                .snapshot(&snapshot.name)
                .tell();
        }
    }

    fn put_off(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        if !self.put_off.insert(snapshot.name.clone()) {
            return;
        }
        let message = format!(
            "put off {} ({}): {why}",
            source.label(snapshot),
            local(snapshot.taken)
        );
        Event::new(Kind::PassedOver, self.service, message)
            .tier(word(source.tier()))
            .outcome("put-off")
            .snapshot(&snapshot.name)
            .tell();
    }

    fn asking(&mut self, source: &dyn Source) {
        // Only here: a service whose data is there never waits for the network.
        if source.needs_network() && !self.waited {
            status::say("waiting for the network");
            systemd::units::wait_for_network();
            self.waited = true;
        }
        if let Some(directory) = source.local_directory() {
            systemd::mount::wait_for(directory, |unit| {
                status::say(&format!("waiting for {unit}"));
            });
        }
        status::say(&format!("asking {}", source.name()));
    }

    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        storage::interrupt::halt();
        let source_name = source.name();
        let tier = word(source.tier());
        match answer {
            Answer::Restored(snapshot, restored) => {
                let kept = restored.kept.as_ref();
                let message = format!(
                    "restored by {tier} from {} ({}){}",
                    source.label(snapshot),
                    local(snapshot.taken),
                    kept::in_words(kept)
                );
                let event = Event::new(Kind::Restored, self.service, message)
                    .tier(tier)
                    .outcome(answer.word());
                tell(&event.snapshot(&snapshot.name).bytes(restored.bytes));
            }
            Answer::NothingThere(_)
            | Answer::InDoubt(_)
            | Answer::NotUsed(_)
            | Answer::Unavailable(_)
            | Answer::Failed(_) => {
                let message = match answer {
                    Answer::Failed(error) if self.has_told(error) => {
                        format!(
                            "failed: {source_name}: none of its snapshots could be used, as told above: {}",
                            error.help()
                        )
                    }
                    _ => answer.in_words(&source_name),
                };
                self.answers.push(message.clone());
                let event = Event::new(Kind::SourceAnswered, self.service, message)
                    .tier(tier)
                    .outcome(answer.word());
                let expected = matches!(answer, Answer::NothingThere(None) | Answer::NotUsed(_));
                if expected { event } else { event.warning() }.tell();
            }
        }
    }
}
