//! What a run would do, and why: what is decided is told, and nothing is changed.

use std::fmt::Write;

use declaration::settings::Service;
use declaration::visible;
use report::Kind;
use storage::contents::named;
use storage::{Contents, Error, LeftOver, Mark, MarkState, Observation, Presence, Snapshot};

use crate::answer::{Answer, Observer, PassedOver};
use crate::context::Context;
use crate::decide::{End, NOT_STARTED, Refusal, decide, look};
use crate::executor::Goal;
use crate::machine::ThisMachine;
use crate::part::{Part, half_done, waits_for, with_parts};
use crate::points;
use crate::source::list::sources;
use crate::source::{Source, word};
use crate::verdict::{Verdict, Why};

/// What a run would do.
#[derive(Debug)]
pub struct Plan {
    /// In words, several lines, each ended.
    pub text: String,
    /// Whether the service would start.
    pub starts: bool,
}

/// Looks at a service's storage and its sources, and says what a run would do. Changes nothing.
///
/// # Errors
/// When the storage cannot be looked at.
pub fn plan(service: &Service) -> Result<Plan, Error> {
    if !service.places.is_empty() {
        return with_parts(service, &ThisMachine, |parts| {
            Ok(of_parts(parts, service.together))
        })
        .map_err(|refusal| refusal.error);
    }
    look(service, &ThisMachine, |context, verdict| {
        Ok(tell(context, &sources(context), verdict))
    })
    .map_err(|refusal| refusal.error)
}

/// Tells what is decided about each part of a service.
pub(crate) fn of_parts(parts: &[Part<'_>], together: bool) -> Plan {
    let mut plan = Plan {
        text: String::new(),
        starts: true,
    };
    let half_done = half_done(parts);
    for part in parts {
        let service = part.context.service;
        let outcome = if half_done.is_some() && waits_for(part) == half_done {
            "an interrupted restore or undo of all parts goes on: what is ready takes its place"
        } else if !service.is_restored() {
            "a cache: it is made empty, and never restored"
        } else {
            let of_part = tell(part.context, part.sources, part.verdict);
            plan.text.push_str(&of_part.text);
            plan.starts &= of_part.starts;
            continue;
        };
        let (name, place) = (&service.name, service.mountpoint.display());
        // Writing to a string cannot fail.
        let _ = writeln!(plan.text, "{name} at {place}");
        line(&mut plan.text, "outcome", outcome);
    }
    if together && let Err(refusal) = points::must_be_one(parts) {
        plan.starts = false;
        line(&mut plan.text, "together", &refusal.error.to_string());
    }
    plan
}

/// As [`plan`], if all of the service's data were lost this minute. The service may run.
///
/// # Errors
/// When the storage cannot be looked at.
pub fn plan_as_if_lost(service: &Service) -> Result<Plan, Error> {
    let mut plan = Plan {
        text: "as if all of its data were lost now:\n".to_owned(),
        starts: true,
    };
    for part in service.parts().filter(|part| part.is_restored()) {
        let of_part = part_as_if_lost(part)?;
        plan.text.push_str(&of_part.text);
        plan.starts &= of_part.starts;
    }
    Ok(plan)
}

fn part_as_if_lost(service: &Service) -> Result<Plan, Error> {
    look(service, &ThisMachine, |context, _| {
        let observation = Observation {
            contents: Contents::default(),
            ..context.observation.clone()
        };
        let lost = Context::new(
            context.service,
            context.storage,
            &observation,
            context.machine,
        );
        let telling = Telling {
            assumes_lost: true,
            ..Telling::of(&lost)
        };
        Ok(tell_by(
            telling,
            &lost,
            &sources(&lost),
            Verdict::Restore(Why::Lost),
        ))
    })
    .map_err(|refusal| refusal.error)
}

/// Tells what is decided.
pub(crate) fn tell(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    verdict: Verdict,
) -> Plan {
    tell_by(Telling::of(context), context, sources, verdict)
}

fn tell_by(
    mut telling: Telling<'_>,
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    verdict: Verdict,
) -> Plan {
    let decided = applicable(context)
        .map_err(Refusal::from)
        .and_then(|()| decide(context, sources, verdict, &mut telling));
    let (end, starts) = match decided {
        Ok(_) => (std::mem::take(&mut telling.end), true),
        Err(refusal) => (refused(context.service, &refusal), false),
    };
    let mut text = seen(context.service, context.observation);
    let first = text.find('\n').map_or(0, |end| end + 1);
    let mut outcome = String::new();
    line(&mut outcome, "outcome", &end);
    text.insert_str(first, &outcome);
    telling.write(&mut text);
    Plan { text, starts }
}

/// Why the service would not start.
fn refused(service: &Service, refusal: &Refusal) -> String {
    if let Some(brief) = &refusal.in_brief {
        return format!("{}: {NOT_STARTED}: {brief}", service.name);
    }
    let told = refusal.error.to_string();
    if refusal.kind == Kind::PartlyThere || told.contains(NOT_STARTED) {
        told
    } else {
        format!("{NOT_STARTED}: {told}")
    }
}

/// That the service's dataset is made what is declared before the run, unless an interrupted swap comes first.
fn applicable(context: &Context<'_>) -> Result<(), Error> {
    match context.observation.left_over {
        LeftOver::Complete(_) => Ok(()),
        _ => context.storage.must_be_applicable(),
    }
}

/// Tells what is decided: how it ends, and on the way what the sources hold.
struct Telling<'a> {
    context: &'a Context<'a>,
    assumes_lost: bool,
    end: String,
    /// What becomes of a complete copy of an earlier run.
    left_over: Option<String>,
    /// Since when the sources are asked, and why.
    why: Option<Why>,
    lines: Lines,
}

