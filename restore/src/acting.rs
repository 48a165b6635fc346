//! Does what is decided for one service, or one part of it, and tells it to the journal.

use std::collections::BTreeSet;

use declaration::value::TierName;
use jiff::Timestamp;
use report::{Event, Kind};
use storage::mark::Stage;
use storage::{Error, Kept, LeftOver, Mark, Snapshot, kept, local};

use crate::answer::{Answer, Observer, PassedOver};
use crate::context::Context;
use crate::decide::{End, Outcome};
use crate::ending::{finished, undone};
use crate::executor::Goal;
use crate::machine::{Machine, tell_the_end};
use crate::pending::{Occasion, Pending, Prepared};
use crate::remember;
use crate::source::{Source, word};
use crate::verdict::Why;

/// Remembers that the service has its data, if it has.
pub(crate) fn remember_data(context: &Context<'_>, outcome: Outcome) {
    match outcome {
        Outcome::Present | Outcome::Adopted | Outcome::Restored => remember::data(context),
        Outcome::Bootstrapped | Outcome::StartedEmpty => {}
    }
}

/// Waits for what a source needs to be asked: `waited` says whether the network was waited for.
pub(crate) fn wait_for(machine: &dyn Machine, source: &dyn Source, waited: &mut bool) {
    // Only here: a service whose data is there never waits for the network.
    if source.needs_network() && !*waited {
        machine.say("waiting for the network");
        machine.wait_for_network();
        *waited = true;
    }
    if let Some(directory) = source.local_directory() {
        machine.wait_for_mount(directory, &mut |unit| {
            machine.say(&format!("waiting for {unit}"));
        });
    }
    machine.say(&format!("asking {}", source.name()));
}

/// Does what is decided, and tells it to the journal.
pub(crate) struct Acting<'a> {
    context: &'a Context<'a>,
    machine: &'a dyn Machine,
    service: &'a str,
    /// The service that it is a part of.
    of: &'a str,
    /// Whether what replaces something waits for the rest of a set.
    defers: bool,
    occasion: Occasion,
    /// What waits.
    pub(crate) pending: Option<Pending>,
    /// What was replaced by what was pending.
    pub(crate) replaced: Option<Kept>,
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
    pub(crate) fn on(context: &'a Context<'a>) -> Self {
        Self {
            context,
            machine: context.machine,
            service: context.service.name.as_str(),
            of: context.service.of(),
            defers: false,
            occasion: Occasion::Start,
            pending: None,
            replaced: None,
            told: BTreeSet::new(),
            faults: Vec::new(),
            put_off: BTreeSet::new(),
            waited: false,
            answers: Vec::new(),
        }
    }

    /// The same for a part of a set: what replaces something is left [pending](Self::pending).
    pub(crate) fn deferring(context: &'a Context<'a>) -> Self {
        Self {
            defers: true,
            ..Self::on(context)
        }
    }

    /// The same, of what an admin asked for.
    pub(crate) fn by_hand(context: &'a Context<'a>, pending: Option<Pending>) -> Self {
        Self {
            occasion: Occasion::ByHand,
            pending,
            ..Self::deferring(context)
        }
    }

    /// The same, of what a restore replaced then, and is staged to be brought back.
    pub(crate) fn undoing(context: &'a Context<'a>, replaced_at: Option<Timestamp>) -> Self {
        Self {
            occasion: Occasion::Undo(replaced_at),
            ..Self::by_hand(context, Some(Pending::Swap(None)))
        }
    }

    /// The snapshot that waits to take the part's place.
    pub(crate) fn prepared(&self) -> Option<Prepared> {
        match &self.pending {
            Some(Pending::Swap(prepared)) => prepared.clone(),
            _ => None,
        }
    }

    /// What was pending is done from here on.
    pub(crate) fn take_pending(&mut self) -> Option<Pending> {
        self.defers = false;
        self.pending.take()
    }

    /// What replaces something waits again.
    pub(crate) fn defer(&mut self) {
        self.defers = true;
    }

    /// Tells that a snapshot was restored.
    pub(crate) fn tell_restored(&self, prepared: &Prepared, kept: Option<&Kept>) {
        let tier = word(prepared.tier);
        let asked = match self.occasion {
            Occasion::ByHand => "by hand, ",
            _ => "",
        };
        let message = format!(
            "restored {asked}by {tier} from {} ({}){}{}",
            prepared.label,
            local(prepared.snapshot.taken),
            kept::in_words(kept),
            self.way_back(kept)
        );
        let event = Event::new(Kind::Restored, self.service, message);
        let event = event.tier(tier).outcome("restored");
        self.tell_the_end(
            event
                .snapshot(&prepared.snapshot.name)
                .bytes(prepared.bytes),
        );
    }

    /// Tells that what an earlier run had begun is finished.
    pub(crate) fn tell_finished(&self, mark: &Mark, kept: Option<&Kept>) {
        let Occasion::Undo(replaced_at) = self.occasion else {
            return self.tell_the_end(finished(self.context.service, mark, kept));
        };
        self.tell_the_end(undone(self.service, replaced_at, kept));
    }

    /// How what was replaced comes back, in words that are added.
    fn way_back(&self, kept: Option<&Kept>) -> String {
        // A command says so in its last line.
        let is_told = matches!(self.occasion, Occasion::Start);
        let kept = kept.filter(|_| is_told);
        kept.map_or_else(String::new, |_| kept::way_back(self.of))
    }

    fn tell(&self, event: Event<'_>) {
        self.machine.tell(&event.of(self.of));
    }

    /// Whether a snapshot was passed over for this.
    fn has_told(&self, error: &Error) -> bool {
        self.faults.iter().any(|told| told.is_same_fault(error))
    }

    pub(crate) fn tell_the_end(&self, event: Event<'_>) {
        tell_the_end(self.machine, &event.of(self.of));
        for what in self.context.storage.not_set() {
            let event = Event::new(Kind::StorageDiffers, self.service, what);
            self.tell(event.outcome("differs"));
        }
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
        self.tell(match why {
            PassedOver::Failed(error) => event.error(error.kind().code()),
            PassedOver::Unfit(_) => event,
        });
    }
}

