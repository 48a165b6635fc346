//! How restic failed, from its exit status and its words.
//!
//! Its exit status tells more from 0.17 on; before that it is 1 for everything, and its words have to do.

use serde::Deserialize;
use storage::{Error, ErrorKind, command};

use super::move_into_place::TARGET;
use super::named::Named;
use crate::failure::Failure;

/// A failure of restic with a repository.
#[derive(Debug)]
pub struct RepositoryFailure {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What went wrong, and what to do. Its own kind is that of a reader, who need not know of restic.
    pub error: Error,
    /// What restic named as it failed.
    pub(super) named: Box<Named>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The password is wrong.
    Password,
    /// Somebody holds a lock that excludes all others.
    Locked,
    /// No lock can be made, e.g. since the repository is read-only.
    NoLock,
    /// The network or the server fails: it may be better in a moment.
    Transient,
    /// There is no repository at its address.
    NoRepository,
    /// What the snapshot is made of is missing or damaged.
    Damaged,
    /// It has no such snapshot, or not any more.
    NoSnapshot,
    /// This restic knows no files with holes.
    NoSparse,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of error that a failure of this kind is for a reader; `told`: restic's words.
    pub(super) fn of_error(self, told: &str) -> ErrorKind {
        match self {
            Self::Password => ErrorKind::WrongPassword,
            Self::Locked => ErrorKind::Locked,
            Self::NoLock => ErrorKind::ReadOnly,
            Self::Transient => ErrorKind::Unreachable,
            Self::NoRepository => ErrorKind::NoRepository,
            Self::NoSnapshot => ErrorKind::Gone,
            Self::Damaged => match ErrorKind::in_words(told) {
                // What it could not write is not damaged.
                Some(kind) if kind.is_lack_of_space() => kind,
                _ => ErrorKind::Damaged,
            },
            Self::NoSparse | Self::Other => ErrorKind::in_words(told).unwrap_or(ErrorKind::Other),
        }
    }
}

impl RepositoryFailure {
    /// A failure of this kind that named nothing.
    pub(super) fn new(kind: Kind, error: Error) -> Self {
        let named = Box::default();
        Self { kind, error, named }
    }

    /// Whose fault it is where nothing of a snapshot was read: the repository's or the machine's.
    pub fn of_the_source(self) -> Failure {
        match self.kind {
            Kind::Locked => Failure::Unavailable(self.error),
            _ => Failure::Source(self.error),
        }
    }
}

impl From<Error> for RepositoryFailure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Gone => Kind::NoSnapshot,
            _ => Kind::Other,
        };
        Self::new(kind, error)
    }
}

/// What the network, a name server, or a server that is overloaded make programs say.
const TRANSIENT: [&str; 23] = [
    "connection refused",
    "connection reset",
    "connection timed out",
    "connection closed",
    "connection lost",
    "broken pipe",
    "no route to host",
    "network is unreachable",
    "network is down",
    "host is down",
    "no such host",
    "could not resolve host",
    "temporary failure in name resolution",
    "name or service not known",
    "server misbehaving",
    "i/o timeout",
    "tls handshake timeout",
    "client.timeout",
    "deadline exceeded",
    "unable to start the sftp session",
    "http response (5",
    "http response (429",
    "too many requests",
];

/// What is said of a part of a snapshot that is not there or not what was stored, whatever else the line says.
const DAMAGED: [&str; 7] = [
    "not found in repository",
    "ciphertext verification failed",
    // Of a part that is all zeros, as a power cut leaves files.
    "nonce is invalid",
    "invalid data returned",
    "does not match id",
    "file is too short",
    "wrong hash",
];

/// What is said of a file of the repository that is not there, if the line names one.
const MISSING: [&str; 5] = [
    "no such file or directory",
    "does not exist",
    "not found",
    "http response (404)",
    "unexpected eof",
];

/// The kind of failure that `told`, restic's words, and its exit status tell of.
pub fn kind(code: Option<i32>, told: &str, is_remote: bool) -> Kind {
    let told = told.to_lowercase();
    let says = |text: &str| told.contains(text);
    if code == Some(12) || says("wrong password") || says("no key found") {
        Kind::Password
    } else if code == Some(11) || says("already locked") {
        Kind::Locked
    } else if TRANSIENT.iter().any(|text| says(text))
        || (is_remote && (says("unexpected eof") || says(": eof")))
    {
        Kind::Transient
    } else if says("unable to create lock") || says("save(<lock/") {
        Kind::NoLock
    } else if code == Some(10)
        || says("unable to open config file")
        || says("is there a repository")
    {
        Kind::NoRepository
    } else if told.split(['\n', ';']).any(is_damage) {
        Kind::Damaged
    } else if says_no_snapshot(&told) {
        Kind::NoSnapshot
    } else if says("unknown flag: --sparse") {
        // restic before 0.15.
        Kind::NoSparse
    } else {
        Kind::Other
    }
}