impl<'a> Telling<'a> {
    fn of(context: &'a Context<'a>) -> Self {
        Self {
            context,
            assumes_lost: false,
            end: String::new(),
            left_over: None,
            why: None,
            lines: Lines::default(),
        }
    }

    /// Writes down what was told on the way.
    fn write(&self, text: &mut String) {
        if let Some(left_over) = &self.left_over {
            line(text, "left over", left_over);
        }
        let Some(why) = self.why else { return };
        let decision = format!("restore, since {}", why.in_words());
        line(text, "decision", &decision);
        self.lines.write(text);
        if !self.lines.waits.is_empty() {
            let units = self.lines.waits.join(" and ");
            let waits = format!("a start first waits for {units}; this plan does not");
            line(text, "waits", &waits);
        }
        if !self.context.service.verify.is_empty() {
            let verify = "what is taken is checked before it is used; this plan does not";
            line(text, "verify", verify);
        }
    }
}

/// A complete copy of an earlier run, in words.
fn interrupted(mark: &Mark) -> String {
    format!("an interrupted restore by {} from {}", mark.by, mark.from)
}

impl End for Telling<'_> {
    fn goal(&self) -> Goal {
        Goal::Possible
    }

    fn assumes_lost(&self) -> bool {
        self.assumes_lost
    }

    fn put_away(&mut self, _left_over: &LeftOver) -> Result<(), Error> {
        Ok(())
    }

    fn present(&mut self) {
        "the data is there: nothing to do".clone_into(&mut self.end);
    }

    fn adopt(&mut self) -> bool {
        "the data is there: would mark it and leave it alone".clone_into(&mut self.end);
        true
    }

    fn finish(&mut self, _mark: &Mark) -> Result<(), Error> {
        "would finish the mark of an interrupted restore".clone_into(&mut self.end);
        Ok(())
    }

    fn put_in_place(&mut self, mark: &Mark, not_asked: Option<&Error>) -> Result<bool, Error> {
        self.end = format!("would finish {}", interrupted(mark));
        if let Some(error) = not_asked {
            // Writing to a string cannot fail.
            let _ = write!(
                self.end,
                ", although newer data cannot be ruled out: {error}"
            );
        }
        Ok(true)
    }

    fn put_aside(&mut self, mark: &Mark, why: &str) -> Result<(), Error> {
        let copy = interrupted(mark);
        self.left_over = Some(format!("{copy}: would be kept aside, since {why}"));
        Ok(())
    }

    fn restoring(&mut self, why: Why) {
        // What was asked because of a copy that is not used is asked again.
        self.lines = Lines::default();
        self.why = Some(why);
    }

    fn restored(&mut self, not_asked: &[String]) {
        let chosen = self.lines.chosen.as_deref().unwrap_or_default();
        self.end = format!("would restore {chosen}");
        if !not_asked.is_empty() {
            let sources = not_asked.join(", ");
            // Writing to a string cannot fail.
            let _ = write!(
                self.end,
                "; these could not be asked, and may hold newer data: {sources}"
            );
        }
    }

    fn start_for_the_first_time(&mut self, _why: Why, question: Option<&str>) -> Result<(), Error> {
        let asked = question.map_or_else(String::new, |question| format!("; {question}"));
        self.end = format!("would start for the first time, on an empty directory{asked}");
        Ok(())
    }

    fn start_as_at_first(&mut self, not_asked: &str) {
        self.end = format!("would start empty, as at its first start: {not_asked}");
    }

    fn start_empty(&mut self, forbids: &str) {
        self.end = format!("would start empty, as on-unavailable declares: {forbids}");
    }

    fn tells_answers(&self) -> &'static str {
        "below"
    }

    fn answers(&self) -> &[String] {
        &self.lines.answers
    }
}

