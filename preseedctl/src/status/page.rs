//! All that is known of one service, on a page.

use std::time::Duration;

use declaration::visible;
use indicatif::BinaryBytes;
use jiff::Timestamp;
use protection::room::Room;
use report::words::typed;
use restore::verdict::Held;
use storage::mark::BOOTSTRAP;
use storage::replaced::Due;
use storage::{Snapshot, policy_snapshots};

use super::facts::{Copy, Newest, Part, until};
use super::judge::{data, drilled, since, way};
use super::more::{Kept, More};
use super::room;
use super::state::Data;
use super::told::{Sound, Told};
use crate::kept::{reason, span};
use crate::say::say_line;

/// Prints the page. `rooms`: its pools.
pub(crate) fn print(told: &Told, rooms: &[Room]) {
    say_line!("{}: {}", visible(told.name()), told.state_in_words());
    for trouble in told.troubles() {
        line("trouble", trouble);
    }
    let Told::Sound(sound) = told else { return };
    for part in &sound.facts.parts {
        of_part(sound, part);
    }
    promise(sound);
    if let Some(more) = &sound.more {
        of_more(sound, more);
    }
    let name = &sound.facts.name;
    for item in room::of(rooms, name) {
        line("room", &item.what_it_is());
    }
    line(
        "more",
        &format!(
            "`preseedctl list {name}` lists every copy, `preseedctl plan --assume-lost {name}` what a loss would lead to"
        ),
    );
}

fn line(label: &str, text: &str) {
    say_line!("  {label:<9} {}", visible(text));
}

fn of_part(sound: &Sound, part: &Part) {
    let facts = &sound.facts;
    let what = if part.name == facts.name {
        "data"
    } else {
        part.name
            .strip_prefix(&format!("{}.", facts.name))
            .unwrap_or(&part.name)
    };
    line(what, &in_place(sound, part));
    for copy in &part.copies {
        let label = match copy.tier {
            declaration::value::TierName::Restic => "backup",
            _ if copy.is_local() => "snapshot",
            _ => "replica",
        };
        line(label, &of_copy(sound, part, copy));
    }
    line("recovery", &if_lost(sound, part));
}

/// Whether the data is there, since when, and from where.
fn in_place(sound: &Sound, part: &Part) -> String {
    let place = part.place.display();
    let data = data(&sound.facts, part);
    let at = format!("{}, at {place}", data.words());
    match (&part.mark, data) {
        (Some(mark), Data::There) => {
            let old = span(since(mark.at, sound.now));
            let came = match (mark.by.as_str(), mark.from.as_str()) {
                (BOOTSTRAP, _) => "started empty".to_owned(),
                ("adopted", _) => "adopted as it was".to_owned(),
                (by, "") => format!("restored by {by}"),
                (by, from) => format!("restored by {by} from {from}"),
            };
            format!("{at}; {came}, {old} ago")
        }
        (None, Data::There) => format!("{at}; not marked yet: its next start does"),
        _ => at,
    }
}

fn of_copy(sound: &Sound, part: &Part, copy: &Copy) -> String {
    let from = if copy.is_local() {
        String::new()
    } else {
        format!("{}: ", copy.source)
    };
    let newest = match &copy.newest {
        Err(error) => return format!("{from}not known: {error}"),
        Ok(None) if copy.is_unasked => {
            return format!(
                "{from}not asked, and nothing is noted: `preseedctl status {} --ask` asks it",
                sound.facts.name
            );
        }
        Ok(None) => return format!("{from}none"),
        Ok(Some(newest)) => newest,
    };
    let mut text = format!(
        "{from}{}{}",
        copy_in_words(sound, &newest.snapshot),
        holds(newest)
    );
    if newest.is_noted {
        text.push_str("; as noted when it was made: --ask asks the repository");
    }
    if let Some(good) = &copy.good
        && good.name != newest.snapshot.name
    {
        let why = if part.is_in_doubt {
            ", and no newer one could"
        } else {
            ""
        };
        let good = copy_in_words(sound, good);
        text.extend(["; the last that proved itself", why, ": ", good.as_str()]);
    }
    text
}

/// A copy with its age, and whether it is proven.
fn copy_in_words(sound: &Sound, snapshot: &Snapshot) -> String {
    let old = old(snapshot.taken, sound.now);
    let drills = sound.facts.drills.as_ref().ok();
    let drill = drills.and_then(|drills| drills.of_snapshot(snapshot));
    let proven = drill.map_or_else(String::new, |drill| {
        let ago = span(since(drill.drilled, sound.now));
        match drill.outcome.why() {
            None => format!(", {} by a drill {ago} ago", drill.outcome.word()),
            Some(why) => format!(", not restored by a drill {ago} ago ({why})"),
        }
    });
    format!("{old}, {}{proven}", snapshot.label())
}

