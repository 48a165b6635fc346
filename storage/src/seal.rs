//! What a complete copy was sealed over: whether it may still be put in place is decided by it, should the run that
//! made it not have done so.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

use crate::{Error, Result, shown};

/// The ZFS user property, and the name within `trusted.` of the extended attribute.
pub(crate) const PROPERTY: &str = "preseed:sealed";

/// What was noted when a copy was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The identity of the storage that it is to replace; `None` if there was none.
    pub over: Option<String>,
    /// When the directory of that was last changed: `SECONDS.NANOSECONDS`.
    pub changed: Option<String>,
    /// When the snapshot was taken that it was restored from.
    pub taken: Timestamp,
}

/// What has become of the storage since a copy was sealed that is to replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// It is the same one, or still missing, and nothing was made or removed in its directory since.
    Untouched,
    /// It is the same one, and somebody has changed its directory.
    Changed,
    /// It is another one, or it is not known what there was.
    Other,
}

impl Seal {
    /// Of a copy of a snapshot that was taken then, over the storage with this identity and directory, if there is one.
    ///
    /// # Errors
    /// When the directory cannot be looked at.
    pub(crate) fn new(over: Option<(String, &Path)>, taken: Timestamp) -> Result<Self> {
        Ok(match over {
            None => Self {
                over: None,
                changed: None,
                taken,
            },
            Some((identity, directory)) => Self {
                over: Some(identity),
                changed: Some(change_of(directory)?),
                taken,
            },
        })
    }

    /// Reads what was stored; `None` if it cannot be read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut word = |key: &str| {
            let value = words.next()?.strip_prefix(key)?;
            Some((value != "-").then(|| value.to_owned()))
        };
        Some(Self {
            over: word("over=")?,
            changed: word("changed=")?,
            taken: word("taken=")??.parse().ok()?,
        })
    }

    /// What has become of the storage, which now has this identity and directory; `None` if it is missing.
    ///
    /// # Errors
    /// When the directory cannot be looked at.
    pub(crate) fn since(&self, now: Option<(String, &Path)>) -> Result<Since> {
        Ok(match (&self.over, now) {
            (None, None) => Since::Untouched,
            (Some(over), Some((identity, directory))) if *over == identity => {
                if self.changed == Some(change_of(directory)?) {
                    Since::Untouched
                } else {
                    Since::Changed
                }
            }
            _ => Since::Other,
        })
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (over, changed) = (or_none(&self.over), or_none(&self.changed));
        write!(f, "over={over} changed={changed} taken={}", self.taken)
    }
}

/// When entries of a directory were last made or removed, or its owner or mode changed.
fn change_of(directory: &Path) -> Result<String> {
    let metadata = directory.symlink_metadata().map_err(|error| {
        Error::new(
            shown(directory),
            format!("cannot be looked at: {error}"),
            "see why with `ls -la`, and that its file system is sound",
        )
        .caused_by(&error)
    })?;
    Ok(format!("{}.{:09}", metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_seal_reads_back_as_it_was_written() {
        let taken = "2026-11-23T07:21:00Z".parse().unwrap();
        let directory = std::env::temp_dir();
        for seal in [
            Seal::new(None, taken).unwrap(),
            Seal::new(Some(("guid:1".into(), &directory)), taken).unwrap(),
        ] {
            assert_eq!(Seal::parse(&seal.to_string()), Some(seal));
        }
        for unreadable in ["", "-", "over=- changed=- taken=-", "over=x"] {
            assert_eq!(Seal::parse(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn another_storage_or_a_changed_one_is_told() {
        let taken = "2026-11-23T07:21:00Z".parse().unwrap();
        let directory = std::env::temp_dir().join(format!("preseed-seal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let is = |identity: &str| Some((identity.to_owned(), directory.as_path()));
        let over = Seal::new(is("guid:1"), taken).unwrap();
        let missing = Seal::new(None, taken).unwrap();
        assert_eq!(over.since(is("guid:1")), Ok(Since::Untouched));
        assert_eq!(over.since(is("guid:2")), Ok(Since::Other));
        assert_eq!(over.since(None), Ok(Since::Other));
        assert_eq!(missing.since(None), Ok(Since::Untouched));
        assert_eq!(missing.since(is("guid:1")), Ok(Since::Other));
        let before = change_of(&directory).unwrap();
        while change_of(&directory).unwrap() == before {
            let file = directory.join("x");
            std::fs::write(&file, "").unwrap();
            std::fs::remove_file(&file).unwrap();
        }
        assert_eq!(over.since(is("guid:1")), Ok(Since::Changed));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
