//! What lies in a directory, as far as it tells whether a service's data is there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use declaration::settings::Service;

use crate::{Error, Result, shown};

/// What lies directly in a directory, and which of the expected paths are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Entries that count, at most [`Contents::LISTED`] of them, sorted.
    pub entries: Vec<String>,
    /// How many entries count.
    pub count: usize,
    /// Whether there are entries that do not count by declaration (`ignore`).
    pub ignored: bool,
    /// The declared `expect`ed paths that are there.
    pub found: Vec<PathBuf>,
    /// The declared `expect`ed paths that are not there.
    pub missing: Vec<PathBuf>,
}

/// Entries of a file system's own, which never count.
const OF_THE_FILE_SYSTEM: [&str; 2] = [".zfs", "lost+found"];

impl Contents {
    /// How many entries are named at most.
    pub const LISTED: usize = 5;

    /// Looks into `directory` (absolute): only its own entries and the expected paths are looked at.
    ///
    /// # Errors
    /// When it cannot be read. A path that cannot be looked at is not "not there".
    pub fn of(directory: &Path, service: &Service) -> Result<Self> {
        let unreadable = |path: &Path, error: &std::io::Error| {
            Error::new(
                shown(path),
                format!("cannot be looked at: {error}"),
                "see why with `ls -la`, and that its file system is sound",
            )
        };
        let mut contents = Self::default();
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(|e| unreadable(directory, &e))? {
            let name = entry.map_err(|e| unreadable(directory, &e))?.file_name();
            if OF_THE_FILE_SYSTEM.iter().any(|own| name == *own) {
                continue;
            }
            if service
                .ignore
                .iter()
                .any(|ignored| name == ignored.as_str())
            {
                contents.ignored = true;
                continue;
            }
            entries.push(name.to_string_lossy().escape_debug().to_string());
        }
        entries.sort_unstable();
        contents.count = entries.len();
        entries.truncate(Self::LISTED);
        contents.entries = entries;
        for path in &service.expect {
            match directory.join(path).symlink_metadata() {
                Ok(_) => contents.found.push(path.clone()),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    contents.missing.push(path.clone());
                }
                Err(e) => return Err(unreadable(&directory.join(path), &e)),
            }
        }
        Ok(contents)
    }

    /// Whether nothing lies there that counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether this is the service's data: all that is expected or, where nothing is, anything.
    #[must_use]
    pub fn holds_the_data(&self) -> bool {
        !self.is_empty() && self.missing.is_empty()
    }

    /// Why this is not the service's data, in words; `None` if it is.
    #[must_use]
    pub fn lacks(&self) -> Option<String> {
        if self.is_empty() {
            Some("it is empty".to_owned())
        } else if self.missing.is_empty() {
            None
        } else {
            Some(format!("it lacks {}", listed(&self.missing)))
        }
    }
}

/// Paths as they are listed in a message.
#[must_use]
pub fn listed(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| shown(path))
        .collect::<Vec<_>>()
        .join(", ")
}
