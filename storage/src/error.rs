//! An error that says where, what, and what to do.

use std::fmt;

use declaration::visible;

/// A result whose error says where, what, and what to do.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a storage, on one line: `subject: what: help`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    subject: String,
    what: String,
    help: String,
    blames_snapshot: bool,
    heals: bool,
}

impl Error {
    /// `subject` is the dataset, path or command it is about; `what` went wrong;
    /// `help` is what the reader can do about it.
    pub fn new(
        subject: impl Into<String>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        // Much of it is what others said: a program, a server, a name.
        Self {
            subject: visible(&subject.into()),
            what: visible(&what.into()),
            help: visible(&help.into()),
            blames_snapshot: false,
            heals: false,
        }
    }

    /// The same error as one of the snapshot that was read, where it is damaged or gone: an older one may be whole.
    #[must_use]
    pub fn blaming_the_snapshot(mut self) -> Self {
        self.blames_snapshot = true;
        self
    }

    /// Whether it is the fault of the snapshot that was read, and of nothing else.
    #[must_use]
    pub fn blames_snapshot(&self) -> bool {
        self.blames_snapshot
    }

    /// The same error as one that may be over in a while without anybody doing something: a mount, a network, a lock.
    #[must_use]
    pub fn that_heals(self) -> Self {
        Self {
            heals: true,
            ..self
        }
    }

    /// Whether it may be over in a while by itself.
    #[must_use]
    pub fn heals(&self) -> bool {
        self.heals
    }

    /// The same error with other advice, where the caller knows better.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = visible(&help.into());
        self
    }

    /// The same error as part of a larger attempt.
    #[must_use]
    pub fn while_doing(mut self, attempt: &str) -> Self {
        self.what = format!("{}: {}", visible(attempt), self.what);
        self
    }

    /// Whether it came from a lack of space: another snapshot would not fit either.
    #[must_use]
    pub fn is_lack_of_space(&self) -> bool {
        let what = self.what.to_lowercase();
        ["out of space", "no space left", "quota exceeded", "quota"]
            .iter()
            .any(|words| what.contains(words))
    }

    /// What went wrong, without the subject and what to do.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What the reader can do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Subject and what went wrong, without what to do.
    #[must_use]
    pub fn fault(&self) -> String {
        format!("{}: {}", self.subject, self.what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.subject, self.what, self.help)
    }
}

impl std::error::Error for Error {}
