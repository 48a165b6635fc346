//! What kind of error it is: decided once, where the words or the number are read that a program or the kernel gives.

use std::fmt;

use nix::errno::Errno;

macro_rules! kinds {
    ($($(#[$about:meta])* $name:ident = $code:literal,)+) => {
        /// The kind of an error. Each has a code, for good: the journal's `PRESEED_ERROR`. `docs/errors.md` lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorKind {
            $($(#[$about])* $name,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

kinds! {
    /// A pool or file system has no room left.
    NoSpace = "no-space",
    /// A quota is used up.
    Quota = "quota",
    /// An encrypted dataset's key is not loaded.
    KeyNotLoaded = "key-not-loaded",
    /// A pool is not imported.
    NotImported = "not-imported",
    /// A pool is suspended: its disks do not answer.
    Suspended = "suspended",
    /// Somebody uses what would be changed.
    Busy = "busy",
    /// A server, a network or a disk that belongs to a source does not answer.
    Unreachable = "unreachable",
    /// Somebody holds a lock.
    Locked = "locked",
    /// A repository does not accept the password.
    WrongPassword = "wrong-password",
    /// There is no repository at its address, or no parent of a replica.
    NoRepository = "no-repository",
    /// What is stored is damaged: an older snapshot may be whole.
    Damaged = "damaged",
    /// Something could not be read, and nothing says yet that it is damaged.
    Unreadable = "unreadable",
    /// What would be written to is read-only.
    ReadOnly = "read-only",
    /// The kernel or a server forbids it.
    Permission = "permission",
    /// Something did not end, or move on, in its time.
    Timeout = "timeout",
    /// A program was killed.
    Killed = "killed",
    /// A program or a kernel module that is needed is not there.
    NotInstalled = "not-installed",
    /// A dataset, snapshot or file that was there, or must be, is not.
    Gone = "gone",
    /// Something else is where the data belongs, or would be moved, hidden or lost with it.
    InTheWay = "in-the-way",
    /// The dataset is not mounted where the service looks.
    NotMounted = "not-mounted",
    /// Others than root could have put it there, or could change it.
    NotTrusted = "not-trusted",
    /// The user that a service is declared to run as is another one here.
    UserDiffers = "user-differs",
    /// ZFS does not take the value of a property.
    PropertyRefused = "property-refused",
    /// A declared check says that the data is not sound, or cannot be run.
    CheckFailed = "check-failed",
    /// What was found may be the service's data, and does not look as declared.
    InDoubt = "in-doubt",
    /// Only a part of what is expected is there.
    PartlyThere = "partly-there",
    /// The declaration cannot be used.
    Declaration = "declaration",
    /// preseed itself is at fault: it met what it cannot explain.
    Internal = "internal",
    /// Anything else: the message has the words.
    Other = "other",
}

impl ErrorKind {
    /// Whether it is a lack of room: another snapshot would not fit either.
    #[must_use]
    pub fn is_lack_of_space(self) -> bool {
        matches!(self, Self::NoSpace | Self::Quota)
    }

    /// The kind that the words of the C library (strerror(3)) in what a program said tell of.
    #[must_use]
    pub fn in_words(said: &str) -> Option<Self> {
        const WORDS: [(&str, ErrorKind); 11] = [
            ("no space left on device", ErrorKind::NoSpace),
            ("out of space", ErrorKind::NoSpace),
            ("quota exceeded", ErrorKind::Quota),
            ("read-only file system", ErrorKind::ReadOnly),
            ("permission denied", ErrorKind::Permission),
            ("operation not permitted", ErrorKind::Permission),
            ("resource busy", ErrorKind::Busy),
            ("text file busy", ErrorKind::Busy),
            ("input/output error", ErrorKind::Unreadable),
            ("structure needs cleaning", ErrorKind::Damaged),
            ("timed out", ErrorKind::Timeout),
        ];
        let said = said.to_lowercase();
        let mut known = WORDS.iter().filter(|(words, _)| said.contains(words));
        known.next().map(|(_, kind)| *kind)
    }

    /// The kind that an error number of the kernel is (errno(3)).
    #[must_use]
    pub fn of_number(number: Errno) -> Self {
        match number {
            Errno::ENOSPC => Self::NoSpace,
            Errno::EDQUOT => Self::Quota,
            Errno::EROFS => Self::ReadOnly,
            Errno::EACCES | Errno::EPERM => Self::Permission,
            Errno::EBUSY | Errno::ETXTBSY | Errno::EWOULDBLOCK => Self::Busy,
            Errno::EIO => Self::Unreadable,
            Errno::EUCLEAN => Self::Damaged,
            Errno::ETIMEDOUT => Self::Timeout,
            Errno::ENOENT => Self::Gone,
            Errno::ECONNREFUSED
            | Errno::ECONNRESET
            | Errno::EHOSTUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENETUNREACH
            | Errno::ENETDOWN
            | Errno::ESTALE => Self::Unreachable,
            // A link, or a file system of its own, where `openat2` allows none.
            Errno::ELOOP | Errno::EXDEV => Self::NotTrusted,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What the kernel answered, in whatever type it came.
pub trait Cause {
    /// The kind of error that it is.
    fn kind(&self) -> ErrorKind;
}

impl Cause for std::io::Error {
    fn kind(&self) -> ErrorKind {
        let number = self.raw_os_error();
        number.map_or(ErrorKind::Other, |number| {
            ErrorKind::of_number(Errno::from_raw(number))
        })
    }
}

impl Cause for Errno {
    fn kind(&self) -> ErrorKind {
        ErrorKind::of_number(*self)
    }
}

impl Cause for rustix::io::Errno {
    fn kind(&self) -> ErrorKind {
        ErrorKind::of_number(Errno::from_raw(self.raw_os_error()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_is_one_word_and_belongs_to_one_kind() {
        let codes: BTreeSet<&str> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        for code in codes {
            assert!(
                code.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{code}"
            );
        }
    }

    #[test]
    fn the_page_of_errors_has_a_row_for_each_kind_and_no_other() {
        let page = include_str!("../../../docs/errors.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let codes: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        let expected: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn words_and_numbers_of_the_kernel_tell_the_same_kind() {
        for number in [
            Errno::ENOSPC,
            Errno::EDQUOT,
            Errno::EROFS,
            Errno::EACCES,
            Errno::EPERM,
            Errno::EBUSY,
            Errno::EIO,
            Errno::EUCLEAN,
            Errno::ETIMEDOUT,
        ] {
            let error = std::io::Error::from(number);
            let said = format!("cp: error writing 'a': {error}");
            assert_eq!(
                ErrorKind::in_words(&said),
                Some(Cause::kind(&error)),
                "{said}"
            );
        }
        assert_eq!(ErrorKind::in_words("no such thing"), None);
    }
}