/// Whether restic says that it has no such snapshot.
pub fn says_no_snapshot(told: &str) -> bool {
    let told = told.to_lowercase();
    ["no snapshot found", "no matching id"]
        .iter()
        .any(|words| told.contains(words))
}

/// Whether an error may come from a snapshot that was forgotten since it was listed, with or without its parts.
pub fn may_be_forgotten(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Gone | ErrorKind::Damaged)
}

fn is_damage(line: &str) -> bool {
    // The files of a repository are named by 64 hexadecimal digits. So may be what is restored.
    let names_a_part = line.contains("<data/")
        || !line.contains(TARGET)
            && line
                .split(|c: char| !c.is_ascii_hexdigit())
                .any(|word| word.len() == 64);
    let says = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
    says(&DAMAGED) || (names_a_part && says(&MISSING))
}

/// What restic said, in short.
pub fn words(told: &str) -> String {
    let told = command::one_line(plain(told).as_bytes());
    // After what it says of a repository that is not there, it asks for it, with the address.
    match told.split_once("; Is there a repository at the following location?") {
        Some((before, _)) => before.to_owned(),
        None => told,
    }
}

/// All that restic said, out of the JSON that some of its versions wrap it in: there, `<` and `>` are escaped.
pub fn plain(told: &str) -> String {
    let lines = told.split("; ").filter(|line| !is_place_in_source(line));
    lines.map(unwrapped).collect::<Vec<_>>().join("\n")
}

/// Whether a line only names a place in the source of restic: it adds these to what it did not expect.
fn is_place_in_source(line: &str) -> bool {
    let is_word = !line.contains(char::is_whitespace);
    is_word
        && (line.starts_with("main.")
            || line.starts_with("runtime.")
            || [".go:", ".s:"].iter().any(|source| line.contains(source)))
}

/// One line of restic without the JSON around it, and without the word that only says that it ends.
pub fn unwrapped(line: &str) -> String {
    #[derive(Deserialize)]
    struct Wrapped {
        #[serde(default)]
        message: String,
        error: Option<Inner>,
        #[serde(default)]
        item: String,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: String,
    }
    match serde_json::from_str::<Wrapped>(line) {
        Ok(Wrapped {
            error: Some(error),
            item,
            ..
        }) => format!("{item}: {}", error.message),
        // restic adds the places in its source.
        Ok(Wrapped { message, .. }) => message
            .strip_prefix("Fatal: ")
            .unwrap_or(&message)
            .lines()
            .take_while(|line| !line.starts_with("github.com/"))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(_) => line.strip_prefix("Fatal: ").unwrap_or(line).to_owned(),
    }
}

/// Whether restic says that it asks again, since no answer came.
pub fn is_asking_again(stderr: &[u8]) -> bool {
    const WORDS: &[u8] = b"retrying after ";
    stderr.windows(WORDS.len()).any(|words| words == WORDS)
}

