//! Names of storage that is not in its place: staged, or kept after a restore replaced it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::mark::Back;
use crate::uptime::Uptime;
use crate::{Kept, Mark, mark};

/// Why a complete copy is kept that was never put in place.
pub(crate) const UNUSED: &str = "unused-restore";

/// The last component of a staged dataset or directory for `leaf`.
#[must_use]
pub fn staging(leaf: &str) -> String {
    format!("{leaf}:preseed-staging")
}

/// The last component of the copy of a staged dataset or directory that checks are run on.
#[must_use]
pub fn check(leaf: &str) -> String {
    format!("{leaf}:preseed-check")
}

/// The last component of the dataset or directory in which a drill restores. What is left of one there is thrown away.
#[must_use]
pub(crate) fn drill(leaf: &str) -> String {
    format!("{leaf}:preseed-drill")
}

/// The last component of the copy of it that checks are run on.
#[must_use]
pub(crate) fn drill_check(leaf: &str) -> String {
    format!("{leaf}:preseed-drill-check")
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

/// Why a copy is kept that was thrown away, and was in use.
pub(crate) const THROWN_AWAY: &str = "thrown-away";

/// A text without its first word that begins so, before `from=`.
fn without_word(text: &str, key: &str) -> String {
    let (words, from) = match text.find("from=") {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let words: Vec<&str> = words
        .split(' ')
        .filter(|word| !word.starts_with(key))
        .collect();
    words.join(" ") + from
}

/// When, why and by which restore something was replaced, as it is noted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When; `None` if that cannot be read.
    pub at: Option<Timestamp>,
    /// Why: `before-restic`, `unused-restore`, ….
    pub why: String,
    /// For how long it has been kept, in whole seconds, as far as that counts: the machine was up, and the data there
    /// without it.
    pub age: Duration,
    /// Until when its age is counted; `None` if it did not count at the last look.
    pub counted: Option<Uptime>,
    /// The set of parts of a service that were restored together; empty where only one was.
    pub set: String,
    /// The snapshot that was restored; empty where there is none.
    pub from: String,
}

impl Note {
    /// What is noted when data with this mark takes the place of something now.
    pub(crate) fn of_replaced(mark: &Mark) -> Self {
        let note = Self::new(&mark.why_kept(), mark);
        match &mark.back {
            // It is nothing of the restore that had brought the data before.
            Some(Back::Restore(set)) => Self {
                set: set.clone(),
                from: String::new(),
                ..note
            },
            Some(Back::Undo(_)) | None => note,
        }
    }

    /// What is noted when a copy with this mark is put away now.
    pub(crate) fn new(why: &str, mark: &Mark) -> Self {
        Self {
            at: Some(milliseconds(Timestamp::now())),
            why: why.to_owned(),
            age: Duration::ZERO,
            counted: None,
            set: mark.set.clone().unwrap_or_default(),
            from: mark.from.clone(),
        }
    }

    /// Reads a note. One that cannot be read is one without a time.
    pub(crate) fn parse(text: &str) -> Self {
        // `from` comes last, since a dataset's name may hold spaces. What is not known is passed over: an older
        // preseed wrote when it had first `seen=` it.
        let text = without_word(text, "seen=");
        let mut left = text.as_str();
        let mut word = |key| {
            let (word, rest) = left.split_once(' ').unwrap_or((left, ""));
            let value = word.strip_prefix(key)?;
            left = rest;
            Some(value)
        };
        Self {
            at: word("at=").and_then(|at| at.parse().ok()),
            why: word("why=").unwrap_or_default().to_owned(),
            age: word("age=")
                .and_then(|age| age.parse().ok())
                .map_or(Duration::ZERO, Duration::from_secs),
            counted: word("counted=").and_then(|counted| counted.parse().ok()),
            set: word("set=").unwrap_or_default().to_owned(),
            from: left.strip_prefix("from=").unwrap_or_default().to_owned(),
        }
    }

    /// The same of something of which this machine has noted nothing yet: its time begins now, and no reason has it go before.
    pub(crate) fn begun_now(self) -> Self {
        let goes_early = [UNUSED, THROWN_AWAY].contains(&self.why.as_str());
        Self {
            why: if goes_early {
                format!("noted-as-{}", self.why)
            } else {
                self.why
            },
            age: Duration::ZERO,
            counted: None,
            // What goes or comes back together is decided by it.
            set: String::new(),
            ..self
        }
    }

    /// The same note after another look: the time since the last one counts if the data was there at both.
    pub(crate) fn counted_at(&self, now: &Uptime, counts: bool) -> Self {
        let since = self.counted.as_ref().map(|earlier| now.since(earlier));
        let more = since.filter(|_| counts).unwrap_or_default();
        Self {
            age: self.age.saturating_add(more),
            counted: counts.then(|| now.clone()),
            ..self.clone()
        }
    }

    /// Whether it says that it is a copy that a restore threw away, while somebody used it.
    pub(crate) fn is_thrown_away(&self) -> bool {
        self.why == THROWN_AWAY
    }

    /// When it was replaced, for its name.
    fn time(&self) -> Timestamp {
        self.at.unwrap_or_else(mark::now)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at={} why={}", self.time(), self.why)?;
        if !self.age.is_zero() {
            write!(f, " age={}", self.age.as_secs())?;
        }
        if let Some(counted) = &self.counted {
            write!(f, " counted={counted}")?;
        }
        if !self.set.is_empty() {
            write!(f, " set={}", self.set)?;
        }
        write!(f, " from={}", self.from)
    }
}

/// A time without what is below a thousandth of a second.
fn milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// The names (last components) that what is replaced with this note may get, the most telling first: the note has time and
/// reason as well. The last is no longer than that of what is staged: it fits wherever that did.
pub(crate) fn names(leaf: &str, note: &Note) -> [String; 3] {
    let full = kept(leaf, note.time(), &note.why);
    let why = 1 + note.why.len();
    let without_why = full[..full.len() - why].to_owned();
    [
        full,
        without_why,
        format!("{leaf}:preseed-kept-{}", two_characters(note.time())),
    ]
}

/// Two characters that differ from those of the milliseconds before and after.
fn two_characters(time: Timestamp) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let number = usize::try_from(time.as_millisecond()).unwrap_or_default();
    [number / DIGITS.len(), number]
        .map(|number| char::from(DIGITS[number % DIGITS.len()]))
        .iter()
        .collect()
}

