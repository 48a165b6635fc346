use std::fmt;

/// Why a text is not a valid value.
///
/// Prints as `what: what to do` on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, lower case, without a full stop.
    pub what: String,
    /// What the reader can do about it.
    pub help: String,
}

impl Invalid {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.help)
    }
}

impl std::error::Error for Invalid {}
