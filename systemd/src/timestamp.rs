//! Times as people write them: systemd itself reads them (systemd.time(7)), so that they mean what they mean elsewhere.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, Zoned};
use std::time::Duration;

use storage::command::command;
use storage::watched::run_within;
use storage::{Error, Result};

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// The moment that `text` means: as systemd.time(7) has it, in the machine's own time zone unless it names another;
/// `yesterday 18:00`, which systemd does not know; or with what it is off from UTC, as preseed itself prints times.
///
/// # Errors
/// When it means none.
pub fn timestamp(text: &str) -> Result<Timestamp> {
    let text = text.trim();
    if let Ok(exact) = text.parse() {
        return Ok(exact);
    }
    let asked = dated(text, Zoned::now().date());
    let args = ["timestamp", "--", &asked];
    let ended = run_within(&mut command("systemd-analyze", args), ANSWER)?;
    let told = ended
        .stdout
        .lines()
        .find_map(|line| line.split_once("UNIX seconds: @"));
    let told = told.and_then(|(_, seconds)| seconds.trim().parse::<f64>().ok());
    let seconds = told.filter(|_| ended.status.success());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the whole seconds are meant"
    )]
    let seconds = seconds.map(|seconds| seconds.floor() as i64);
    let moment = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.ok_or_else(|| {
        Error::new(
            format!("`{text}`"),
            "this is no time that is understood",
            "write it as in systemd.time(7), e.g. `yesterday 18:00`, `-2h`, `3 days ago` or `2026-11-23 08:21`",
        )
    })
}

/// The same text with a date in the place of a day's name that a time follows.
fn dated(text: &str, today: Date) -> String {
    let Some((day, time)) = text.split_once(char::is_whitespace) else {
        return text.to_owned();
    };
    let date = match day.to_ascii_lowercase().as_str() {
        "today" => Some(today),
        "yesterday" => today.checked_sub(1.day()).ok(),
        "tomorrow" => today.checked_add(1.day()).ok(),
        _ => None,
    };
    let is_a_time = time.trim_start().starts_with(|c: char| c.is_ascii_digit());
    match date.filter(|_| is_a_time) {
        Some(date) => format!("{date} {}", time.trim_start()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_with_a_time_is_dated() {
        let today = "2026-03-01".parse().unwrap();
        for (text, wanted) in [
            ("yesterday 18:00", "2026-02-28 18:00"),
            ("Today  07:21:09", "2026-03-01 07:21:09"),
            ("tomorrow 0:00 UTC", "2026-03-02 0:00 UTC"),
            ("yesterday", "yesterday"),
            ("-2h", "-2h"),
            ("2026-03-01 12:00", "2026-03-01 12:00"),
            ("today -2h", "today -2h"),
        ] {
            assert_eq!(dated(text, today), wanted);
        }
    }

    #[test]
    fn a_time_means_what_systemd_says() {
        let at = |text: &str| timestamp(text).unwrap().to_string();
        assert_eq!(at("2026-11-23T08:21:00+01:00"), "2026-11-23T07:21:00Z");
        assert_eq!(at("2026-11-23 07:21:00 UTC"), "2026-11-23T07:21:00Z");
        assert_eq!(at("@1795704541"), "2026-11-26T14:49:01Z");
        let before = Timestamp::now().as_second();
        let told = timestamp("-2h").unwrap().as_second();
        let after = Timestamp::now().as_second();
        assert!((before - 7200..=after - 7200).contains(&told), "{told}");
        for no in ["", "x", "last week maybe", "25:00", "--help", "2026-13-01"] {
            let error = timestamp(no).unwrap_err().to_string();
            assert!(error.contains("no time that is understood"), "{error}");
        }
    }
}
