//! An error that says where, what, and what to do.

mod kind;

use std::fmt;

use declaration::{REPORT, visible};

pub use kind::{Cause, ErrorKind};

/// A result whose error says where, what, and what to do.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a storage, on one line: `subject: what: help`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    subject: String,
    what: String,
    help: String,
    kind: ErrorKind,
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
            kind: ErrorKind::Other,
            blames_snapshot: false,
            heals: false,
        }
    }

    /// An error that only preseed itself can be at fault for, or a version of a program that it does not know.
    pub fn internal(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(subject, what, REPORT).of_kind(ErrorKind::Internal)
    }

    /// The same error as one of this kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same error as one that the kernel's answer `cause` led to.
    #[must_use]
    pub fn caused_by(self, cause: &impl Cause) -> Self {
        self.of_kind(cause.kind())
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
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

    /// The same error, which also tells of another one that came after it.
    #[must_use]
    pub fn followed_by(mut self, other: &Self) -> Self {
        if self.is_same_fault(other) {
            return self;
        }
        self.what = format!("{}; and {}", self.what, other.fault());
        if self.help != other.help {
            self.help = format!("{}; {}", self.help, other.help);
        }
        self
    }

    /// Whether it is the same fault as another, whatever is advised.
    #[must_use]
    pub fn is_same_fault(&self, other: &Self) -> bool {
        self.subject == other.subject && self.what == other.what
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
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

/// What both gave; of two failures, the first one tells of the other one.
///
/// # Errors
/// When one has failed.
pub fn both<T>(first: Result<T>, second: Result<()>) -> Result<T> {
    match (first, second) {
        (Err(first), Err(second)) => Err(first.followed_by(&second)),
        (first, second) => second.and(first),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_two_failures_none_is_hidden() {
        let failed = |subject: &str, help: &str| Err(Error::new(subject, "it failed", help));
        let of = |first: Result<u8>, second| both(first, second).unwrap_err().to_string();
        assert_eq!(
            of(failed("a", "mend it").map(|()| 1), failed("b", "wait")),
            "a: it failed; and b: it failed: mend it; wait"
        );
        assert_eq!(
            of(failed("a", "wait").map(|()| 1), failed("b", "wait")),
            "a: it failed; and b: it failed: wait"
        );
        assert_eq!(of(Ok(1), failed("b", "wait")), "b: it failed: wait");
        assert_eq!(both(Ok(1), Ok(())).unwrap(), 1);
    }
}
