//! What systemd says of a calendar event (systemd.time(7)).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;
use storage::command::command;
use storage::watched::run_within;

/// How long it is asked.
const LIMIT: Duration = Duration::from_secs(10);

/// How many times of an event are looked at: a week of hours is more than enough to see the longest pause of any usual one.
const TIMES: &str = "--iterations=200";

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
        let known = self.known.entry(event.to_owned());
        known.or_insert_with(|| ask(event)).clone()
    }
}

fn ask(event: &str) -> Answer {
    let mut asked = command("systemd-analyze", ["calendar", TIMES, "--", event]);
    asked.env("TZ", "UTC");
    match run_within(&mut asked, LIMIT) {
        Err(_) => Answer::Unknown,
        Ok(ended) if !ended.status.success() => Answer::Refused(ended.stderr),
        Ok(ended) => Answer::Every(longest_pause(&ended.stdout)),
    }
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
    }
}
