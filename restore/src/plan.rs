//! What a run would do, and why: the same code as the run, up to the first change.

use std::fmt::Write;

use declaration::settings::{OnUnavailable, Service};
use declaration::visible;
use storage::contents::named;
use storage::{Error, LeftOver, MarkState, Observation, Place, Snapshot, Storage};

use crate::ending::{in_brief, partly, unmounted};
use crate::remember;
use crate::sealed::{Decision, decide};
use crate::search::{Answer, Conclusion, Observer, search};
use crate::source::{Context, Failure, Restored, Source, word};
use crate::verdict::{Verdict, Why, verdict};

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
    let found = storage::as_found::whole(service)?;
    let service = found.as_ref();
    let storage = storage::open(service);
    let observation = storage.observe()?;
    let mut text = seen(service, &observation);
    let verdict = verdict(&observation, service.on_partial);
    let (end, starts) = match verdict {
        _ if let Err(error) = applicable(storage.as_ref(), &observation) => {
            (format!("not started: {error}"), false)
        }
        Verdict::Present => ("the data is there: nothing to do".to_owned(), true),
        Verdict::Adopt => (
            "the data is there: would mark it and leave it alone".to_owned(),
            true,
        ),
        Verdict::Finish => (
            "would finish the mark of an interrupted restore".to_owned(),
            true,
        ),
        Verdict::Partly => (partly(service, &observation).to_string(), false),
        Verdict::Unmounted => (unmounted(service).to_string(), false),
        Verdict::Restore(why) => {
            if let Err(error) = systemd::units::must_be_stopped(service) {
                (error.to_string(), false)
            } else if let Some(end) =
                sealed(service, storage.as_ref(), &observation, why, &mut text)
            {
                end
            } else {
                line(
                    &mut text,
                    "decision",
                    &format!("restore, since {}", why.in_words()),
                );
                let context = Context::new(service, storage.as_ref(), &observation);
                let mut observer = Lines::default();
                let asked = search(&context, &mut observer, &mut |source, snapshot| {
                    let possible = match source.origin(snapshot) {
                        Some(origin) => storage.must_be_replaceable(&origin),
                        None => storage.must_be_writable(),
                    };
                    possible.map_err(Failure::Storage).map(|()| Restored {
                        kept: None,
                        bytes: 0,
                    })
                });
                observer.write(&mut text);
                if !observer.waits.is_empty() {
                    let units = observer.waits.join(" and ");
                    let waits = format!("a start first waits for {units}; this plan does not");
                    line(&mut text, "waits", &waits);
                }
                if !service.verify.is_empty() {
                    line(
                        &mut text,
                        "verify",
                        "what is taken is checked before it is used; this plan does not",
                    );
                }
                match asked {
                    Ok(Conclusion::NothingAnywhere) if why != Why::Partly => {
                        let answers: Vec<String> = observer
                            .sources
                            .iter()
                            .filter_map(|source| source.answer.clone())
                            .collect();
                        first_start(service, storage.as_ref(), &observation, why, &answers)
                    }
                    Ok(asked) => outcome(
                        service,
                        storage.as_ref(),
                        &observation,
                        why,
                        &asked,
                        observer.chosen,
                    ),
                    Err(error) => (format!("not started: {error}"), false),
                }
            }
        }
    };
    let mut outcome = String::new();
    line(&mut outcome, "outcome", &end);
    let first = text.find('\n').map_or(0, |end| end + 1);
    text.insert_str(first, &outcome);
    Ok(Plan { text, starts })
}

/// That the service's dataset is made what is declared before the run, unless an interrupted swap comes first.
fn applicable(storage: &dyn Storage, observation: &Observation) -> Result<(), Error> {
    match observation.left_over {
        LeftOver::Complete(_) => Ok(()),
        _ => storage.must_be_applicable(),
    }
}

