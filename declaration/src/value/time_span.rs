use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// A time as systemd.time(7) writes time spans, at least a microsecond; `infinity` is [`Duration::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeSpan(pub(crate) Duration);

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The units of systemd.time(7), in microseconds. Without one, a number means seconds.
const UNITS: [(&str, u64); 31] = [
    ("", SECOND),
    ("usec", 1),
    ("us", 1),
    ("\u{b5}s", 1),
    ("\u{3bc}s", 1),
    ("msec", 1_000),
    ("ms", 1_000),
    ("seconds", SECOND),
    ("second", SECOND),
    ("sec", SECOND),
    ("s", SECOND),
    ("minutes", MINUTE),
    ("minute", MINUTE),
    ("min", MINUTE),
    ("m", MINUTE),
    ("hours", HOUR),
    ("hour", HOUR),
    ("hr", HOUR),
    ("h", HOUR),
    ("days", DAY),
    ("day", DAY),
    ("d", DAY),
    ("weeks", 7 * DAY),
    ("week", 7 * DAY),
    ("w", 7 * DAY),
    // 30.44 and 365.25 days.
    ("months", 2_629_800 * SECOND),
    ("month", 2_629_800 * SECOND),
    ("M", 2_629_800 * SECOND),
    ("years", 31_557_600 * SECOND),
    ("year", 31_557_600 * SECOND),
    ("y", 31_557_600 * SECOND),
];

impl FromStr for TimeSpan {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim() == "infinity" {
            return Ok(Self(Duration::MAX));
        }
        match microseconds(text) {
            Some(0) => Err(Invalid::new(
                format!("time span {} is no time at all", quoted(text)),
                "write a longer one, or \"infinity\" for no end",
            )),
            Some(microseconds) => Ok(Self(Duration::from_micros(microseconds))),
            None => Err(Invalid::new(
                format!("{} is not a time span", quoted(text)),
                "write it as systemd does, e.g. \"10min\", \"1h 30min\" or \"30d\"",
            )),
        }
    }
}

/// The sum of all `NUMBER UNIT` in `text`; `None` if it is none, or too long for systemd.
fn microseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_where(after, |c| !c.is_ascii_digit()),
            None => ("", after),
        };
        if number.is_empty() {
            return None;
        }
        let after = after.trim_start();
        let (unit, after) = split_where(after, |c| !c.is_alphabetic());
        let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum
            .checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?
            .checked_add(part_of(fraction, *length))?;
        rest = after.trim_start();
    }
    // The largest is how systemd writes `infinity`.
    (sum < u64::MAX).then_some(sum)
}

/// What `0.DIGITS` of `length` is, rounded down.
fn part_of(digits: &str, length: u64) -> u64 {
    let mut length = length;
    let mut sum = 0;
    for digit in digits.bytes() {
        length /= 10;
        sum += u64::from(digit - b'0') * length;
    }
    sum
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

impl fmt::Display for TimeSpan {
    /// With the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::MAX {
            return f.write_str("infinity");
        }
        let span = self.0.as_micros();
        let units = [
            ("d", DAY),
            ("h", HOUR),
            ("min", MINUTE),
            ("s", SECOND),
            ("ms", 1_000),
        ];
        let whole = units
            .into_iter()
            .find(|(_, length)| span.is_multiple_of(u128::from(*length)));
        let (unit, length) = whole.unwrap_or(("us", 1));
        write!(f, "{}{unit}", span / u128::from(length))
    }
}

impl Value for TimeSpan {
    const EXAMPLE: &'static str = "\"10min\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(decimal.parse())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::Command;

    use super::super::check::{refuses, takes};
    use super::*;

    const SPANS: [&str; 15] = [
        "10min",
        "30d",
        "1h 30min",
        "600",
        "2 h",
        "48hr",
        "1y 12month",
        "55s500ms",
        "300ms20s 5day",
        " 5 weeks ",
        "1M",
        "1.5h",
        "0.000001",
        "7 \u{b5}s",
        "584541y",
    ];

    #[test]
    fn time_spans() {
        takes::<TimeSpan>(&SPANS);
        takes::<TimeSpan>(&["infinity"]);
        let seconds = |text: &str| text.parse::<TimeSpan>().unwrap().0.as_secs();
        assert_eq!(seconds("10min"), 600);
        assert_eq!(seconds("1h 30min"), 5400);
        assert_eq!(seconds("30d"), 30 * 24 * 3600);
        assert_eq!(seconds("600"), 600);
        for (text, shown) in [
            ("600", "10min"),
            ("1h 30min", "90min"),
            ("1.5s", "1500ms"),
            ("infinity", "infinity"),
        ] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().to_string(), shown);
        }
        for text in SPANS {
            let span = text.parse::<TimeSpan>().unwrap();
            assert_eq!(span.to_string().parse(), Ok(span), "{text}");
        }
        let help = "write it as systemd does, e.g. \"10min\", \"1h 30min\" or \"30d\"";
        let not = |text: &str| format!("{} is not a time span: {help}", quoted(text));
        for text in [
            "",
            " ",
            "min",
            "10 minuets",
            "-5min",
            "5,5min",
            "1h and 30min",
            "forever",
            "999999999999y",
            "1min infinity",
            "0x10",
            "10Min",
            ".5h",
        ] {
            refuses::<TimeSpan>(&[(text, &not(text))]);
        }
        refuses::<TimeSpan>(&[(
            "0s",
            "time span `0s` is no time at all: write a longer one, or \"infinity\" for no end",
        )]);
    }

    /// systemd understands the same.
    #[test]
    fn as_systemd_reads_them() {
        for text in SPANS {
            let mut analyze = Command::new("systemd-analyze");
            let output = analyze.args(["timespan", text]).output().unwrap();
            assert!(output.status.success(), "{text}: {output:?}");
            let output = String::from_utf8(output.stdout).unwrap();
            let micros = output.lines().find(|line| line.contains("s: ")).unwrap();
            let (_, micros) = micros.split_once(": ").unwrap();
            let read = text.parse::<TimeSpan>().unwrap().0.as_micros();
            assert_eq!(read.to_string(), micros.trim(), "{text}");
        }
    }
}
