//! `preseedctl kept`

use std::process::ExitCode;
use std::time::Duration;

use crate::say::{print_raw, say_line};
use declaration::settings::Service;
use declaration::{REPORT, Search, visible};
use indicatif::BinaryBytes;
use report::words;
use serde::Serialize;
use storage::local;
use storage::replaced::{self, Due, Replaced};

/// One entry of `--json`.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    of: &'a str,
    service: Option<&'a str>,
    replaced_at: Option<String>,
    why: &'a str,
    set: Option<&'a str>,
    from: &'a str,
    bytes: u64,
    snapshots: &'a [String],
    kept_for_seconds: u64,
    expires_in_seconds: Option<u64>,
    never_expires_because: Option<String>,
    obstacle: Option<String>,
}

/// Prints what restores replaced.
pub(crate) fn kept(json: bool) -> ExitCode {
    let services = declaration::load(&Search::from_env()).parts();
    let listing = replaced::list(&services);
    for error in &listing.errors {
        words::tell(&error.to_string());
    }
    if json {
        let entries: Vec<Entry<'_>> = listing
            .replaced
            .iter()
            .map(|kept| entry(kept, &services))
            .collect();
        match serde_json::to_string_pretty(&entries) {
            Ok(text) => print_raw!("{text}\n"),
            Err(error) => {
                words::tell(&format!(
                    "the listing cannot be written as JSON: {error}: {REPORT}"
                ));
                return ExitCode::FAILURE;
            }
        }
    } else {
        for kept in &listing.replaced {
            say_line!("{}", in_words(kept, &services));
        }
        // Where not all could be listed, what is kept in all is not known.
        if listing.errors.is_empty() {
            say_line!("{}", total(&listing.replaced));
        }
    }
    if listing.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn entry<'a>(kept: &'a Replaced, services: &'a [Service]) -> Entry<'a> {
    let service = kept.service(services);
    let due = kept.due(service);
    Entry {
        name: &kept.name,
        of: &kept.of,
        service: service.map(Service::of),
        replaced_at: kept.note.at.map(|at| at.to_string()),
        why: &kept.note.why,
        set: Some(kept.note.set.as_str()).filter(|set| !set.is_empty()),
        from: &kept.note.from,
        bytes: kept.bytes,
        snapshots: &kept.snapshots,
        kept_for_seconds: kept.note.age.as_secs(),
        expires_in_seconds: match &due {
            Due::Now => Some(0),
            Due::In(left) => Some(left.as_secs()),
            Due::Never(_) => None,
        },
        never_expires_because: match due {
            Due::Never(why) => Some(why),
            _ => None,
        },
        obstacle: kept
            .obstacle(service.is_some())
            .map(|error| error.to_string()),
    }
}

/// What it was, when and why it was replaced, what its release frees, and when it expires: several lines.
pub(crate) fn in_words(kept: &Replaced, services: &[Service]) -> String {
    let service = kept.service(services);
    let of = service.map_or_else(
        || format!("{}, of no declared service", kept.of),
        |service| format!("{} of service {}", kept.of, service.of()),
    );
    let at = kept
        .note
        .at
        .map_or_else(|| "at a time that cannot be read".to_owned(), local);
    let expires = match kept.due(service) {
        Due::Now => "at the next run of the daily timer".to_owned(),
        Due::In(left) => format!(
            "after {} more in which the machine is up and the data there; {} until now",
            span(left),
            span(kept.note.age)
        ),
        Due::Never(why) => format!("never: {why}"),
    };
    let obstacle = kept
        .obstacle(service.is_some())
        .map_or_else(String::new, |obstacle| {
            format!("    kept on   {}\n", obstacle.what())
        });
    let set = match kept.note.set.as_str() {
        "" => String::new(),
        set => format!(
            "    one set   {}: released together with the others of it\n",
            visible(set)
        ),
    };
    format!(
        "{}\n    was       {of}\n    replaced  {at}, {}\n{set}    frees     {}\n    expires   {expires}\n{obstacle}",
        kept.name,
        reason(kept),
        frees(kept)
    )
}

/// A time as it is declared, without what does not matter beside the rest.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}min"),
        (0, hours, 0) => format!("{hours}h"),
        (0, hours, minutes) => format!("{hours}h {minutes}min"),
        (days, 0, _) => format!("{days}d"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// Why it was replaced, in words.
pub(crate) fn reason(kept: &Replaced) -> String {
    // Whoever may set properties has perhaps written both.
    let (from, why) = (visible(&kept.note.from), visible(&kept.note.why));
    let from = match from.as_str() {
        "" => String::new(),
        from => format!(" from {from}"),
    };
    match why.strip_prefix("before-") {
        Some(tier) => format!("by a restore by {tier}{from}"),
        None if why == "unused-restore" => {
            format!("a complete restore{from} that was not needed")
        }
        None if kept.is_thrown_away() => {
            format!("a copy{from} that was thrown away, and was in use then")
        }
        None => format!("{why}{from}"),
    }
}

/// What its release frees, and what goes with it.
pub(crate) fn frees(kept: &Replaced) -> String {
    let bytes = BinaryBytes(kept.bytes);
    match kept.snapshots.as_slice() {
        [] => bytes.to_string(),
        [one] => format!("{bytes}, with its snapshot {one}"),
        many => format!(
            "{bytes}, with its {} snapshots {}",
            many.len(),
            many.join(", ")
        ),
    }
}

fn total(all: &[Replaced]) -> String {
    if all.is_empty() {
        return "nothing is kept that a restore replaced".to_owned();
    }
    let bytes = all.iter().map(|kept| kept.bytes).sum();
    format!(
        "{} kept, {} in all; `preseedctl release NAME` removes one for good",
        all.len(),
        BinaryBytes(bytes)
    )
}