fn seen(service: &Service, observation: &Observation) -> String {
    let mut text = format!("{} at {}\n", service.name, service.mountpoint.display());
    let storage = &service.storage;
    let place = match observation.presence {
        Presence::Missing => "missing; it would be created",
        Presence::Unmounted => "not mounted",
        Presence::Mounted => "there",
    };
    line(&mut text, "storage", &format!("{storage}: {place}"));
    let mark = match &observation.mark {
        MarkState::None => "none".to_owned(),
        MarkState::Ours(mark) => mark.to_string(),
        MarkState::Foreign(why) => format!("one that does not count: {why}"),
    };
    line(&mut text, "mark", &mark);
    let contents = &observation.contents;
    line(&mut text, "entries", &named(&contents.entries));
    if !contents.missing.is_empty() && !contents.is_empty() {
        line(
            &mut text,
            "missing",
            &storage::contents::listed(&contents.missing),
        );
    }
    text
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {label:<9} {}", visible(value));
}

/// Writes down what the sources hold: each with its answer, and below it its snapshots.
#[derive(Default)]
struct Lines {
    sources: Vec<SourceLines>,
    chosen: Option<String>,
    /// What the sources answered that have not restored.
    answers: Vec<String>,
    /// The mount units that a start would wait for.
    waits: Vec<String>,
}

struct SourceLines {
    name: String,
    tier: &'static str,
    answer: Option<String>,
    candidates: String,
}

impl Lines {
    fn of(&mut self, source: &dyn Source) -> &mut SourceLines {
        let name = source.name();
        let number = self.sources.iter().position(|of| of.name == name);
        let number = number.unwrap_or_else(|| {
            self.sources.push(SourceLines {
                name,
                tier: word(source.tier()),
                answer: None,
                candidates: String::new(),
            });
            self.sources.len() - 1
        });
        &mut self.sources[number]
    }

    fn candidate(&mut self, source: &dyn Source, snapshot: &Snapshot, verdict: &str) {
        let size = if snapshot.bytes == 0 {
            "-".to_owned()
        } else {
            report::progress::bytes(snapshot.bytes)
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.of(source).candidates,
            "    {}  {size:>10}  {}",
            storage::local(snapshot.taken),
            visible(&format!("{}  {verdict}", snapshot.label()))
        );
    }

    fn write(&self, text: &mut String) {
        for source in &self.sources {
            let not_needed = || format!("{}: not needed", source.name);
            let answer = source.answer.clone().unwrap_or_else(not_needed);
            line(text, source.tier, &answer);
            text.push_str(&source.candidates);
        }
    }
}

impl Observer for Telling<'_> {
    fn wants_all(&self) -> bool {
        true
    }

    fn asking(&mut self, source: &dyn Source) {
        if let Some(directory) = source.local_directory() {
            let awaited = self.context.machine.awaited_mounts(directory);
            self.lines.waits.extend(awaited);
        }
        self.lines.of(source);
    }

    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>) {
        self.lines
            .candidate(source, snapshot, &format!("passed over: {why}"));
    }

    fn put_off(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.lines
            .candidate(source, snapshot, &format!("put off: {why}"));
    }

    fn not_needed(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.lines.candidate(source, snapshot, why);
    }

    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot) {
        self.lines
            .candidate(source, snapshot, "holds the data: taken");
        self.lines.chosen = Some(source.label(snapshot));
    }

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        let words = answer.in_words(&source.name());
        if !matches!(answer, Answer::Restored(..)) {
            self.lines.answers.push(words.clone());
        }
        self.lines.of(source).answer = Some(words);
    }
}
