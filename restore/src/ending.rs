//! How a run ends, in words: the event it tells last, and why a service must not start.

use std::path::PathBuf;

use declaration::settings::Service;
use jiff::Timestamp;
use report::{Event, Kind};
use storage::contents::{listed, named};
use storage::kept;
use storage::{Contents, Error, ErrorKind, Kept, Mark, MarkState, Observation, local};

use crate::answer::{Inconclusive, of_source};
use crate::verdict::Why;

pub(crate) fn finished<'a>(service: &'a Service, mark: &'a Mark, kept: Option<&Kept>) -> Event<'a> {
    let mut message = kept::finished(mark, kept);
    if kept.is_some() {
        message.push_str(&kept::way_back(service.of()));
    }
    Event::new(Kind::Restored, service.name.as_str(), message)
        .source(&mark.by)
        .outcome("restored")
        .snapshot(&mark.from)
}

/// That what a restore replaced then is back.
pub(crate) fn undone<'a>(
    service: &'a str,
    replaced_at: Option<Timestamp>,
    kept: Option<&Kept>,
) -> Event<'a> {
    let message = format!(
        "undone: what was replaced at {} is back{}",
        replaced_at.map_or_else(|| "an unknown time".to_owned(), local),
        kept::in_words(kept)
    );
    Event::new(Kind::Undone, service, message).outcome("undone")
}

/// The service's data is only partly there.
pub(crate) fn partly(service: &Service, observation: &Observation) -> Error {
    let contents = &observation.contents;
    if contents.found.is_empty() && !matches!(observation.mark, MarkState::Ours(_)) {
        return unknown(service, contents);
    }
    let missing = are(&contents.missing, "missing");
    let what = if contents.found.is_empty() {
        format!("its data is not there, and it is not empty: {missing}")
    } else {
        let found = are(&contents.found, "there");
        format!("its data is only partly there: {found}, but {missing}")
    };
    Error::new(
        service.mountpoint.to_string_lossy(),
        what,
        format!(
            "if the data is sound, correct `expect` in {}; if not, declare `on-partial = \"restore\"`: what is there is then kept aside",
            service.source.display()
        ),
    ).of_kind(ErrorKind::PartlyThere)
}

/// What these paths are, e.g. `a.db is missing`.
fn are(paths: &[PathBuf], what: &str) -> String {
    let verb = if paths.len() == 1 { "is" } else { "are" };
    format!("{} {verb} {what}", listed(paths))
}

/// Something lies there of which nothing is known, and which is not what is expected.
fn unknown(service: &Service, contents: &Contents) -> Error {
    Error::new(
        service.mountpoint.to_string_lossy(),
        format!(
            "it holds {}, which may be the service's data, but nothing that `expect` names: {}",
            named(&contents.entries),
            are(&contents.missing, "missing")
        ),
        format!(
            "in {}, correct `expect` if that is the data, add what a package makes to `skeleton`, \
             or declare `on-partial = \"restore\"`: what is there is then kept aside",
            service.source.display()
        ),
    )
    .of_kind(ErrorKind::InDoubt)
}

/// The service's dataset is not mounted.
pub(crate) fn unmounted(service: &Service) -> Error {
    Error::new(
        service.mountpoint.to_string_lossy(),
        "the service's dataset is not mounted there",
        format!(
            "start dataset-{}.service, which mounts it or says why not",
            service.of()
        ),
    )
    .of_kind(ErrorKind::NotMounted)
}

/// The same without what each source answered, which is `told` elsewhere: `above` or `below`.
pub(crate) fn in_brief(why: Why, sources: &[Inconclusive], told: &str) -> String {
    let names: Vec<&str> = sources.iter().map(|of| of.source.as_str()).collect();
    let reason = if names.len() == 1 {
        "reason"
    } else {
        "reasons"
    };
    format!(
        "{}, and {} did not restore it, for the {reason} told {told}",
        why.in_words(),
        names.join(" and ")
    )
}

/// No source restored, and these errors kept some from ruling out that they hold the data.
pub(crate) fn inconclusive(service: &Service, why: Why, sources: &[Inconclusive]) -> Error {
    let faults: Vec<String> = sources
        .iter()
        .map(|of| of_source(&of.source, &of.error, &of.error.fault()))
        .collect();
    let mut cures: Vec<&str> = sources.iter().map(|of| of.error.help()).collect();
    cures.dedup();
    let mut in_the_way = sources.iter().filter(|of| !of.not_used).peekable();
    let heals = in_the_way.peek().is_some() && in_the_way.all(|of| of.error.heals());
    // Of several kinds, that of the first source whose healing would be enough.
    let decisive = sources.iter().find(|of| !of.not_used).or(sources.first());
    let kind = decisive.map_or(ErrorKind::Other, |of| of.error.kind());
    let error = Error::new(
        service.name.as_str(),
        format!("{}; {}", why.in_words(), faults.join("; ")),
        cures.join("; "),
    )
    .of_kind(kind);
    if heals { error.that_heals() } else { error }
}
