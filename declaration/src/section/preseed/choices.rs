//! What to do when something is missing, which snapshot to take, and how long to keep what was replaced.

use std::str::FromStr;
use std::time::Duration;

use super::super::outcome::Outcome;
use crate::value::{Invalid, TimeSpan, Value, one_of, word_of};

/// Which of several snapshots that hold the data is restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefer {
    /// That of the first tier, in the order of `tiers` (`prefer = "order"`).
    #[default]
    Order,
    /// The newest of all tiers (`prefer = "newest"`).
    Newest,
}

/// How long what a restore replaced is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReplaced {
    /// This long (`keep-replaced = "30d"`).
    For(Duration),
    /// Until somebody removes it (`keep-replaced = "forever"`).
    Forever,
}

impl Default for KeepReplaced {
    fn default() -> Self {
        Self::For(Duration::from_hours(720))
    }
}

/// What to do when only some of `expect` is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnPartial {
    /// Do not start the service (`on-partial = "stop"`).
    #[default]
    Stop,
    /// Restore, and keep what was there (`on-partial = "restore"`).
    Restore,
}

/// What to do when no tier restored and at least one could not be asked or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnavailable {
    /// Do not start the service (`on-unavailable = "stop"`).
    #[default]
    Stop,
    /// Let it start on an empty directory, without a mark (`on-unavailable = "start-empty"`).
    StartEmpty,
}

impl OnPartial {
    const WORDS: [(&str, Self); 2] = [("stop", Self::Stop), ("restore", Self::Restore)];

    /// As it is written in a declaration.
    pub(crate) fn word(self) -> &'static str {
        word_of(&self, &Self::WORDS)
    }
}

impl FromStr for OnPartial {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of("`on-partial`", text, Self::WORDS)
    }
}

impl Value for OnPartial {
    const EXAMPLE: &'static str = "\"stop\"";
}

impl OnUnavailable {
    const WORDS: [(&str, Self); 2] = [("stop", Self::Stop), ("start-empty", Self::StartEmpty)];

    /// As it is written in a declaration.
    pub(crate) fn word(self) -> &'static str {
        word_of(&self, &Self::WORDS)
    }
}

impl FromStr for OnUnavailable {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of("`on-unavailable`", text, Self::WORDS)
    }
}

impl Value for OnUnavailable {
    const EXAMPLE: &'static str = "\"stop\"";
}

impl Prefer {
    const WORDS: [(&str, Self); 2] = [("order", Self::Order), ("newest", Self::Newest)];

    /// As it is written in a declaration.
    pub(crate) fn word(self) -> &'static str {
        word_of(&self, &Self::WORDS)
    }
}

impl FromStr for Prefer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of("`prefer`", text, Self::WORDS)
    }
}

impl Value for Prefer {
    const EXAMPLE: &'static str = "\"newest\"";
}

impl KeepReplaced {
    /// As it is shown.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::For(span) => Outcome::span(span),
            Self::Forever => Outcome::text("forever"),
        }
    }
}

impl FromStr for KeepReplaced {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim() == "forever" {
            return Ok(Self::Forever);
        }
        match text.parse() {
            Ok(TimeSpan(Duration::MAX)) => Ok(Self::Forever),
            Ok(TimeSpan(span)) => Ok(Self::For(span)),
            Err(invalid) => Err(Invalid::new(
                invalid.what,
                "write how long to keep what a restore replaced, e.g. \"30d\", or \"forever\"",
            )),
        }
    }
}

impl Value for KeepReplaced {
    const EXAMPLE: &'static str = "\"30d\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(decimal.parse())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::value::check::{refuses, takes};

    #[test]
    fn words() {
        takes::<OnPartial>(&["stop", "restore"]);
        takes::<OnUnavailable>(&["stop", "start-empty"]);
        takes::<Prefer>(&["order", "newest"]);
        refuses::<Prefer>(&[(
            "oldest",
            "there is no `prefer` `oldest`: take `order` or `newest`",
        )]);
        refuses::<OnUnavailable>(&[(
            "start_empty",
            "there is no `on-unavailable` `start_empty`: did you mean `start-empty`?",
        )]);
    }

    #[test]
    fn kept() {
        let keep = |text: &str| text.parse::<KeepReplaced>().unwrap();
        assert_eq!(keep("forever"), KeepReplaced::Forever);
        assert_eq!(keep("infinity"), KeepReplaced::Forever);
        assert_eq!(keep("1d"), KeepReplaced::For(Duration::from_hours(24)));
        refuses::<KeepReplaced>(&[(
            "always",
            "`always` is not a time span: write how long to keep what a restore replaced, e.g. \"30d\", or \"forever\"",
        )]);
    }
}
