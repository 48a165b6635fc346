//! One thing that is wrong with a declaration, and where.

use std::fmt;
use std::path::PathBuf;

use crate::quote::push_visible;

/// One thing that is wrong, where, and what to do about it.
///
/// Prints as `file:line:column: what: what to do` on one line; control characters are escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or directory (absolute, without `PRESEED_ROOT`).
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, lower case, without a full stop.
    pub what: String,
    /// What the reader can do about it.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!(
            "{}:{}:{}: {}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.what,
            self.help
        );
        let mut shown = String::with_capacity(line.len());
        for character in line.chars() {
            push_visible(&mut shown, character);
        }
        f.write_str(&shown)
    }
}

impl std::error::Error for Problem {}
