//! One run for one service: what is decided is done, and told to the journal.

use std::collections::BTreeSet;

use declaration::settings::Service;
use report::{Event, Kind};
use storage::mark::Stage;
use storage::{Error, LeftOver, Mark, Snapshot, kept, local};

use crate::answer::{Answer, Observer, PassedOver};
use crate::context::Context;
use crate::decide::{End, Outcome, Refusal, decide, look};
use crate::ending::finished;
use crate::executor::Goal;
use crate::machine::{Machine, ThisMachine, tell_the_end};
use crate::remember;
use crate::source::list::sources;
use crate::source::{Source, word};
use crate::verdict::{Verdict, Why};

/// Restores the service's data if, and only if, it is missing. The storage must have been applied.
/// Everything that happens is told to the journal.
///
/// # Errors
/// When the service must not start, with the reason.
pub fn run(declared: &Service) -> Result<Outcome, Refusal> {
    let _lock = storage::lock::lock(declared, report::status::wait_for_another)?;
    look(declared, &ThisMachine, |context, verdict| {
        act(context, &sources(context), verdict)
    })
}

/// Does what is decided, and remembers that the service has its data.
///
/// # Errors
/// As [`run`].
pub(crate) fn act(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    verdict: Verdict,
) -> Result<Outcome, Refusal> {
    let outcome = decide(context, sources, verdict, &mut Acting::on(context))?;
    match outcome {
        Outcome::Present | Outcome::Adopted => remember::data(context, false),
        Outcome::Restored => remember::data(context, true),
        Outcome::Bootstrapped | Outcome::StartedEmpty => {}
    }
    Ok(outcome)
}

/// Does what is decided, and tells it to the journal.
struct Acting<'a> {
    context: &'a Context<'a>,
    machine: &'a dyn Machine,
    service: &'a str,
    /// Snapshots that were told of: `rollback` and `snapshot` look at the same ones.
    told: BTreeSet<String>,
    /// The errors for which some were passed over.
    faults: Vec<Error>,
    /// Snapshots that were told to be put off.
    put_off: BTreeSet<String>,
    /// Whether the network was waited for.
    waited: bool,
    /// What the sources answered, in words.
    answers: Vec<String>,
}

impl<'a> Acting<'a> {
    fn on(context: &'a Context<'a>) -> Self {
        Self {
            context,
            machine: context.machine,
            service: context.service.name.as_str(),
            told: BTreeSet::new(),
            faults: Vec::new(),
            put_off: BTreeSet::new(),
            waited: false,
            answers: Vec::new(),
        }
    }

    /// Whether a snapshot was passed over for this.
    fn has_told(&self, error: &Error) -> bool {
        self.faults.iter().any(|told| told.is_same_fault(error))
    }

    fn tell_the_end(&self, event: &Event<'_>) {
        tell_the_end(self.machine, event);
    }

    /// Tells of a snapshot that is not taken, or not yet.
    fn tell_of(
        &self,
        source: &dyn Source,
        snapshot: &Snapshot,
        what: (&str, &'static str),
        why: &PassedOver<'_>,
    ) {
        let (begins, outcome) = what;
        let message = format!(
            "{begins} {} ({}): {why}",
            source.label(snapshot),
            local(snapshot.taken)
        );
        let event = Event::new(Kind::PassedOver, self.service, message)
            .tier(word(source.tier()))
            .outcome(outcome)
            .snapshot(&snapshot.name);
        self.machine.tell(&match why {
            PassedOver::Failed(error) => event.error(error.kind().code()),
            PassedOver::Unfit(_) => event,
        });
    }
}

impl End for Acting<'_> {
    fn goal(&self) -> Goal {
        Goal::InPlace
    }

    fn put_away(&mut self, left_over: &LeftOver) -> Result<(), Error> {
        match self.context.storage.put_away(left_over) {
            Ok(None) => {}
            Ok(Some(what)) => {
                let event = Event::new(Kind::StorageChanged, self.service, what);
                self.tell_the_end(&event.outcome("put-away"));
            }
            // It must not take the place of newer data at some later loss.
            Err(error) if matches!(left_over, LeftOver::Complete(_)) => return Err(error),
            // A part of a copy never does, nor what is somebody's: the next start tries again.
            Err(error) => {
                let message = format!("what an earlier restore left cannot be put away: {error}");
                let event = Event::new(Kind::StorageChanged, self.service, message);
                let event = event.error(error.kind().code());
                self.machine.tell(&event.outcome("not-put-away").warning());
            }
        }
        Ok(())
    }

    fn present(&mut self) {
        self.machine.say("data is there: nothing to do");
    }

    fn adopt(&mut self) -> bool {
        let mark = Mark::new(Stage::Seeded, "adopted", "");
        if let Err(error) = self.context.storage.set_mark(&mark) {
            let message = format!("data is there, but cannot be marked: {error}");
            let event = Event::new(Kind::Adopted, self.service, message);
            let event = event.error(error.kind().code());
            self.tell_the_end(&event.outcome("not-marked").warning());
            return false;
        }
        let message = "data is there already: adopted";
        let event = Event::new(Kind::Adopted, self.service, message);
        self.tell_the_end(&event.outcome("adopted"));
        true
    }

