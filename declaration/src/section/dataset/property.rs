//! ZFS properties that a declaration sets: which there are, who owns them, and what values they take.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::super::key::Readable;
use crate::document::Document;
use crate::given::{At, Given};
use crate::quote::{nearest, quoted};
use crate::table::{Keys, Table};
use crate::value::{Compression, Invalid, Recordsize, Value};

/// The properties of a dataset, by name.
pub(crate) type Properties = BTreeMap<String, At<Setting>>;

/// The value of a property, as `zfs set` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting(pub(crate) String);

/// What values a property takes.
enum Kind {
    /// One of these.
    Words(&'static [&'static str]),
    /// A size, or `none`.
    Size,
    /// A number, or `none`.
    Count,
    /// A `compression`.
    Compression,
    /// A `recordsize`.
    Recordsize,
    /// Whatever ZFS takes.
    Text,
}

const SWITCH: Kind = Kind::Words(&["on", "off"]);
const CACHE: Kind = Kind::Words(&["all", "none", "metadata"]);

/// The properties of a file system that can be set, as OpenZFS 2.1 to 2.3 knows them on Linux (zfsprops(7)).
static SETTABLE: &[(&str, Kind)] = &[
    (
        "aclinherit",
        Kind::Words(&[
            "discard",
            "noallow",
            "restricted",
            "passthrough",
            "passthrough-x",
        ]),
    ),
    (
        "aclmode",
        Kind::Words(&["discard", "groupmask", "passthrough", "restricted"]),
    ),
    (
        "acltype",
        Kind::Words(&["off", "nfsv4", "posix", "noacl", "posixacl"]),
    ),
    ("atime", SWITCH),
    (
        "casesensitivity",
        Kind::Words(&["sensitive", "insensitive", "mixed"]),
    ),
    (
        "checksum",
        Kind::Words(&[
            "on",
            "off",
            "fletcher2",
            "fletcher4",
            "sha256",
            "noparity",
            "sha512",
            "skein",
            "edonr",
            "blake3",
        ]),
    ),
    ("compression", Kind::Compression),
    ("context", Kind::Text),
    ("copies", Kind::Words(&["1", "2", "3"])),
    (
        "dedup",
        Kind::Words(&[
            "on",
            "off",
            "verify",
            "sha256",
            "sha256,verify",
            "sha512",
            "sha512,verify",
            "skein",
            "skein,verify",
            "edonr,verify",
            "blake3",
            "blake3,verify",
        ]),
    ),
    ("defcontext", Kind::Text),
    ("devices", SWITCH),
    ("direct", Kind::Words(&["disabled", "standard", "always"])),
    (
        "dnodesize",
        Kind::Words(&["legacy", "auto", "1k", "2k", "4k", "8k", "16k"]),
    ),
    ("exec", SWITCH),
    ("filesystem_limit", Kind::Count),
    ("fscontext", Kind::Text),
    ("logbias", Kind::Words(&["latency", "throughput"])),
    ("longname", SWITCH),
    ("nbmand", SWITCH),
    (
        "normalization",
        Kind::Words(&["none", "formC", "formD", "formKC", "formKD"]),
    ),
    ("prefetch", Kind::Words(&["all", "none", "metadata"])),
    ("primarycache", CACHE),
    ("quota", Kind::Size),
    ("readonly", SWITCH),
    ("recordsize", Kind::Recordsize),
    (
        "redundant_metadata",
        Kind::Words(&["all", "most", "some", "none"]),
    ),
    ("refquota", Kind::Size),
    ("refreservation", Kind::Size),
    ("relatime", SWITCH),
    ("reservation", Kind::Size),
    ("rootcontext", Kind::Text),
    ("secondarycache", CACHE),
    ("setuid", SWITCH),
    ("sharenfs", Kind::Text),
    ("sharesmb", Kind::Text),
    ("snapdir", Kind::Words(&["hidden", "visible"])),
    ("snapshot_limit", Kind::Count),
    ("special_small_blocks", Kind::Text),
    ("sync", Kind::Words(&["standard", "always", "disabled"])),
    ("utf8only", SWITCH),
    ("vscan", SWITCH),
    ("xattr", Kind::Words(&["on", "off", "dir", "sa"])),
];

