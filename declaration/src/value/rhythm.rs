use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::{nearest, quoted};

/// How many days there are between two of them.
const DAYS: [(&str, u64); 6] = [
    ("daily", 1),
    ("weekly", 7),
    ("monthly", 30),
    ("quarterly", 91),
    ("semiannually", 182),
    ("yearly", 365),
];

/// How often something is due, as one of the words of systemd.time(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rhythm(pub(crate) Duration);

impl FromStr for Rhythm {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some((_, days)) = DAYS.iter().find(|(word, _)| *word == text) {
            return Ok(Self(Duration::from_hours(days * 24)));
        }
        let words = DAYS.map(|(word, _)| word);
        let help = match nearest(text, words) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("take one of {}", words.join(", ")),
        };
        Err(Invalid::new(
            format!("{} does not say how often", quoted(text)),
            help,
        ))
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = DAYS
            .iter()
            .find(|(_, days)| Duration::from_hours(days * 24) == self.0);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

impl Value for Rhythm {
    const EXAMPLE: &'static str = "\"monthly\"";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn rhythms() {
        takes::<Rhythm>(&["daily", "weekly", "monthly", "quarterly", "yearly"]);
        refuses::<Rhythm>(&[
            (
                "montly",
                "`montly` does not say how often: did you mean `monthly`?",
            ),
            (
                "*-*-01",
                "`*-*-01` does not say how often: take one of daily, weekly, monthly, quarterly, semiannually, yearly",
            ),
        ]);
        assert_eq!("monthly".parse::<Rhythm>().unwrap().to_string(), "monthly");
    }
}