    fn finish(&mut self, mark: &Mark) -> Result<(), Error> {
        // The power may have gone before.
        storage::give_contents_in_place(self.context.service)?;
        let seeded = mark.at_stage(Stage::Seeded);
        self.context.storage.set_mark(&seeded)?;
        self.tell_the_end(&finished(self.service, mark, None));
        Ok(())
    }

    fn put_in_place(&mut self, _mark: &Mark, not_asked: Option<&Error>) -> Result<bool, Error> {
        let Some((mark, kept)) = self.context.storage.resume()? else {
            return Ok(false);
        };
        if let Some(error) = not_asked {
            let message = format!(
                "an interrupted restore is finished although newer data cannot be ruled out: {error}"
            );
            let event = Event::new(Kind::SourceAnswered, self.service, message);
            let event = event.error(error.kind().code());
            self.machine.tell(&event.outcome("unavailable").warning());
        }
        self.tell_the_end(&finished(self.service, &mark, kept.as_ref()));
        Ok(true)
    }

    fn put_aside(&mut self, mark: &Mark, why: &str) -> Result<(), Error> {
        let kept = self.context.storage.put_aside(mark)?;
        let message = kept::not_used(mark, why, &kept);
        let event = Event::new(Kind::StorageChanged, self.service, message);
        self.machine.tell(&event.outcome("put-away"));
        Ok(())
    }

    fn restoring(&mut self, _why: Why) {}

    fn restored(&mut self, not_asked: &[String]) {
        if not_asked.is_empty() {
            return;
        }
        let message = format!(
            "the newest data of all sources that could be asked was restored; these could not, and may hold newer: {}",
            not_asked.join(", ")
        );
        let event = Event::new(Kind::SourceAnswered, self.service, message);
        self.machine.tell(&event.outcome("unavailable").warning());
    }

    fn start_for_the_first_time(&mut self, why: Why, question: Option<&str>) -> Result<(), Error> {
        let mark = remember::first_start(self.context);
        self.context.storage.set_mark(&mark)?;
        remember::started_empty(self.context);
        let asked = question.map_or_else(String::new, |question| format!("; {question}"));
        let message = format!(
            "{}, and no source has any: a first start{asked}",
            why.in_words()
        );
        let event = Event::new(Kind::Bootstrapped, self.service, message);
        // Where there was data once, a first start is worth a look.
        let event = if why == Why::Empty && question.is_none() {
            event
        } else {
            event.warning()
        };
        self.tell_the_end(&event.outcome("bootstrap"));
        Ok(())
    }

    fn start_as_at_first(&mut self, not_asked: &str) {
        let message =
            format!("still empty since its first start, which no source had data for: {not_asked}");
        let event = Event::new(Kind::Bootstrapped, self.service, message);
        self.tell_the_end(&event.outcome("bootstrap").warning());
    }

    fn start_empty(&mut self, forbids: &str) {
        let message = format!("starts empty, as on-unavailable declares: {forbids}");
        let event = Event::new(Kind::StartedEmpty, self.service, message);
        self.tell_the_end(&event.outcome("start-empty"));
    }

    fn tells_answers(&self) -> &'static str {
        "above"
    }

    fn answers(&self) -> &[String] {
        &self.answers
    }
}

impl Observer for Acting<'_> {
    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>) {
        storage::interrupt::halt();
        if self.told.insert(snapshot.name.clone()) {
            if let PassedOver::Failed(error) = why {
                self.faults.push((*error).clone());
            }
            self.tell_of(source, snapshot, ("passed over", "passed-over"), why);
        }
    }

    fn put_off(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        if self.put_off.insert(snapshot.name.clone()) {
            let why = PassedOver::Unfit(why);
            self.tell_of(source, snapshot, ("put off", "put-off"), &why);
        }
    }

    fn asking(&mut self, source: &dyn Source) {
        let machine = self.machine;
        // Only here: a service whose data is there never waits for the network.
        if source.needs_network() && !self.waited {
            machine.say("waiting for the network");
            machine.wait_for_network();
            self.waited = true;
        }
        if let Some(directory) = source.local_directory() {
            machine.wait_for_mount(directory, &mut |unit| {
                machine.say(&format!("waiting for {unit}"));
            });
        }
        machine.say(&format!("asking {}", source.name()));
    }

    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        storage::interrupt::halt();
        let tier = word(source.tier());
        if let Answer::Restored(snapshot, restored) = answer {
            let message = format!(
                "restored by {tier} from {} ({}){}",
                source.label(snapshot),
                local(snapshot.taken),
                kept::in_words(restored.kept.as_ref())
            );
            let event = Event::new(Kind::Restored, self.service, message)
                .tier(tier)
                .outcome(answer.word());
            self.tell_the_end(&event.snapshot(&snapshot.name).bytes(restored.bytes));
            return;
        }
        let message = match answer {
            Answer::Failed(error) if self.has_told(error) => format!(
                "failed: {}: none of its snapshots could be used, as told above: {}",
                source.name(),
                error.help()
            ),
            _ => answer.in_words(&source.name()),
        };
        self.answers.push(message.clone());
        let event = Event::new(Kind::SourceAnswered, self.service, message)
            .tier(tier)
            .outcome(answer.word());
        let event = match answer.error() {
            Some(error) => event.error(error.kind().code()),
            None => event,
        };
        let expected = matches!(answer, Answer::NothingThere(None) | Answer::NotUsed(_));
        self.machine
            .tell(&if expected { event } else { event.warning() });
    }
}
