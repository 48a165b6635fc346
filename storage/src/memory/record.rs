//! One record: what is remembered of a service, on one line.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The service had data.
    Data,
    /// It was started empty, for the first time. With the time of the last change to its empty directory: as long as
    /// that is the same, nothing has ever been in it.
    StartedEmpty(String),
    /// An admin has forgotten it: what is older does not count.
    Forgotten,
}

/// What is remembered of a service, and when it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What.
    pub what: What,
    /// When it was written down.
    pub at: Timestamp,
    /// Since when there was data.
    pub since: Timestamp,
    /// The machine that wrote it (machine-id(5)); empty where it has no id.
    pub machine: String,
    /// What the data was kept in: the dataset's guid, or the directory's inode, as its mark names it.
    pub identity: String,
    /// The dataset; empty for a directory.
    pub dataset: String,
    /// Where it was seen.
    pub place: PathBuf,
    /// How the data came, as its mark says.
    pub by: String,
    /// What could restore it, in words.
    pub sources: String,
    /// In the file: the pool that holds the same record; empty where none does.
    pub pool: String,
}

/// The longest record, in bytes: what ZFS takes as a property in every version is 1024.
pub(super) const LONGEST: usize = 1000;

impl Record {
    /// Makes it follow a record that was written earlier.
    pub(super) fn comes_after(&mut self, earlier: &Self) {
        match earlier.what {
            // What is remembered from now on is newer than what was forgotten, whatever the clock says.
            What::Forgotten if self.at <= earlier.at => {
                let second = SignedDuration::from_secs(1);
                self.at = earlier.at.checked_add(second).unwrap_or(earlier.at);
            }
            What::Data if self.what == What::Data && earlier.machine == self.machine => {
                self.since = self.since.min(earlier.since);
            }
            _ => {}
        }
    }

    /// The record as it is stored, without the pool. What could restore the data is cut if it is too long.
    pub(super) fn line(&self) -> String {
        let line = self.written(&self.sources);
        if line.len() <= LONGEST {
            return line;
        }
        self.written("many")
    }

    fn written(&self, sources: &str) -> String {
        let (what, untouched) = match &self.what {
            What::Data => ("data", ""),
            What::StartedEmpty(untouched) => ("empty", untouched.as_str()),
            What::Forgotten => ("forgotten", ""),
        };
        let mut line = what.to_owned();
        let place = self.place.as_os_str().as_bytes();
        for (key, value) in [
            ("at", self.at.to_string().as_bytes()),
            ("since", self.since.to_string().as_bytes()),
            ("machine", self.machine.as_bytes()),
            ("of", self.identity.as_bytes()),
            ("dataset", self.dataset.as_bytes()),
            ("place", place),
            ("by", self.by.as_bytes()),
            ("untouched", untouched.as_bytes()),
            ("sources", sources.as_bytes()),
        ] {
            if !value.is_empty() {
                push_word(&mut line, key, value);
            }
        }
        line
    }

    /// The record as the file holds it.
    pub(super) fn line_with_pool(&self) -> String {
        let mut line = self.line();
        if !self.pool.is_empty() {
            push_word(&mut line, "pool", self.pool.as_bytes());
        }
        line
    }

    /// Reads a stored line; `None` if it is none of ours. Words that are not known are of a later version.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let mut record = Self {
            what: What::Data,
            at: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            machine: String::new(),
            identity: String::new(),
            dataset: String::new(),
            place: PathBuf::new(),
            by: String::new(),
            sources: String::new(),
            pool: String::new(),
        };
        let (mut at, mut since, mut untouched) = (None, None, String::new());
        for word in words {
            let (key, value) = word.split_once('=')?;
            let value = decoded(value)?;
            let text = || String::from_utf8(value.clone()).ok();
            match key {
                "at" => at = Some(text()?.parse().ok()?),
                "since" => since = Some(text()?.parse().ok()?),
                "machine" => record.machine = text()?,
                "of" => record.identity = text()?,
                "dataset" => record.dataset = text()?,
                "place" => record.place = OsString::from_vec(value).into(),
                "by" => record.by = text()?,
                "untouched" => untouched = text()?,
                "sources" => record.sources = text()?,
                "pool" => record.pool = text()?,
                _ => {}
            }
        }
        record.what = match kind {
            "data" => What::Data,
            "empty" => What::StartedEmpty(untouched),
            "forgotten" => What::Forgotten,
            _ => return None,
        };
        record.at = at?;
        record.since = since.unwrap_or(record.at);
        Some(record)
    }
}

/// Appends ` key=value`, with all that is not printable ASCII, a space or `%` as `%XX`.
fn push_word(line: &mut String, key: &str, value: &[u8]) {
    line.push(' ');
    line.push_str(key);
    line.push('=');
    for &byte in value {
        if byte.is_ascii_graphic() && byte != b'%' {
            line.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(line, "%{byte:02x}");
        }
    }
}

fn decoded(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else if first.is_ascii_graphic() {
            bytes.push(first);
        } else {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mark;

    fn record() -> Record {
        Record {
            what: What::Data,
            at: mark::now(),
            since: "2026-01-02T03:04:05Z".parse().unwrap(),
            machine: "0123456789abcdef0123456789abcdef".into(),
            identity: "guid:123".into(),
            dataset: "tank/my services/sonarr".into(),
            place: OsString::from_vec(b"/srv/a b%\xff\n=".to_vec()).into(),
            by: "restic".into(),
            sources: "rollback, restic from `nas`".into(),
            pool: "tank".into(),
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        for what in [
            What::Data,
            What::StartedEmpty("17.5".into()),
            What::Forgotten,
        ] {
            let record = Record { what, ..record() };
            let line = record.line_with_pool();
            assert!(
                line.bytes()
                    .all(|byte| byte == b' ' || byte.is_ascii_graphic())
            );
            assert_eq!(Record::read(&line), Some(record.clone()));
            let without = Record {
                pool: String::new(),
                ..record
            };
            assert_eq!(Record::read(&without.line()), Some(without));
        }
    }

    #[test]
    fn a_word_of_a_later_version_is_passed_over() {
        let line = format!("{} colour=red", record().line());
        assert!(Record::read(&line).is_some());
    }

    #[test]
    fn what_is_no_record_is_none() {
        for text in [
            "",
            " ",
            "data",
            "data at=yesterday",
            "data at=2026-01-02T03:04:05Z place=%zz",
            "data at=2026-01-02T03:04:05Z place=%4",
            "data at=2026-01-02T03:04:05Z x",
            "data at=2026-01-02T03:04:05Z machine=%ff",
            "perhaps at=2026-01-02T03:04:05Z",
            "data\nat=2026-01-02T03:04:05Z",
            "\0\0\0\0",
        ] {
            assert_eq!(Record::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_long_list_of_sources_is_cut() {
        let record = Record {
            sources: "x".repeat(5000),
            ..record()
        };
        assert!(record.line().len() <= LONGEST);
        assert!(Record::read(&record.line()).is_some());
    }
}
