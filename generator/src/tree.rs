//! What files and links are written to.

use std::fmt;

/// A place for files and links, by paths of one or two components below it.
pub trait Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// If there is an entry of that path already, or it cannot be written.
    fn file(&mut self, path: &str, content: &str) -> Result<(), EntryError>;

    /// Adds a symbolic link to `target`.
    ///
    /// # Errors
    /// If there is an entry of that path already, or it cannot be written.
    fn link(&mut self, path: &str, target: &str) -> Result<(), EntryError>;
}

/// A file or link that was not written. Prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    /// Its path below the tree.
    pub path: String,
    /// What went wrong, and what the reader can do.
    pub what: String,
}

impl EntryError {
    /// An entry whose path is taken.
    #[must_use]
    pub fn duplicate(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            what:
                "duplicate entry: rename one of the two declarations, or empty the output directory"
                    .to_owned(),
        }
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl std::error::Error for EntryError {}
