//! What preseed last set on a dataset: from that, a value that somebody changed by hand is told from one whose
//! declaration has changed since.
//!
//! It is a local user property of the dataset. No clone, copy or child of it has that locally. Whoever may set
//! properties can write anything into it: it decides only whether a value that differs is set at the next start or by
//! `preseedctl apply`, and nothing of it is ever set or run.

use std::collections::BTreeMap;

use super::packed::{pack, unpack};
use super::properties::Properties;
use super::value;

/// The property: words `NAME=VALUE`.
pub(super) const PROPERTY: &str = "preseed:set";

/// The longest value of a user property is 8191 bytes (zfsprops(7)).
const LONGEST: usize = 8000;

/// Of a value that is longer, its length and how it begins are noted.
const LONG: usize = 64;

/// Stands for a dataset that preseed has made, and that has had no data yet.
const MADE: &str = "made";

/// What preseed last set on a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LastSet {
    values: BTreeMap<String, String>,
    is_just_made: bool,
}

impl LastSet {
    /// What was noted on a dataset; nothing if that was inherited or received.
    pub(super) fn of(found: &Properties) -> Self {
        let noted = found
            .value(PROPERTY)
            .filter(|_| found.is_local(PROPERTY))
            .unwrap_or_default();
        Self::parse(noted)
    }

    /// What is noted on a dataset that is being made.
    pub(super) fn just_made() -> Self {
        Self {
            is_just_made: true,
            ..Self::default()
        }
    }

    fn parse(text: &str) -> Self {
        let mut noted = Self::default();
        for word in text.split(' ') {
            match word.split_once('=') {
                Some((property, value)) => {
                    let value = unpack(value);
                    noted.values.insert(property.to_owned(), value);
                }
                None => noted.is_just_made |= word == MADE,
            }
        }
        noted
    }

    /// Whether the dataset was made by preseed and has had no data yet.
    pub(super) fn is_just_made(&self) -> bool {
        self.is_just_made
    }

    /// The same once it has data.
    pub(super) fn with_all(mut self) -> Self {
        self.is_just_made = false;
        self
    }

    /// Whether this is what was last set.
    pub(super) fn holds(&self, property: &str, value: &str) -> bool {
        let noted = self.values.get(property);
        noted.is_some_and(|noted| *noted == short(value) || value::is_same(property, value, noted))
    }

    /// Notes what is set.
    pub(super) fn note(&mut self, property: &str, value: &str) {
        self.values.insert(property.to_owned(), short(value));
    }

    /// Forgets what is set on one dataset and not on its successor.
    pub(super) fn forget(&mut self, property: &str) {
        self.values.remove(property);
    }

    /// As it is set: `PROPERTY=…`.
    pub(super) fn set(&self) -> String {
        format!("{PROPERTY}={}", self.value())
    }

    /// The property's value. What there is no room for is not noted.
    pub(super) fn value(&self) -> String {
        let mut words = Vec::new();
        let mut room = LONGEST;
        if self.is_just_made {
            words.push(MADE.to_owned());
            room -= MADE.len();
        }
        for (property, value) in &self.values {
            let word = format!("{property}={}", pack(value));
            if word.len() < room {
                room -= word.len() + 1;
                words.push(word);
            }
        }
        words.join(" ")
    }
}

/// A value, or what tells it from others.
fn short(value: &str) -> String {
    if value.len() <= LONG {
        return value.to_owned();
    }
    let begin: String = value.chars().take(LONG / 2).collect();
    format!("{begin}…{}", value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(noted: &LastSet) -> LastSet {
        LastSet::parse(&noted.value())
    }

    #[test]
    fn what_is_noted_reads_back() {
        let mut noted = LastSet::just_made();
        let long = "x".repeat(5000);
        for (property, value) in [
            ("refquota", "20G"),
            ("a:b", "two words=100 %"),
            ("c:d", &long),
        ] {
            noted.note(property, value);
        }
        let read = read_back(&noted);
        assert_eq!(read, noted);
        assert!(read.is_just_made() && !read_back(&noted.with_all()).is_just_made());
        assert!(read.holds("refquota", "20480M") && !read.holds("refquota", "10G"));
        assert!(read.holds("a:b", "two words=100 %") && read.holds("c:d", &long));
        assert!(!read.holds("c:d", &"x".repeat(4999)) && !read.holds("atime", "off"));
    }

    #[test]
    fn it_fits_into_a_property() {
        let mut noted = LastSet::default();
        for number in 0..1000 {
            noted.note(&format!("a:{number}"), &"%".repeat(64));
        }
        assert!(noted.value().len() <= LONGEST);
        assert!(read_back(&noted).holds("a:1", &"%".repeat(64)));
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in ["", "-", "=", "made2", "x\ny", "\t"] {
            let read = LastSet::parse(text);
            assert!(
                !read.is_just_made() && !read.holds("refquota", "1G"),
                "{text}"
            );
        }
    }
}
