//! Names and words that a validated declaration holds as plain text.

use std::str::FromStr;

use super::invalid::Invalid;
use super::pattern::separated;
use super::types::ServiceName;
use super::written::Value;
use crate::quote::quoted;

/// The name of a file in the catalog, without `.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateName(pub(crate) String);

impl FromStr for TemplateName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse::<ServiceName>() {
            Ok(ServiceName(name)) => Ok(Self(name)),
            Err(_) => Err(Invalid::new(
                format!("template name {} is not valid", quoted(text)),
                "write the name of a file in the catalog, without its directory and without `.toml`",
            )),
        }
    }
}

impl Value for TemplateName {
    const EXAMPLE: &'static str = "\"sonarr\"";
}

/// The name of a repository or a replica: also a valid credential name (systemd.exec(5)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SharedName(pub(crate) String);

impl FromStr for SharedName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // An address is not shown: it may hold a password.
        if text.contains(':') || text.starts_with('/') {
            return Err(Invalid::new(
                "this is the address of a repository instead of its name",
                "in preseed.toml, write it as the `url` of a [repository.NAME], with a `password-file`; write that NAME here",
            ));
        }
        if text.contains('/') {
            return Err(Invalid::new(
                format!("{} is a dataset instead of a replica's name", quoted(text)),
                "in preseed.toml, write the dataset it is in as the `parent` of a [replica.NAME]; write that NAME here",
            ));
        }
        Self::of_table(text)
    }
}

impl SharedName {
    /// The name in the header of a table, where no address can be meant.
    pub(crate) fn of_table(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty()
            || text.len() > 128
            || text.starts_with('.')
            || !text.chars().all(allowed)
        {
            return Err(Invalid::new(
                format!("name {} is not valid", quoted(text)),
                "use at most 128 ASCII letters, digits, `-`, `_` and `.`, and no `.` first",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for SharedName {
    const EXAMPLE: &'static str = "\"nas-1\"";
}

/// A word of a command, as execve(2) takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandWord(pub(crate) String);

impl FromStr for CommandWord {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new(
                format!("word {} holds a NUL", quoted(text)),
                "remove it: no program can be given one",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for CommandWord {
    const EXAMPLE: &'static str = "\"/usr/lib/sonarr/check\"";
}

/// A host as ssh(1) takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshHost(pub(crate) String);

impl FromStr for SshHost {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '[' | ']')
        };
        // A leading `-` would be an option of ssh.
        if text.is_empty()
            || text.len() > 255
            || text.starts_with('-')
            || !text.chars().all(allowed)
        {
            return Err(Invalid::new(
                format!("host {} is not valid", quoted(text)),
                "write a name as ssh takes it, e.g. nas-1 or backup@nas-1; leave it out for a pool of this machine",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for SshHost {
    const EXAMPLE: &'static str = "\"nas-1\"";
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $noun:literal, $example:literal, $refused:expr, $help:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let refused: fn(char) -> bool = $refused;
                if text.is_empty() || text.chars().any(refused) {
                    return Err(Invalid::new(format!("{} {} is not valid", $noun, quoted(text)), $help));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl Value for $name {
            const EXAMPLE: &'static str = $example;
        }
    };
}

word!(
    /// The host that restic snapshots carry.
    HostName, "host", "\"forge\"",
    |c| c.is_control() || c.is_whitespace(),
    "write the host name that `restic snapshots` shows"
);
word!(
    /// A tag of a restic snapshot: restic splits a list of tags at commas.
    Tag, "tag", "\"media\"",
    |c| c.is_control() || c == ',',
    "write each tag as a string of its own, without commas"
);
/// A pattern that restic leaves out: restic reads one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) String);

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Invalid::new(
                format!("pattern {} is not valid", quoted(text)),
                "write each pattern as a string of its own, on one line",
            ));
        }
        if let Some(suffix) = separated(text) {
            return Err(Invalid::new(
                format!(
                    "pattern {} leaves out a database's `{suffix}` but not the database",
                    quoted(text)
                ),
                "that file is part of the data, and a backup without it is damaged or lacks the newest of it: write \
                 the names that are meant; `*-shm` may be left out",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for Pattern {
    const EXAMPLE: &'static str = "\"*.tmp\"";
}

/// The name of an entry in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryName(pub(crate) String);

impl FromStr for EntryName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = |c: char| c == '/' || c.is_control();
        if text.is_empty()
            || text.len() > 255
            || text == "."
            || text == ".."
            || text.chars().any(refused)
        {
            return Err(Invalid::new(
                format!("entry {} is not a name", quoted(text)),
                "name an entry directly below the mountpoint, without `/`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for EntryName {
    const EXAMPLE: &'static str = "\"lost+found\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn names() {
        takes::<SharedName>(&["nas-1", "a.b_c", "X"]);
        refuses::<SharedName>(&[
            (
                "a b",
                "name `a b` is not valid: use at most 128 ASCII letters, digits, `-`, `_` and `.`, and no `.` first",
            ),
            (
                ".a",
                "name `.a` is not valid: use at most 128 ASCII letters, digits, `-`, `_` and `.`, and no `.` first",
            ),
        ]);
        refuses::<TemplateName>(&[(
            "../x",
            "template name `../x` is not valid: write the name of a file in the catalog, without its directory and without `.toml`",
        )]);
        takes::<SshHost>(&["nas-1", "backup@nas-1.example.org", "[fe80::1]", "10.0.0.1"]);
        refuses::<SshHost>(&[(
            "-oProxyCommand=x",
            "host `-oProxyCommand=x` is not valid: write a name as ssh takes it, e.g. nas-1 or backup@nas-1; leave it out for a pool of this machine",
        )]);
        refuses::<HostName>(&[(
            "a b",
            "host `a b` is not valid: write the host name that `restic snapshots` shows",
        )]);
        takes::<Tag>(&["media", "a b", "f\u{fc}r"]);
        refuses::<Tag>(&[
            (
                "a,b",
                "tag `a,b` is not valid: write each tag as a string of its own, without commas",
            ),
            (
                "",
                "tag `` is not valid: write each tag as a string of its own, without commas",
            ),
        ]);
        takes::<EntryName>(&["lost+found", ".zfs", "a b"]);
        refuses::<EntryName>(&[
            (
                "a/b",
                "entry `a/b` is not a name: name an entry directly below the mountpoint, without `/`",
            ),
            (
                "..",
                "entry `..` is not a name: name an entry directly below the mountpoint, without `/`",
            ),
        ]);
    }

    #[test]
    fn patterns() {
        takes::<Pattern>(&["*.tmp", "logs/*.txt", "!x", "a,b", "/logs"]);
        refuses::<Pattern>(&[
            (
                "a\nb",
                r"pattern `a\nb` is not valid: write each pattern as a string of its own, on one line",
            ),
            (
                "*-wal",
                "pattern `*-wal` leaves out a database's `-wal` but not the database: that file is part of the data, \
                 and a backup without it is damaged or lacks the newest of it: write the names that are meant; `*-shm` \
                 may be left out",
            ),
        ]);
    }
}