/// That an interrupted restore was finished, in words.
#[must_use]
pub fn finished(mark: &Mark, kept: Option<&Kept>) -> String {
    let Mark { by, from, .. } = mark;
    let what = match mark.back {
        None => format!("finished an interrupted restore by {by} from {from}"),
        Some(Back::Restore(_)) => "took back an interrupted restore".to_owned(),
        Some(Back::Undo(_)) => "took back an interrupted undo".to_owned(),
    };
    format!("{what}{}", in_words(kept))
}

/// Where what a restore replaced is kept, in words that are added to what else is said of it.
#[must_use]
pub fn in_words(kept: Option<&Kept>) -> String {
    kept.map_or_else(String::new, |kept| {
        let seen_by = kept.seen_by.as_ref().map_or_else(String::new, |who| {
            format!(", which is still mounted elsewhere: {who}")
        });
        let pending = kept.pending.as_ref();
        let pending = pending.map_or_else(String::new, |pending| format!("; {pending}"));
        format!(
            "; what it replaced is kept as {}{seen_by}{pending}",
            kept.name
        )
    })
}

/// How what a restore of this service replaced comes back, in words that are added to where it is kept.
#[must_use]
pub fn way_back(service: &str) -> String {
    format!("; `preseedctl undo {service}` brings it back")
}

/// That a part of a copy was thrown away, in words.
pub(crate) fn thrown_away() -> String {
    "threw away an interrupted restore: the data is there without it".to_owned()
}

/// That a complete copy is kept and not used, since something else `is_so`, in words.
#[must_use]
pub fn not_used(mark: &Mark, is_so: &str, kept: &Kept) -> String {
    let Mark { by, from, .. } = mark;
    format!(
        "an interrupted restore by {by} from {from} is not used, since {is_so}: it is kept as {}",
        kept.name
    )
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
        let counted = Note {
            age: Duration::from_secs(7),
            counted: "a-b:9".parse().ok(),
            set: "2026-11-23T07:21:00.250Z".to_owned(),
            ..note.clone()
        };
        assert_eq!(Note::parse(&counted.to_string()), counted);
        let older = note
            .to_string()
            .replace(" from=", " seen=2026-01-01T00:00:00Z from=");
        assert_eq!(Note::parse(&older), note);
        for unreadable in ["", "-", "at=yesterday why=x from=y", "x"] {
            assert_eq!(Note::parse(unreadable).at, None, "{unreadable}");
        }
    }

    #[test]
    fn only_time_between_two_looks_that_found_the_data_counts() {
        let at = |seconds: u64| format!("a:{seconds}").parse().unwrap();
        let note = Note::new(
            "before-clone",
            &Mark::new(mark::Stage::Seeded, "clone", "t@a"),
        );
        let mut ages = Vec::new();
        let mut note = note;
        for (now, counts) in [(10, true), (15, true), (20, false), (30, true), (32, true)] {
            note = note.counted_at(&at(now), counts);
            ages.push(note.age.as_secs());
        }
        assert_eq!(ages, [0, 5, 5, 5, 7]);
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
        let first = names("sonarr", &at("2026-11-23T07:21:00.001Z"));
        let second = names("sonarr", &at("2026-11-23T07:21:00.002Z"));
        for (first, second) in first.iter().zip(&second) {
            assert_ne!(first, second);
            assert_eq!(leaf_of(first), Some("sonarr"));
        }
        assert!(first[2].len() <= staging("sonarr").len());
        assert_eq!(first[1], "sonarr:preseed-kept-20261123T072100.001Z");
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