impl End for Acting<'_> {
    fn goal(&self) -> Goal {
        if self.defers {
            Goal::Sealed
        } else {
            Goal::InPlace
        }
    }

    fn put_away(&mut self, left_over: &LeftOver) -> Result<(), Error> {
        match self.context.storage.put_away(left_over) {
            Ok(None) => {}
            Ok(Some(what)) => {
                let event = Event::new(Kind::StorageChanged, self.service, what);
                self.tell_the_end(event.outcome("put-away"));
            }
            // It must not take the place of newer data at some later loss.
            Err(error) if matches!(left_over, LeftOver::Complete(_)) => return Err(error),
            // A part of a copy never does, nor what is somebody's: the next start tries again.
            Err(error) => {
                let message = format!("what an earlier restore left cannot be put away: {error}");
                let event = Event::new(Kind::StorageChanged, self.service, message);
                let event = event.error(error.kind().code());
                self.tell(event.outcome("not-put-away").warning());
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
            self.tell_the_end(event.outcome("not-marked").warning());
            return false;
        }
        let message = "data is there already: adopted";
        let event = Event::new(Kind::Adopted, self.service, message);
        self.tell_the_end(event.outcome("adopted"));
        true
    }

    fn finish(&mut self, mark: &Mark) -> Result<(), Error> {
        // The power may have gone before.
        storage::give_contents_in_place(self.context.service)?;
        let seeded = mark.at_stage(Stage::Seeded);
        self.context.storage.set_mark(&seeded)?;
        self.tell_the_end(finished(self.context.service, mark, None));
        Ok(())
    }

    fn put_in_place(&mut self, _mark: &Mark, not_asked: Option<&Error>) -> Result<bool, Error> {
        let mut done = None;
        if !self.defers {
            done = self.context.storage.resume()?;
            if done.is_none() {
                return Ok(false);
            }
        }
        if let Some(error) = not_asked {
            let message = format!(
                "an interrupted restore is finished although newer data cannot be ruled out: {error}"
            );
            let event = Event::new(Kind::SourceAnswered, self.service, message);
            let event = event.error(error.kind().code());
            self.tell(event.outcome("unavailable").warning());
        }
        match done {
            Some((mark, kept)) => self.tell_finished(&mark, kept.as_ref()),
            None => self.pending = Some(Pending::Swap(None)),
        }
        Ok(true)
    }

    fn put_aside(&mut self, mark: &Mark, why: &str) -> Result<(), Error> {
        let kept = self.context.storage.put_aside(mark)?;
        let message = kept::not_used(mark, why, &kept);
        let event = Event::new(Kind::StorageChanged, self.service, message);
        self.tell(event.outcome("put-away"));
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
        self.tell(event.outcome("unavailable").warning());
    }

    fn start_for_the_first_time(&mut self, why: Why, question: Option<&str>) -> Result<(), Error> {
        if self.defers {
            self.pending = Some(Pending::FirstStart(why, question.map(str::to_owned)));
            return Ok(());
        }
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
        self.tell_the_end(event.outcome("bootstrap"));
        Ok(())
    }

    fn start_as_at_first(&mut self, not_asked: &str) {
        let message =
            format!("still empty since its first start, which no source had data for: {not_asked}");
        let event = Event::new(Kind::Bootstrapped, self.service, message);
        self.tell_the_end(event.outcome("bootstrap").warning());
    }

    fn start_empty(&mut self, forbids: &str) {
        let message = format!("starts empty, as on-unavailable declares: {forbids}");
        let event = Event::new(Kind::StartedEmpty, self.service, message);
        self.tell_the_end(event.outcome("start-empty"));
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
        wait_for(self.machine, source, &mut self.waited);
    }

    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        storage::interrupt::halt();
        let tier = word(source.tier());
        if let Answer::Restored(snapshot, restored) = answer {
            let prepared = Prepared {
                tier: source.tier(),
                label: source.label(snapshot),
                snapshot: snapshot.clone(),
                bytes: restored.bytes,
            };
            if !self.defers {
                self.tell_restored(&prepared, restored.kept.as_ref());
            } else if source.tier() == TierName::Rollback {
                self.pending = Some(Pending::Rollback(prepared));
            } else {
                self.pending = Some(Pending::Swap(Some(prepared)));
            }
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
        self.tell(if expected { event } else { event.warning() });
    }
}