/// How old a copy is, if that can be told.
fn old(taken: Timestamp, now: Timestamp) -> String {
    if taken > until(now) {
        "of the future".to_owned()
    } else {
        format!("{} old", span(since(taken, now)))
    }
}

fn holds(newest: &Newest) -> String {
    match &newest.held {
        None => String::new(),
        Some(Ok(Held::Data)) => ", holds the data".to_owned(),
        Some(Ok(Held::Nothing(why) | Held::Doubtful(why))) => {
            format!(", does not hold the data: {why}")
        }
        Some(Err(error)) => format!(", cannot be looked into: {error}"),
    }
}

/// What would be restored if the data were lost now.
fn if_lost(sound: &Sound, part: &Part) -> String {
    let Some(way) = way(&sound.facts, part, sound.now) else {
        return "nothing is known that would bring it back".to_owned();
    };
    let Some(snapshot) = way.snapshot else {
        return format!(
            "{} would be asked; what it has is not known",
            way.copy.name()
        );
    };
    let took = drilled(&sound.facts, part).map_or_else(
        || "how long that takes was not measured".to_owned(),
        |drill| {
            let took = quick(Duration::from_millis(drill.took), drill.is_estimate);
            format!("the last drill took {took}")
        },
    );
    format!(
        "{} would bring back {}, of {} ago; {took}",
        way.tier.as_str(),
        snapshot.label(),
        span(since(snapshot.taken, sound.now))
    )
}

/// A time that may be short, or an estimate.
fn quick(time: Duration, is_estimate: bool) -> String {
    if time < Duration::from_secs(1) {
        "less than 1s".to_owned()
    } else if is_estimate {
        format!("about {}", span(time))
    } else {
        span(time)
    }
}

/// What is promised against what was measured.
fn promise(sound: &Sound) {
    let promise = sound.facts.promise;
    let judged = &sound.judged;
    if let Some(most) = promise.recovery_point {
        let measured = match judged.good {
            None => "no copy is known to be good".to_owned(),
            Some(good) => {
                let old = since(good, sound.now);
                let kept = if old > most { "broken" } else { "kept" };
                format!("{kept}: the newest good copy is {} old", span(old))
            }
        };
        line(
            "promise",
            &format!("at most {} of work is lost: {measured}", span(most)),
        );
    }
    if let Some(most) = promise.recovery_time {
        let measured = match judged.took {
            None => "never measured".to_owned(),
            Some((took, is_estimate)) => {
                let kept = if took > most { "broken" } else { "kept" };
                let took = quick(took, is_estimate);
                format!("{kept}: the last drill took {took}")
            }
        };
        line(
            "promise",
            &format!("it is back within {}: {measured}", span(most)),
        );
    }
}

fn of_more(sound: &Sound, more: &More) {
    for (snapshot, tag) in &more.held {
        let why = if policy_snapshots::is_ours(tag) {
            "the last good one: it stays until a newer one has proved itself".to_owned()
        } else {
            let command = format!("zfs release {} {}", typed(tag), typed(snapshot));
            format!("by somebody else: `{command}` lets it go")
        };
        line("held", &format!("{snapshot}, {why}"));
    }
    for kept in &more.kept {
        line("kept", &in_words(sound, kept));
    }
    if more
        .kept
        .iter()
        .any(|kept| kept.replaced.note.why.starts_with("before-"))
    {
        let undo = format!(
            "`preseedctl undo {}` brings back what the last restore replaced",
            sound.facts.name
        );
        line("undo", &undo);
    }
    for differs in &more.differs {
        line("differs", differs);
    }
    if !more.differs.is_empty() {
        line(
            "",
            &format!("`preseedctl diff {}` says what to do", sound.facts.name),
        );
    }
    for error in &more.errors {
        line("not known", error);
    }
}

fn in_words(sound: &Sound, kept: &Kept) -> String {
    let replaced = &kept.replaced;
    let at = replaced.note.at.map_or_else(
        || "at a time that cannot be read".to_owned(),
        |at| format!("{} ago", span(since(at, sound.now))),
    );
    let goes = match &kept.due {
        Due::Now => "goes with the next daily run".to_owned(),
        Due::In(left) => format!("goes after {} more", span(*left)),
        Due::Never(why) => format!("stays: {why}"),
    };
    format!(
        "{}, {}, replaced {at} {}; {goes}",
        replaced.name,
        BinaryBytes(replaced.bytes),
        reason(replaced)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn how_old_a_copy_of_the_future_is_nobody_knows() {
        let at = |time: &str| format!("2026-11-26T{time}Z").parse().unwrap();
        let now = at("12:00:00");
        assert_eq!(old(at("10:00:00"), now), "2h old");
        assert_eq!(old(at("12:05:00"), now), "0s old");
        assert_eq!(old(at("12:05:01"), now), "of the future");
    }
}