/// The properties that preseed sets itself, and why nobody else does.
const OWNED: [(&str, &str); 9] = [
    (
        "canmount",
        "a restore decides by it what is mounted and what is not",
    ),
    (
        "mountpoint",
        "only a service's dataset is mounted by preseed, at its `mountpoint`",
    ),
    ("overlay", "it is off, so that no mount hides files"),
    (
        "zoned",
        "a dataset of another namespace cannot be mounted here",
    ),
    (
        "version",
        "a new dataset has the newest, and a restored one that of its snapshot",
    ),
    (
        "encryption",
        "preseed makes no encrypted datasets yet: encrypt the dataset above, whose key is inherited",
    ),
    (
        "keyformat",
        "preseed makes no encrypted datasets yet: encrypt the dataset above, whose key is inherited",
    ),
    (
        "keylocation",
        "preseed makes no encrypted datasets yet: encrypt the dataset above, whose key is inherited",
    ),
    (
        "pbkdf2iters",
        "preseed makes no encrypted datasets yet: encrypt the dataset above, whose key is inherited",
    ),
];

/// The properties that tell something, and cannot be set.
const READ_ONLY: [&str; 33] = [
    "available",
    "clones",
    "compressratio",
    "createtxg",
    "creation",
    "defer_destroy",
    "encryptionroot",
    "filesystem_count",
    "guid",
    "keystatus",
    "logicalreferenced",
    "logicalused",
    "mounted",
    "name",
    "objsetid",
    "origin",
    "receive_resume_token",
    "redact_snaps",
    "refcompressratio",
    "referenced",
    "snapshot_count",
    "snapshots_changed",
    "type",
    "used",
    "usedbychildren",
    "usedbydataset",
    "usedbyrefreservation",
    "usedbysnapshots",
    "userrefs",
    "volblocksize",
    "volsize",
    "written",
    "volmode",
];

/// The longest value of a user property, in bytes (zfsprops(7)).
const LONGEST_VALUE: usize = 8191;

static KEYS: Keys = Keys {
    header: "[dataset.properties]",
    names: &[],
    instead: &[],
};

/// A word or number, before it is known of which property.
struct Word(String);

impl FromStr for Word {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Invalid::new(
                format!("value {} is not one of a ZFS property", quoted(text)),
                "write it as `zfs set` takes it",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for Word {
    const EXAMPLE: &'static str = "\"off\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(Ok(Self(decimal.to_owned())))
    }
}

impl Readable for Setting {
    fn type_name() -> String {
        "string".to_owned()
    }

    /// The key is the property's name.
    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        match table.text::<Word>(document, key) {
            Given::No => Given::No,
            Given::Unreadable => Given::Unreadable,
            Given::Value(at) => match value_of(key, &at.value.0) {
                Ok(()) => Given::Value(at.map(|Word(value)| Self(value))),
                Err(invalid) => {
                    document.note_at(at.location, invalid.what, invalid.help);
                    Given::Unreadable
                }
            },
        }
    }
}

impl Readable for Properties {
    fn type_name() -> String {
        "table of strings".to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        let at = match table.table(document, key, &KEYS) {
            Given::Value(at) => at,
            Given::No => return Given::No,
            Given::Unreadable => return Given::Unreadable,
        };
        let mut properties = Self::new();
        let mut is_whole = true;
        for (name, offset) in at.value.names() {
            let has_a_key = table.knows(name);
            if let Err(invalid) = settable(name, has_a_key) {
                document.note(offset, invalid.what, invalid.help);
                is_whole = false;
                continue;
            }
            match Setting::read(&at.value, document, name) {
                Given::Value(value) => {
                    properties.insert(name.to_owned(), value);
                }
                Given::No | Given::Unreadable => is_whole = false,
            }
        }
        if is_whole {
            Given::Value(at.map(|_| properties))
        } else {
            Given::Unreadable
        }
    }

    fn relocate(&mut self, location: crate::location::Location) {
        for at in self.values_mut() {
            at.location = location;
        }
    }
}

