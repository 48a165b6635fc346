//! Whether there was ever anything in a directory that a service was started on while it was empty.
//!
//! What `ignore` names is no data, wherever it lies. But the directory's own time tells only that something was put there
//! or taken away, not what: once it has changed, the service may have had data.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// When entries were last put into a directory or taken out of it; `None` if it cannot be told.
pub(super) fn last_change(path: &Path) -> Option<String> {
    let metadata = path.symlink_metadata().ok()?;
    Some(format!("{}.{}", metadata.mtime(), metadata.mtime_nsec()))
}

/// What is seen of the storage of a service that was started empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Whether it is the storage that the service was started on.
    pub(super) is_the_same: bool,
    /// Whether nothing lies there but what `ignore` names. The directory's time says nothing of what lies deeper.
    pub(super) is_empty: bool,
    /// When its entries last changed, as it was noted when the service was started.
    pub(super) then: &'a str,
    /// The same as it is now.
    pub(super) now: Option<&'a str>,
}

impl Seen<'_> {
    /// Why the service may have had data since, in words; `None` if it provably had none.
    pub(super) fn may_have_held_data(self) -> Option<&'static str> {
        let is_untouched = self.now == Some(self.then);
        match (self.is_the_same, self.is_empty, is_untouched) {
            (true, true, true) => None,
            (false, ..) => Some("what it was started on is gone"),
            (true, false, _) => Some("what came into the directories there cannot be told"),
            (true, true, false) => Some(
                "something was put into its directory or taken out of it since, and what that was cannot be told",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{create_dir, remove_dir, write};

    use super::*;

    #[test]
    fn only_the_same_untouched_directory_proves_that_there_was_nothing() {
        let untouched = Seen {
            is_the_same: true,
            is_empty: true,
            then: "1.2",
            now: Some("1.2"),
        };
        assert_eq!(untouched.may_have_held_data(), None);
        for seen in [
            Seen {
                is_the_same: false,
                ..untouched
            },
            Seen {
                is_empty: false,
                ..untouched
            },
            Seen {
                now: Some("1.3"),
                ..untouched
            },
            Seen {
                now: None,
                ..untouched
            },
            Seen {
                then: "",
                now: None,
                ..untouched
            },
        ] {
            assert!(seen.may_have_held_data().is_some(), "{seen:?}");
        }
    }

    #[test]
    fn what_is_ignored_may_change_within_but_not_come_or_go() {
        let place = tempfile::tempdir().unwrap();
        let logs = place.path().join("logs");
        create_dir(&logs).unwrap();
        let empty = last_change(place.path());
        write(logs.join("today"), "").unwrap();
        assert_eq!(last_change(place.path()), empty);
        create_dir(place.path().join("more")).unwrap();
        remove_dir(place.path().join("more")).unwrap();
        assert_ne!(last_change(place.path()), empty);
        assert_eq!(last_change(&place.path().join("missing")), None);
    }
}
