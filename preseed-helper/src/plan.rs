//! What a run would do, and why: the same code as the run, up to the first change.

use std::fmt::Write;

use declaration::settings::{OnUnavailable, Service};
use storage::contents::named;
use storage::{Error, LeftOver, MarkState, Observation, Place, Snapshot};

use crate::ask::{Answer, Asked, Witness, ask};
use crate::restore::{partly, unmounted, unsettled};
use crate::systemd;
use crate::tier::{Context, Restored, Source, word};
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
                let mut witness = Lines {
                    text: &mut text,
                    chosen: None,
                };
                let asked = ask(&context, &mut witness, &mut |_, _| {
                    Ok(Restored {
                        kept: None,
                        bytes: 0,
                    })
                })?;
                let chosen = witness.chosen;
                outcome(service, &observation, why, &asked, chosen)
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
        Asked::Restored => (
            format!("would restore {}", chosen.unwrap_or_default()),
            true,
        ),
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
    let _ = writeln!(text, "  {label:<9} {value}");
}

/// Writes down what the sources hold.
struct Lines<'a> {
    text: &'a mut String,
    chosen: Option<String>,
}

impl Lines<'_> {
    fn candidate(&mut self, snapshot: &Snapshot, verdict: &str) {
        let size = if snapshot.bytes == 0 {
            "-".to_owned()
        } else {
            report::progress::bytes(snapshot.bytes)
        };
        let _ = writeln!(
            self.text,
            "    {}  {size:>10}  {}  {verdict}",
            snapshot.taken,
            snapshot.label()
        );
    }
}

impl Witness for Lines<'_> {
    fn passed_over(&mut self, _source: &dyn Source, snapshot: &Snapshot, why: &str) {
        self.candidate(snapshot, &format!("passed over: {why}"));
    }

    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot) {
        self.candidate(snapshot, "holds the data");
        self.chosen = Some(source.label(snapshot));
    }

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        line(
            self.text,
            word(source.tier()),
            &answer.in_words(&source.name()),
        );
    }
}