/// Why restic kept retrying until the time was up: its last complaint.
pub fn complaint(stderr: &str) -> String {
    let last = stderr
        .rsplit("; ")
        .find_map(|line| line.split_once("retrying after ")?.1.split_once(": "));
    last.map_or_else(String::new, |(_, why)| format!(": {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::too_many_lines, reason = "tables of cases")]

    use super::*;

    const ID: &str = "1c04d9e400c160fc0fecb33d1cdc117d91b2c66fb4341c6856dbf7d3ba72e102";

    #[test]
    fn restics_own_words_tell_the_kind() {
        // As restic 0.14 and 0.18 say it.
        let missing = format!(
            "Load(<data/1c04d9e400>, 5000419, 0) returned error, retrying after 552.330144ms: open r/data/1c/{ID}: no such file or directory; \
             ignoring error for /srv/a: StreamPack: open r/data/1c/{ID}: no such file or directory; Fatal: There were 4 errors"
        );
        let no_index = format!(
            "ignoring error for /: id {ID} not found in repository; Fatal: There were 2 errors"
        );
        for (code, told, is_remote, expected) in [
            (
                1,
                "Fatal: wrong password or no key found",
                false,
                Kind::Password,
            ),
            (12, "", false, Kind::Password),
            (11, "", false, Kind::Locked),
            (
                1,
                "unable to create lock in backend: repository is already locked exclusively by PID 4564 on vm by root (UID 0, GID 0)",
                false,
                Kind::Locked,
            ),
            (
                1,
                "unable to create lock in backend: open rp/locks/65-tmp-4: operation not permitted",
                false,
                Kind::NoLock,
            ),
            (
                1,
                "unable to create lock in backend: Post: dial tcp 10.0.0.1:8000: connect: connection refused",
                true,
                Kind::Transient,
            ),
            (10, "", false, Kind::NoRepository),
            (
                1,
                "Fatal: unable to open config file: stat /x/config: no such file or directory; Is there a repository at the following location?",
                false,
                Kind::NoRepository,
            ),
            (
                1,
                "Fatal: unable to open config file: client.Head: Head \"http://127.0.0.1:9/config\": dial tcp 127.0.0.1:9: connect: connection refused; Is there a repository at the following location?",
                true,
                Kind::Transient,
            ),
            (
                1,
                "subprocess ssh: ssh: Could not resolve hostname nas.invalid: Name or service not known; Fatal: unable to open repository at sftp:nas.invalid:/x: unable to start the sftp session, error: EOF",
                true,
                Kind::Transient,
            ),
            (1, &missing, false, Kind::Damaged),
            (1, &no_index, false, Kind::Damaged),
            (
                1,
                "/srv/a: decrypting blob <data/b1b226d4> from 388765bd failed: ciphertext verification failed; Fatal: There were 1 errors",
                false,
                Kind::Damaged,
            ),
            (
                1,
                "/srv/a: ReadFull(<data/388765bd93>): file is too short",
                false,
                Kind::Damaged,
            ),
            (
                1,
                "Load(<data/1c04d9e400>, 5000419, 0) returned error, retrying after 552.330144ms: ReadFull: unexpected EOF",
                false,
                Kind::Damaged,
            ),
            // The network, not the snapshot.
            (
                1,
                "Load(<data/1c04d9e400>, 5000419, 0) returned error, retrying after 552.330144ms: ReadFull: unexpected EOF",
                true,
                Kind::Transient,
            ),
            (
                1,
                "ignoring error for /srv/a: StreamPack: Get \"http://nas/data/1c\": dial tcp: i/o timeout; Fatal: There were 1 errors",
                true,
                Kind::Transient,
            ),
            // The machine, not the snapshot.
            (
                1,
                "ignoring error for /srv/a: lchown /srv/a: operation not permitted",
                false,
                Kind::Other,
            ),
            (
                1,
                "ignoring error for /srv/a: UtimesNano: no such file or directory",
                false,
                Kind::Other,
            ),
        ] {
            assert_eq!(kind(Some(code), told, is_remote), expected, "{told}");
        }
    }

    #[test]
    fn a_part_that_is_named_in_json_is_damaged_as_well() {
        let told = r#"{"message_type":"exit_error","code":1,"message":"Fatal: ReadFull(\u003cdata/388765bd93\u003e): unexpected EOF"}"#;
        assert_eq!(kind(Some(1), &plain(told), false), Kind::Damaged);
        let told = r#"{"message_type":"exit_error","code":1,"message":"Fatal: unable to open: no file\nIs there a repository at the following location?\n/x"}"#;
        assert_eq!(kind(Some(1), &plain(told), false), Kind::NoRepository);
    }

    #[test]
    fn a_part_of_zeros_is_damaged() {
        let told = "ignoring error for /srv/a: nonce is invalid; Fatal: There were 1 errors";
        assert_eq!(kind(Some(1), told, false), Kind::Damaged);
    }

    #[test]
    fn the_last_complaint_tells_why_no_answer_came() {
        let stderr = "Stat(<config/>) returned error, retrying after 1.1s: dial tcp: refused; \
                      Stat(<config/>) returned error, retrying after 2.4s: Head \"http://nas/config\": no route; \
                      signal terminated received, cleaning up";
        assert_eq!(complaint(stderr), ": Head \"http://nas/config\": no route");
        assert_eq!(complaint("signal terminated received"), "");
    }

    #[test]
    fn a_message_wrapped_in_json_is_told_plainly() {
        let told =
            r#"{"message_type":"exit_error","code":10,"message":"Fatal: no repository\nat /x"}"#;
        assert_eq!(words(told), "no repository; at /x");
        let told = r#"{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: no such file\nIs there a repository at the following location?\n/x"}"#;
        assert_eq!(words(told), "repository does not exist: no such file");
        let told = r#"{"message_type":"error","error":{"message":"ReadFull(\u003cdata/38\u003e): too short"},"during":"restore","item":"/a"}"#;
        assert_eq!(words(told), "/a: ReadFull(<data/38>): too short");
        assert_eq!(words("Fatal: plain"), "plain");
        let told = "config file has zero size, invalid repository?; main.open; github.com/restic/restic/cmd/restic/global.go:760; \
                    runtime.main; runtime/asm_amd64.s:1594";
        assert_eq!(
            words(told),
            "config file has zero size, invalid repository?"
        );
    }
}
