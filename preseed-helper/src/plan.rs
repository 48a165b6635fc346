//! What a run would do, and why: the same code as the run, up to the first change.

use std::fmt::Write;

use declaration::settings::{OnUnavailable, Service};
use declaration::visible;
use storage::contents::named;
use storage::{Error, LeftOver, MarkState, Observation, Place, Snapshot};

use crate::ask::{Answer, Asked, Witness, ask};
use crate::restore::{partly, unmounted, unsettled};
use crate::systemd;
use crate::tier::{Context, Failure, Restored, Source, word};
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
    let storage = storage::open(service);
    let observation = storage.observe()?;
    let mut text = seen(service, &observation);
    let verdict = verdict(&observation, service.on_partial);
    let (end, starts) = match verdict {
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
            if let Err(error) = systemd::units_must_be_stopped(service) {
                (error.to_string(), false)
            } else if let LeftOver::Complete(mark) = &observation.left_over {
                (
                    format!(
                        "would finish an interrupted restore by {} from {}",
                        mark.by, mark.from
                    ),
                    true,
                )
            } else {
                line(
                    &mut text,
                    "decision",
                    &format!("restore, since {}", why.in_words()),
                );
                let context = Context::new(service, storage.as_ref(), &observation);
                let mut witness = Lines::default();
                let asked = ask(&context, &mut witness, &mut |source, snapshot| {
                    let possible = match source.origin(snapshot) {
                        Some(origin) => storage.must_be_replaceable(&origin),
                        None => storage.must_be_writable(),
                    };
                    possible.map_err(Failure::Storage).map(|()| Restored {
                        kept: None,
                        bytes: 0,
                    })
                });
                witness.write(&mut text);
                if !service.verify.is_empty() {
                    line(
                        &mut text,
                        "verify",
                        "what is taken is checked before it is used; this plan does not",
                    );
                }
                match asked {
                    Ok(asked) => outcome(service, &observation, why, &asked, witness.chosen),
                    Err(error) => (format!("not started: {error}"), false),
                }
            }
        }
    };
    line(&mut text, "outcome", &end);
    Ok(Plan { text, starts })
}

fn outcome(
    service: &Service,
    observation: &Observation,
    why: Why,
    asked: &Asked,
    chosen: Option<String>,
) -> (String, bool) {
    match asked {
        Asked::Restored(not_asked) => {
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
        Asked::NothingAnywhere if why == Why::Partly => {
            (partly(service, observation).to_string(), false)
        }
        Asked::NothingAnywhere => (
            "would start for the first time, on an empty directory".to_owned(),
            true,
        ),
        Asked::Unsettled(errors) => {
            let error = unsettled(service, why, errors);
            if service.on_unavailable == OnUnavailable::StartEmpty && why != Why::Partly {
                (
                    format!("would start empty, as on-unavailable declares: {error}"),
                    true,
                )
            } else {
                (error.while_doing("not started").to_string(), false)
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
            snapshot.taken,
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

impl Witness for Lines {
    fn wants_all(&self) -> bool {
        true
    }

    fn asking(&mut self, source: &dyn Source) {
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