/// Checks that `properties` may set this one, which has a key of its own beside it or not.
fn settable(name: &str, has_a_key: bool) -> Result<(), Invalid> {
    let shown = quoted(name);
    let refuse = |what: String, help: &str| Err(Invalid::new(what, help));
    if has_a_key {
        return refuse(
            format!("property {shown} has a key of its own"),
            &format!("write `{name} = …` in [dataset]"),
        );
    }
    if let Some((_, why)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        return refuse(
            format!("property {shown} is preseed's own: {why}"),
            "remove it",
        );
    }
    if READ_ONLY.contains(&name) {
        return refuse(
            format!("property {shown} of a file system cannot be set"),
            "remove it: `zfs get` tells it",
        );
    }
    if name.contains(':') {
        return user_property(name);
    }
    if SETTABLE.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let what = format!("property {shown} is not known to ZFS 2.1 to 2.3");
    let names = SETTABLE.iter().map(|(known, _)| *known);
    match nearest(name, names) {
        Some(meant) => refuse(what, &format!("did you mean `{meant}`?")),
        None => refuse(what, "remove it; one of your own has a `:` in its name"),
    }
}

/// Checks the name of a user property (zfsprops(7)).
fn user_property(name: &str) -> Result<(), Invalid> {
    let shown = quoted(name);
    if name.starts_with("preseed:") {
        return Err(Invalid::new(
            format!("property {shown} is preseed's own: it marks what belongs to whom"),
            "remove it",
        ));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":+-._".contains(c);
    if name.len() > 255 || name.starts_with('-') || !name.chars().all(allowed) {
        return Err(Invalid::new(
            format!("property name {shown} is not valid"),
            "use lower case letters, digits, `:`, `+`, `-`, `.` and `_`",
        ));
    }
    Ok(())
}

/// Checks a property's value.
fn value_of(name: &str, value: &str) -> Result<(), Invalid> {
    let shown = quoted(value);
    let known = SETTABLE.iter().find(|(known, _)| *known == name);
    let (is_valid, help) = match known.map(|(_, kind)| kind) {
        Some(Kind::Compression) => return value.parse::<Compression>().map(drop),
        Some(Kind::Recordsize) => return value.parse::<Recordsize>().map(drop),
        None | Some(Kind::Text) => (
            value.len() <= LONGEST_VALUE,
            format!("write at most {LONGEST_VALUE} bytes"),
        ),
        Some(Kind::Words(words)) => {
            let help = match nearest(value, words.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("take one of {}", words.join(", ")),
            };
            (words.contains(&value), help)
        }
        Some(Kind::Size) => (
            value == "none" || is_size(value),
            "write a size, e.g. \"20G\", or \"none\"".to_owned(),
        ),
        Some(Kind::Count) => (
            value == "none" || value.parse::<u64>().is_ok(),
            "write a number, or \"none\"".to_owned(),
        ),
    };
    if is_valid {
        return Ok(());
    }
    Err(Invalid::new(format!("`{name}` cannot be {shown}"), help))
}

/// Whether `zfs set` takes it as a size: `20G`, `1.5TB`, `1073741824`.
fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[number.len()..].to_ascii_uppercase();
    let unit = unit
        .strip_suffix("IB")
        .or_else(|| unit.strip_suffix('B'))
        .unwrap_or(&unit);
    let is_unit = matches!(unit, "" | "K" | "M" | "G" | "T" | "P" | "E");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = |digits: &str| {
        (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_unit && are_digits(whole) && are_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for size in ["20G", "1.5T", "1073741824", "512", "10MiB", "1kb"] {
            assert!(is_size(size), "{size}");
        }
        for size in [
            "", "G", "20 G", "-1G", "1..5G", "20X", "1.G", ".5G", "0x10", "20GiBB",
        ] {
            assert!(!is_size(size), "{size}");
        }
    }

    #[test]
    fn lists_do_not_overlap() {
        for (name, _) in SETTABLE {
            assert!(!READ_ONLY.contains(name), "{name}");
            assert!(OWNED.iter().all(|(owned, _)| owned != name), "{name}");
        }
        assert!(SETTABLE.is_sorted_by_key(|(name, _)| *name));
    }
}
