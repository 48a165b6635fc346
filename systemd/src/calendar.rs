//! What systemd says of a calendar event (systemd.time(7)).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::DateTime;
use storage::command::command;
use storage::watched::run_within;

/// How long it is asked.
const LIMIT: Duration = Duration::from_secs(10);

/// How many times of an event are looked at: a week of hours is more than enough to see the longest pause of any usual one.
const TIMES: &str = "--iterations=200";

/// How many events one call asks for: a command line has its limits.
const AT_ONCE: usize = 200;

/// What it said of an event.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It cannot be read, and why.
    Refused(String),
    /// The longest pause between two times of it, if there is any.
    Every(Option<Duration>),
    /// It could not be asked.
    Unknown,
}

/// What was asked until now.
#[derive(Debug, Default)]
pub struct Calendar {
    known: BTreeMap<String, Answer>,
}

impl Calendar {
    /// Asks for an event, once.
    pub fn ask(&mut self, event: &str) -> Answer {
        if !self.known.contains_key(event) {
            self.ask_for(&[event]);
        }
        self.known.get(event).cloned().unwrap_or(Answer::Unknown)
    }

    /// Asks for many events by few calls.
    pub fn ask_all(&mut self, events: &BTreeSet<&str>) {
        let events: Vec<&str> = events.iter().copied().collect();
        for events in events.chunks(AT_ONCE) {
            self.ask_for(events);
        }
    }

    /// Asks for all of these by one call; if one cannot be read, for each half of them.
    fn ask_for(&mut self, events: &[&str]) {
        let words = ["calendar", TIMES, "--"].into_iter();
        let mut asked = command("systemd-analyze", words.chain(events.iter().copied()));
        asked.env("TZ", "UTC");
        let answers = match (run_within(&mut asked, LIMIT), events) {
            (Err(_), _) => vec![Answer::Unknown; events.len()],
            (Ok(ended), [_]) if !ended.status.success() => vec![Answer::Refused(ended.stderr)],
            (Ok(ended), _) if ended.status.success() => {
                let told = answers_in(&ended.stdout);
                told.into_iter().map(Answer::Every).collect()
            }
            _ => Vec::new(),
        };
        match events {
            _ if answers.len() == events.len() => {
                let events = events.iter().map(|event| (*event).to_owned());
                self.known.extend(events.zip(answers));
            }
            // What it said cannot be told apart.
            [event] => {
                self.known.insert((*event).to_owned(), Answer::Unknown);
            }
            _ => {
                let (some, others) = events.split_at(events.len() / 2);
                self.ask_for(some);
                self.ask_for(others);
            }
        }
    }
}

/// The longest pause of each event, in what was printed of them: an empty line is between two.
fn answers_in(told: &str) -> Vec<Option<Duration>> {
    told.split("\n\n").map(longest_pause).collect()
}

/// The longest pause between the times that `systemd-analyze calendar --iterations` prints.
fn longest_pause(told: &str) -> Option<Duration> {
    let times: Vec<DateTime> = told
        .lines()
        .filter_map(|line| {
            let (_, time) = line.split_once(": ")?;
            // Fri 2026-11-27 00:00:00 UTC
            let words: Vec<&str> = time.split_whitespace().collect();
            let [_, date, time, "UTC"] = words[..] else {
                return None;
            };
            format!("{date}T{time}").parse().ok()
        })
        .collect();
    let pauses = times.windows(2).map(|two| two[1].duration_since(two[0]));
    pauses
        .max()
        .and_then(|longest| Duration::try_from(longest).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_is_told() {
        let told = "  Original form: Mon,Wed\nNormalized form: Mon,Wed *-*-* 00:00:00\n    \
            Next elapse: Mon 2026-11-30 00:00:00 UTC\n       From now: 3 days left\n       \
            Iter. #2: Wed 2026-12-02 00:00:00 UTC\n       From now: 5 days left\n   \
            Iteration #3: Mon 2026-12-07 00:00:00 UTC\n       From now: 1 week 3 days left\n";
        assert_eq!(longest_pause(told), Some(Duration::from_hours(5 * 24)));
        assert_eq!(longest_pause("Next elapse: never\n"), None);
        let both = format!("{told}\n  Original form: 2020-01-01\n    Next elapse: never\n");
        let week = Some(Duration::from_hours(5 * 24));
        assert_eq!(answers_in(&both), [week, None]);
    }

    #[test]
    fn one_that_cannot_be_read_is_found_among_many() {
        let mut calendar = Calendar::default();
        let all: Vec<String> = (0..6).map(|minute| format!("01:{minute}")).collect();
        let mut all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
        all.extend(["25:00", "weekly", "2020-01-01"]);
        calendar.ask_all(&all);
        assert_eq!(calendar.known.len(), all.len());
        for (event, answer) in &calendar.known {
            let days = |days: u64| Some(Duration::from_hours(days * 24));
            let is_it = match (event.as_str(), answer) {
                ("25:00", Answer::Refused(why)) => why.contains("25:00"),
                ("2020-01-01", Answer::Every(pause)) => pause.is_none(),
                ("weekly", Answer::Every(pause)) => *pause == days(7),
                (_, Answer::Every(pause)) => *pause == days(1),
                _ => false,
            };
            assert!(is_it, "{event}: {answer:?}");
        }
    }
}
