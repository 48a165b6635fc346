//! `preseedctl list NAME`

use std::process::ExitCode;

use declaration::{Search, visible};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use report::words;
use restore::history::{Entry, History, Row, history};
use restore::interrupt;
use restore::proof::{self, Drills};
use restore::verdict::Held;
use serde::Serialize;
use storage::local;

use crate::one_service;
use crate::say::{print_raw, say_line};

/// Into how many snapshots of each source is looked: each look into a repository takes about a second.
const LOOKS: usize = 20;

/// How many are told why they do not hold the data.
const FEW: usize = 8;

/// Half a year: what is older is told by its date alone.
const OLD: SignedDuration = SignedDuration::from_hours(24 * 182);

/// One snapshot of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    part: &'a str,
    name: &'a str,
    tier: &'static str,
    source: &'a str,
    taken: String,
    bytes: u64,
    holds: &'static str,
    proven: bool,
    why: Option<String>,
}

#[derive(Serialize)]
struct Unasked<'a> {
    source: &'a str,
    why: String,
}

#[derive(Serialize)]
struct Lines<'a> {
    snapshots: Vec<Line<'a>>,
    not_asked: Vec<Unasked<'a>>,
}

/// Prints every snapshot of every tier.
pub(crate) fn list(name: &str, all: bool, json: bool) -> ExitCode {
    let Some(service) = one_service::load(&Search::from_env(), name) else {
        return ExitCode::FAILURE;
    };
    interrupt::watch("interrupted: nothing was changed".to_owned());
    let listed = history(&service, (!all).then_some(LOOKS));
    // What failed since an interrupt is no answer.
    interrupt::halt();
    let known = listed.and_then(|history| Ok((history, proof::read(name)?)));
    let (history, drills) = match known {
        Ok(known) => known,
        Err(error) => {
            words::tell(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let is_printed = if json {
        print_json(&history, &drills)
    } else {
        print(name, &history, &drills);
        true
    };
    if is_printed && history.not_asked.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_json(history: &History, drills: &Drills) -> bool {
    let lines = Lines {
        snapshots: history
            .entries
            .iter()
            .map(|entry| line(entry, drills))
            .collect(),
        not_asked: history
            .not_asked
            .iter()
            .map(|(source, error)| Unasked {
                source,
                why: error.to_string(),
            })
            .collect(),
    };
    match serde_json::to_string_pretty(&lines) {
        Ok(text) => {
            print_raw!("{text}\n");
            true
        }
        Err(error) => {
            words::tell(&format!("the list cannot be written as JSON: {error}"));
            false
        }
    }
}

fn line<'e>(entry: &'e Entry, drills: &Drills) -> Line<'e> {
    let (_, holds, why) = holds(entry);
    Line {
        part: &entry.part,
        name: &entry.snapshot.name,
        tier: entry.tier.as_str(),
        source: &entry.source,
        taken: entry.snapshot.taken.to_string(),
        bytes: entry.snapshot.bytes,
        holds,
        proven: drills.is_proven(&entry.snapshot),
        why,
    }
}

/// Whether a snapshot holds the data: in a word of the table, in a word of `--json`, and why not.
fn holds(entry: &Entry) -> (&'static str, &'static str, Option<String>) {
    match &entry.held {
        None => ("-", "not-looked-into", None),
        Some(Ok(Held::Data)) => ("yes", "data", None),
        Some(Ok(Held::Nothing(why))) => ("no", "nothing", Some(why.clone())),
        Some(Ok(Held::Doubtful(why))) => ("?", "in-doubt", Some(why.clone())),
        Some(Err(error)) => ("bad", "unreadable", Some(error.to_string())),
    }
}

fn print(name: &str, history: &History, drills: &Drills) {
    let rows = history.rows();
    let is_proven = |row: &Row<'_>| {
        let mut entries = row.entries.iter();
        row.lacking.is_empty() && entries.all(|entry| drills.is_proven(&entry.snapshot))
    };
    print_table(history, &rows, &is_proven);
    let whys = rows
        .iter()
        .flat_map(|row| whys(history, row))
        .collect::<Vec<_>>();
    for why in whys.iter().take(FEW) {
        say_line!("{why}");
    }
    if let Some(more @ 1..) = whys.len().checked_sub(FEW) {
        say_line!("{more} more do not hold the data: --json says why");
    }
    if rows.iter().any(is_proven) {
        say_line!("* a drill has restored it");
    }
    if history.entries.iter().any(|entry| entry.held.is_none()) {
        say_line!("- was not looked into: --all does");
    }
    for (source, error) in &history.not_asked {
        say_line!("{source} could not be asked: {error}");
    }
    if history.entries.is_empty() && history.not_asked.is_empty() {
        say_line!("{name}: no source has a snapshot of it");
    } else if !history.entries.is_empty() {
        say_line!("`preseedctl restore {name} --at TIME` or `--snapshot SNAPSHOT` brings one back");
    }
}

/// Prints a line for each point.
fn print_table(history: &History, rows: &[Row<'_>], is_proven: &dyn Fn(&Row<'_>) -> bool) {
    let now = Timestamp::now();
    let firsts = || rows.iter().filter_map(|row| row.entries.first());
    let Some(wide) = firsts().map(|entry| from(entry).len()).max() else {
        return;
    };
    let wide = wide.max("FROM".len());
    // Only of a service with places.
    let parts = |text: &str| match history.parts.len() {
        0 | 1 => String::new(),
        _ => format!("{text:<5} "),
    };
    print_raw!(
        "{:<12} {:>4} {:>5} {:<4} {}{:<wide$} SNAPSHOT\n",
        "TAKEN",
        "AGE",
        "SIZE",
        "DATA",
        parts("PARTS"),
        "FROM"
    );
    // Whatever it is printed on: it is to be read there.
    let taken_up = 31 + wide + parts("").len();
    let room = words::columns().saturating_sub(taken_up).max(8);
    for row in rows {
        let Some(first) = row.entries.first() else {
            continue;
        };
        let at = first.snapshot.taken;
        let bytes = row.entries.iter().map(|entry| entry.snapshot.bytes).sum();
        let of = match row.lacking.len() {
            0 => "all".to_owned(),
            _ => format!("{}/{}", row.entries.len(), history.parts.len()),
        };
        print_raw!(
            "{:<12} {:>4} {:>5} {:<4} {}{:<wide$} {}\n",
            taken(at, now, &TimeZone::system()),
            age(now.duration_since(at)),
            size(bytes),
            format!(
                "{}{}",
                holds_together(row),
                if is_proven(row) { "*" } else { "" }
            ),
            parts(&of),
            from(first),
            cut(&visible(short(first)), room)
        );
    }
}

/// Whether the snapshots of a point hold the data, in a word of the table: `part` where only those of some parts do.
fn holds_together(row: &Row<'_>) -> &'static str {
    let mut words = row.entries.iter().map(|entry| holds(entry).0);
    let first = words.next().unwrap_or("-");
    if row.lacking.is_empty() && words.all(|word| word == first) {
        first
    } else {
        "part"
    }
}

/// Why the snapshots of a point do not hold all of the data.
fn whys(history: &History, row: &Row<'_>) -> Vec<String> {
    let mut whys = Vec::new();
    for entry in &row.entries {
        if let Some(why) = holds(entry).2 {
            let part = match history.parts.len() {
                0 | 1 => String::new(),
                _ => format!("{}: ", entry.part),
            };
            whys.push(format!("{}: {part}{why}", short(entry)));
        }
    }
    if let (Some(first), [_, ..]) = (row.entries.first(), &row.lacking[..]) {
        let verb = if row.lacking.len() == 1 {
            "has"
        } else {
            "have"
        };
        let lacking = row.lacking.join(", ");
        whys.push(format!("{}: {lacking} {verb} none", short(first)));
    }
    whys
}

/// A source in one word: all that tells it from the others.
fn from(entry: &Entry) -> String {
    let name = match entry.source.split_once(' ') {
        Some(("replica" | "repository", name)) => name,
        _ => "local",
    };
    cut(&visible(name), 20)
}

/// A snapshot's name as `--snapshot` takes it.
fn short(entry: &Entry) -> &str {
    let label = entry.snapshot.label();
    label.split_once('@').map_or(label, |(_, short)| short)
}

/// A text of at most so many characters, without its middle where it is longer.
pub(crate) fn cut(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(2);
    let head = kept.div_ceil(2);
    let tail = letters.len() - (kept - head);
    letters[..head]
        .iter()
        .chain(&['.', '.'])
        .chain(&letters[tail..])
        .collect()
}

/// When something was taken, as `ls -l` tells it.
fn taken(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let there = at.to_zoned(zone.clone());
    let age = now.duration_since(at);
    if age > OLD || age.is_negative() {
        there.strftime("%Y-%m-%d").to_string()
    } else {
        there.strftime("%b %e %H:%M").to_string()
    }
}

/// A time that has passed, in few letters: `5s`, `59m`, `23h`, `400d`.
pub(crate) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// A number of bytes in five letters at most: `1.2G`; `-` where it is not known.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "K", "M", "G", "T", "P", "E"];
    if bytes == 0 {
        return "-".to_owned();
    }
    let (mut number, mut unit, mut tenths) = (bytes, 0, 0);
    while number >= 1000 && unit + 1 < UNITS.len() {
        tenths = number % 1024 * 10 / 1024;
        number /= 1024;
        unit += 1;
    }
    if number < 10 && unit > 0 {
        format!("{number}.{tenths}{}", UNITS[unit])
    } else {
        format!("{number}{}", UNITS[unit])
    }
}

/// How far apart two times are, in words.
pub(crate) fn distance(one: Timestamp, other: Timestamp) -> String {
    let apart = one.duration_since(other);
    match apart.as_secs() {
        0 => "at the same time".to_owned(),
        1.. => format!("{} after", age(apart)),
        _ => format!("{} before", age(-apart)),
    }
}

/// A snapshot and when it was taken, with how far that is from `at`.
pub(crate) fn with_distance(label: &str, taken: Timestamp, at: Timestamp) -> String {
    format!("{label} of {}, {}", local(taken), distance(taken, at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes_and_ages_fit_their_columns() {
        for (bytes, wanted) in [
            (0, "-"),
            (999, "999B"),
            (1000, "0.9K"),
            (1 << 20, "1.0M"),
            (1_288_490_188, "1.1G"),
            (250 << 30, "250G"),
            (u64::MAX, "15E"),
        ] {
            assert_eq!(size(bytes), wanted);
        }
        for (seconds, wanted) in [
            (-5, "0s"),
            (59, "59s"),
            (3599, "59m"),
            (172_799, "47h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age(SignedDuration::from_secs(seconds)), wanted);
        }
    }

    #[test]
    fn a_time_is_told_as_ls_tells_it() {
        let at = |at: &str| at.parse::<Timestamp>().unwrap();
        let now = at("2026-11-26T12:00:00Z");
        let told = |then: &str| taken(at(then), now, &TimeZone::UTC);
        assert_eq!(told("2026-11-06T07:21:59Z"), "Nov  6 07:21");
        assert_eq!(told("2026-01-06T07:21:59Z"), "2026-01-06");
        assert_eq!(told("2027-01-06T07:21:59Z"), "2027-01-06");
        assert_eq!(distance(now, at("2026-11-26T10:00:00Z")), "2h after");
        assert_eq!(distance(at("2026-11-26T11:59:30Z"), now), "30s before");
    }

    #[test]
    fn a_long_name_loses_its_middle() {
        assert_eq!(cut("autosnap_2026", 13), "autosnap_2026");
        assert_eq!(cut("autosnap_2026", 8), "aut..026");
        assert_eq!(cut("\u{e4}\u{e4}\u{e4}\u{e4}", 3), "\u{e4}..");
    }
}
