//! What somebody has written to a directory since a moment.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::tree::{self, Next};
use crate::{Error, Result, shown};

/// How many paths are named.
const FEW: usize = 5;

/// How long is looked at most: what was seen until then is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many files, links and so on were made or changed.
    pub files: u64,
    /// The bytes that they hold.
    pub bytes: u64,
    /// In how many directories something was made, renamed or removed.
    pub directories: u64,
    /// The first few paths of files, for people.
    pub names: Vec<String>,
    /// Whether there may be more: it took too long, or not all could be looked at.
    pub in_part: bool,
}

impl Written {
    /// Whether nothing was, for certain.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.files == 0 && self.directories == 0 && !self.in_part
    }
}

/// What was made, changed or removed below `directory` (absolute) after `since`, by the time of change that nobody can set
/// (`st_ctime`). The directory itself does not count, nor do those that lead to what is mounted in it: `nested`, relative.
///
/// # Errors
/// When it cannot be looked into.
pub fn since(directory: &Path, nested: &[PathBuf], since: Timestamp) -> Result<Written> {
    let began = Instant::now();
    let since = since.as_nanosecond();
    let mut written = Written::default();
    let walked = tree::walk(directory, |entry| {
        if began.elapsed() > PATIENCE {
            return ControlFlow::Break(());
        }
        let stat = &entry.stat;
        let changed = i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec);
        if changed > since {
            if entry.is_directory() {
                let path = entry.path();
                let leads = nested.iter().any(|place| place.starts_with(&path));
                written.directories += u64::from(!leads);
            } else {
                written.files += 1;
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                written.bytes = written.bytes.saturating_add(bytes);
                if written.names.len() < FEW {
                    written.names.push(shown(&entry.path()));
                }
            }
        }
        ControlFlow::Continue(Next::Enter)
    });
    if let Err(error) = &walked
        && !directory.is_dir()
    {
        return Err(Error::new(
            shown(directory),
            format!("cannot be looked into: {error}"),
            "see why with `ls -la`, and that its file system is sound",
        ));
    }
    // Else it took too long, or somebody moves directories meanwhile.
    written.in_part = !matches!(walked, Ok(None));
    Ok(written)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_made_changed_or_removed_later_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("a/b")).unwrap();
        for file in ["before", "changed", "a/b/removed"] {
            std::fs::write(at(file), "12345").unwrap();
        }
        std::thread::sleep(Duration::from_millis(30));
        let then = Timestamp::now();
        // Files have the time of the kernel's last tick.
        let probe = tempfile::NamedTempFile::new().unwrap();
        while probe.as_file().metadata().unwrap().modified().unwrap() <= then.into() {
            std::thread::sleep(Duration::from_millis(1));
            std::fs::write(probe.path(), "x").unwrap();
        }
        assert!(since(directory.path(), &[], then).unwrap().is_nothing());
        std::fs::write(at("changed"), "123").unwrap();
        std::fs::write(at("new\nline"), "12").unwrap();
        std::fs::remove_file(at("a/b/removed")).unwrap();
        let mut written = since(directory.path(), &[], then).unwrap();
        written.names.sort();
        let names = vec!["changed".to_owned(), "new\\nline".to_owned()];
        let wanted = Written {
            files: 2,
            bytes: 5,
            directories: 1,
            names,
            in_part: false,
        };
        assert_eq!(written, wanted);
        since(&at("before"), &[], then).unwrap_err();
    }
}
