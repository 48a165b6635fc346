//! Names of storage that is not in its place: staged, or kept after a restore replaced it.

use std::fmt;

use jiff::Timestamp;

use crate::{Kept, Mark, mark};

/// The last component of a staged dataset or directory for `leaf`.
#[must_use]
pub fn staging(leaf: &str) -> String {
    format!("{leaf}:preseed-staging")
}

/// The last component of what a restore replaced: when, and why, e.g.
/// `sonarr:preseed-kept-20261123T072100.250Z-before-restic`. Two restores within a second have names of their own.
#[must_use]
pub fn kept(leaf: &str, at: Timestamp, why: &str) -> String {
    format!(
        "{leaf}:preseed-kept-{}-{why}",
        at.strftime("%Y%m%dT%H%M%S%.3fZ")
    )
}

/// Whether a dataset's name is that of one that is staged or kept.
pub(crate) fn is_not_in_place(dataset: &str) -> bool {
    dataset.contains(":preseed-")
}

/// What a kept name's last component was kept for: `sonarr` of `sonarr:preseed-kept-…`; `None` if it is no such name.
pub(crate) fn leaf_of(kept: &str) -> Option<&str> {
    kept.split_once(":preseed-kept-")
        .map(|(leaf, _)| leaf)
        .filter(|leaf| !leaf.is_empty())
}

/// When, why and by which restore something was replaced, as it is noted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When; `None` if that cannot be read.
    pub at: Option<Timestamp>,
    /// Why: `before-restic`, `unused-restore`, ….
    pub why: String,
    /// When the daily timer has first seen it: a restore at boot may be made before the clock is right, and from its
    /// time alone what it replaced could be over at once.
    pub seen: Option<Timestamp>,
    /// The snapshot that was restored; empty where there is none.
    pub from: String,
}

impl Note {
    /// What is noted when a restore with this mark replaces something now.
    pub(crate) fn new(why: &str, mark: &Mark) -> Self {
        Self {
            at: Some(Timestamp::now()),
            why: why.to_owned(),
            seen: None,
            from: mark.from.clone(),
        }
    }

    /// Reads a note. One that cannot be read is one without a time.
    pub(crate) fn parse(text: &str) -> Self {
        // `from` comes last, since a dataset's name may hold spaces.
        let mut left = text;
        let mut word = |key| {
            let (word, rest) = left.split_once(' ').unwrap_or((left, ""));
            let value = word.strip_prefix(key)?;
            left = rest;
            Some(value)
        };
        Self {
            at: word("at=").and_then(|at| at.parse().ok()),
            why: word("why=").unwrap_or_default().to_owned(),
            seen: word("seen=").and_then(|seen| seen.parse().ok()),
            from: left.strip_prefix("from=").unwrap_or_default().to_owned(),
        }
    }

    /// From when on it is kept; `None` if that is not known.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        Some(self.at?.max(self.seen?))
    }

    /// When it was replaced, for its name.
    fn time(&self) -> Timestamp {
        self.at.unwrap_or_else(mark::now)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at={} why={}", self.time(), self.why)?;
        if let Some(seen) = self.seen {
            write!(f, " seen={seen}")?;
        }
        write!(f, " from={}", self.from)
    }
}

/// The last component of what is replaced with this note.
pub(crate) fn kept_with(leaf: &str, note: &Note) -> String {
    kept(leaf, note.time(), &note.why)
}

/// That an interrupted restore was finished, in words.
#[must_use]
pub fn finished(mark: &Mark, kept: Option<&Kept>) -> String {
    let Mark { by, from, .. } = mark;
    format!(
        "finished an interrupted restore by {by} from {from}{}",
        in_words(kept)
    )
}

/// Where what a restore replaced is kept, in words that are added to what else is said of it.
#[must_use]
pub fn in_words(kept: Option<&Kept>) -> String {
    kept.map_or_else(String::new, |kept| {
        format!("; what it replaced is kept as {}", kept.name)
    })
}

/// That a part of a copy was thrown away, in words.
pub(crate) fn thrown_away() -> String {
    "threw away an interrupted restore: the data is there without it".to_owned()
}

/// That a complete copy is kept although the data is there without it, in words.
pub(crate) fn not_needed(mark: &Mark, kept: &Kept) -> String {
    format!(
        "the data is there without an interrupted restore by {}, which is kept as {}",
        mark.by, kept.name
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_reads_back_as_it_was_written() {
        let mark = Mark::new(mark::Stage::Seeded, "clone", "tank/my services/sonarr@a b");
        let note = Note::new("before-clone", &mark);
        assert_eq!(Note::parse(&note.to_string()), note);
        let seen = Note {
            seen: Some(mark::now()),
            ..note
        };
        assert_eq!(Note::parse(&seen.to_string()), seen);
        for unreadable in ["", "-", "at=yesterday why=x from=y", "x"] {
            assert_eq!(Note::parse(unreadable).at, None, "{unreadable}");
        }
    }

    #[test]
    fn only_a_kept_name_is_one() {
        assert_eq!(leaf_of("a:b:preseed-kept-20261123T072100Z-x"), Some("a:b"));
        for other in ["sonarr", "sonarr:preseed-staging", ":preseed-kept-x"] {
            assert_eq!(leaf_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_replaced_twice_within_a_second_has_two_names() {
        let mark = Mark::new(mark::Stage::Seeded, "clone", "");
        let at = |at: &str| Note {
            at: at.parse().ok(),
            ..Note::new("before-clone", &mark)
        };
        let first = kept_with("sonarr", &at("2026-11-23T07:21:00.001Z"));
        let second = kept_with("sonarr", &at("2026-11-23T07:21:00.002Z"));
        assert_ne!(first, second);
    }

    #[test]
    fn a_kept_name_says_when_and_why() {
        let at = "2026-11-23T07:21:00Z".parse().unwrap();
        assert_eq!(
            kept("sonarr", at, "before-restic"),
            "sonarr:preseed-kept-20261123T072100.000Z-before-restic"
        );
    }
}