/// How a run would end that finds a complete copy of an earlier one; `None` if it would not use it.
fn sealed(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
    why: Why,
    text: &mut String,
) -> Option<(String, bool)> {
    let LeftOver::Complete(mark) = &observation.left_over else {
        return None;
    };
    let context = Context::new(service, storage, observation);
    let restore = format!("an interrupted restore by {} from {}", mark.by, mark.from);
    match decide(&context, mark, why, &mut Lines::default()) {
        Ok(Decision::PutInPlace(None)) => Some((format!("would finish {restore}"), true)),
        Ok(Decision::PutInPlace(Some(error))) => {
            let end =
                format!("would finish {restore}, although newer data cannot be ruled out: {error}");
            Some((end, true))
        }
        Ok(Decision::PutAside(why)) => {
            line(
                text,
                "left over",
                &format!("{restore}: would be kept aside, since {why}"),
            );
            None
        }
        Err(error) => Some((format!("not started: {error}"), false)),
    }
}

/// What happens where no source has any data.
fn first_start(
    service: &Service,
    storage: &dyn storage::Storage,
    observation: &Observation,
    why: Why,
    answers: &[String],
) -> (String, bool) {
    match remember::may_start_empty(service, storage, observation, why, answers) {
        Ok(question) => {
            let asked = question.map_or_else(String::new, |question| format!("; {question}"));
            let end = format!("would start for the first time, on an empty directory{asked}");
            (end, true)
        }
        Err(error) if service.on_unavailable == OnUnavailable::StartEmpty => (
            format!("would start empty, as on-unavailable declares: {error}"),
            true,
        ),
        Err(error) => (error.while_doing("not started").to_string(), false),
    }
}

fn outcome(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
    why: Why,
    asked: &Conclusion,
    chosen: Option<String>,
) -> (String, bool) {
    match asked {
        Conclusion::Restored(not_asked) => {
            let chosen = chosen.unwrap_or_default();
            let end = if not_asked.is_empty() {
                format!("would restore {chosen}")
            } else {
                format!(
                    "would restore {chosen}; these could not be asked, and may hold newer data: {}",
                    not_asked.join(", ")
                )
            };
            (end, true)
        }
        Conclusion::NothingAnywhere => (partly(service, observation).to_string(), false),
        Conclusion::Inconclusive(sources) => {
            let brief = in_brief(why, sources, "below");
            if sources.iter().all(|source| source.unavailable)
                && remember::is_settled(service, storage, observation)
            {
                (
                    format!("would start empty, as at its first start: {brief}"),
                    true,
                )
            } else if service.on_unavailable == OnUnavailable::StartEmpty && why != Why::Partly {
                (
                    format!("would start empty, as on-unavailable declares: {brief}"),
                    true,
                )
            } else {
                (format!("{}: not started: {brief}", service.name), false)
            }
        }
    }
}

fn seen(service: &Service, observation: &Observation) -> String {
    let mut text = format!("{} at {}\n", service.name, service.mountpoint.display());
    let storage = match &service.storage {
        declaration::settings::Storage::Zfs(dataset) => format!("dataset {}", dataset.name),
        declaration::settings::Storage::Directory => "directory".to_owned(),
    };
    let place = match observation.place {
        Place::Missing => "missing; it would be created",
        Place::Unmounted => "not mounted",
        Place::Mounted => "there",
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

impl Observer for Lines {
    fn wants_all(&self) -> bool {
        true
    }

    fn asking(&mut self, source: &dyn Source) {
        if let Some(directory) = source.local_directory() {
            self.waits.extend(systemd::mount::awaited(directory));
        }
        self.of(source);
    }

    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.candidate(source, snapshot, &format!("passed over: {why}"));
    }

    fn put_off(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.candidate(source, snapshot, &format!("put off: {why}"));
    }

    fn not_needed(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.candidate(source, snapshot, why);
    }

    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot) {
        self.candidate(source, snapshot, "holds the data: taken");
        self.chosen = Some(source.label(snapshot));
    }

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        let words = answer.in_words(&source.name());
        self.of(source).answer = Some(words);
    }
}
