//! All services, a line of 80 columns each, and below them what is to be done.

use std::collections::BTreeMap;

use declaration::value::TierName;
use declaration::visible;
use protection::room::Room;
use report::words;
use storage::mark::BOOTSTRAP;

use super::facts::{Copy, until};
use super::judge::since;
use super::room;
use super::state::{Data, State};
use super::told::{Sound, Told};
use crate::list::{age, cut};
use crate::say::{print_raw, say_line};

/// Of how many services it is told what is to be done.
const FEW: usize = 10;

/// Prints the table.
pub(crate) fn print(told: &[Told], rooms: &[Room], asked: bool) {
    if told.is_empty() {
        say_line!(
            "no service is declared: `preseedctl catalog` lists those that two lines in /etc/preseed/services/NAME.toml declare"
        );
        return;
    }
    row(&[
        "SERVICE",
        "STATE",
        "DATA SINCE",
        "SNAPSHOT",
        "REPLICA",
        "BACKUP",
    ]);
    for one in told {
        let name = cut(&visible(one.name()), 20);
        let state = one.state_in_words();
        let [data, snapshot, replica, backup] = match one {
            Told::Broken { .. } => ["-"; 4].map(str::to_owned),
            Told::Sound(sound) => columns(sound),
        };
        row(&[&name, &state, &data, &snapshot, &replica, &backup]);
    }
    let unwell: Vec<&Told> = told
        .iter()
        .filter(|one| !one.troubles().is_empty() && one.state() != State::NotStarted)
        .collect();
    if !unwell.is_empty() {
        print_raw!("\n");
    }
    for one in unwell.iter().take(FEW) {
        let troubles = one.troubles();
        let more = match troubles.len() {
            0 | 1 => String::new(),
            many => format!(" ({} more: `preseedctl status {}`)", many - 1, one.name()),
        };
        let first = troubles.first().copied().unwrap_or_default();
        say_line!("{}: {first}{more}", one.name());
    }
    if let Some(more @ 1..) = unwell.len().checked_sub(FEW) {
        say_line!("{more} more are not well: `preseedctl status NAME` says why");
    }
    room::print(rooms);
    print_raw!("\n");
    say_line!("{}", summary(told, asked));
}

fn row(columns: &[&str; 6]) {
    let [name, state, data, snapshot, replica, backup] = columns;
    let line = format!("{name:<20} {state:<14} {data:<16} {snapshot:>8} {replica:>7} {backup:>6}");
    print_raw!("{line}\n");
}

/// Since when the data is there and how it came, and the age of the newest snapshot, replica and backup.
fn columns(sound: &Sound) -> [String; 4] {
    let data = sound.data();
    let mark = sound
        .facts
        .parts
        .first()
        .and_then(|part| part.mark.as_ref());
    let data = match (data, mark) {
        (Data::There, Some(mark)) => {
            let by = match mark.by.as_str() {
                BOOTSTRAP => "first start",
                by => by,
            };
            let old = age(sound.now.duration_since(mark.at));
            cut(&format!("{old} {}", visible(by)), 16)
        }
        (other, _) => other.words().to_owned(),
    };
    [
        data,
        newest(sound, Copy::is_local),
        newest(sound, |copy| {
            copy.tier == TierName::Snapshot && !copy.is_local()
        }),
        newest(sound, |copy| copy.tier == TierName::Restic),
    ]
}

/// The age of the newest copy of these: of the part whose newest is oldest.
fn newest(sound: &Sound, is_meant: impl Fn(&Copy) -> bool) -> String {
    let mut oldest = None;
    let (mut is_there, mut is_unasked) = (false, false);
    for part in &sound.facts.parts {
        let copies: Vec<&Copy> = part.copies.iter().filter(|copy| is_meant(copy)).collect();
        if copies.is_empty() {
            continue;
        }
        is_there = true;
        is_unasked |= copies.iter().any(|copy| copy.is_unasked);
        let known = copies.iter().filter_map(|copy| copy.known());
        let Some(taken) = known.map(|newest| newest.snapshot.taken).max() else {
            if copies.iter().any(|copy| copy.newest.is_err()) {
                return "error".to_owned();
            }
            return if is_unasked { "?" } else { "none" }.to_owned();
        };
        if taken > until(sound.now) {
            return "error".to_owned();
        }
        oldest = oldest.max(Some(since(taken, sound.now)));
    }
    match oldest {
        Some(old) => age(old.try_into().unwrap_or(jiff::SignedDuration::MAX)),
        None if is_there => "none".to_owned(),
        None => "-".to_owned(),
    }
}

/// How many are how, and how old the knowledge is.
fn summary(told: &[Told], asked: bool) -> String {
    let mut states: BTreeMap<std::cmp::Reverse<State>, usize> = BTreeMap::new();
    for one in told {
        *states.entry(std::cmp::Reverse(one.state())).or_default() += 1;
    }
    let states = states
        .iter()
        .map(|(state, many)| format!("{many} {}", state.0.words()));
    let states: Vec<String> = states.collect();
    let knows = if asked {
        "All sources were asked just now."
    } else {
        "Storage was asked just now. Backups are told as noted here, ? is not: use --ask"
    };
    format!(
        "{}: {}\n{knows}",
        words::count(told.len(), "service", "services"),
        states.join(", ")
    )
}
