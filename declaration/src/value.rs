//! The values a declaration is made of, each valid by construction.
//!
//! Each is made from text with [`str::parse`]; an [`Invalid`] says what is wrong and what to do.

mod account;
mod account_name;
mod amount;
mod calendar;
mod choice;
mod compression;
mod count;
mod dataset_name;
mod invalid;
mod mode;
mod names;
mod path;
mod pattern;
mod recordsize;
mod repository;
mod service_name;
mod tier;
mod time_span;
mod unit_name;

use std::fmt;

pub use invalid::Invalid;

pub(crate) use account_name::AccountId;
pub(crate) use amount::Amount;
pub(crate) use calendar::Calendar;
pub(crate) use choice::{one_of, word_of};
pub(crate) use count::Count;
pub(crate) use names::{CommandWord, EntryName, HostName, SharedName, SshHost, Tag, TemplateName};
pub(crate) use path::{
    AbsolutePath, ExpectedPath, Mountpoint, PlaceMountpoint, RelativePath, SecretFile,
};
pub(crate) use pattern::Pattern;
pub(crate) use repository::RepositoryUrl;
pub(crate) use time_span::TimeSpan;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) String);

        impl $name {
            /// The text, as declared.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! deserialize_from_text {
    ($($name:ident),*) => {
        $(
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<str>::deserialize(from)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )*
    };
}

text!(
    /// A service's name: valid in a unit's name (systemd.unit(5)) and as a ZFS name component (zfs(8)).
    ServiceName
);
text!(
    /// A unit's full name with its suffix, e.g. `podman-sonarr.service` (systemd.unit(5)).
    UnitName
);
text!(
    /// A ZFS file system's full name (zfs(8)): no `@`, no `#`, at most 255 bytes.
    DatasetName
);
text!(
    /// A value of ZFS's `compression` property (zfsprops(7)), as ZFS 2.3 knows them.
    Compression
);
text!(
    /// A user or group: a name, or a number.
    Principal
);

text!(
    /// The name of a user or group that is made where it is missing, as systemd-sysusers takes it.
    AccountName
);

impl Principal {
    /// The user or group of this number.
    #[must_use]
    pub fn of_id(id: u32) -> Self {
        Self(id.to_string())
    }
}

/// A ZFS record size in bytes: a power of two from 512 to 16 MiB (zfsprops(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recordsize(pub(crate) u32);

impl Recordsize {
    /// Bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        self.0
    }
}

/// A mode, as chmod(2) takes it: at most `0o7777`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub(crate) u32);

impl Mode {
    /// The mode of something that is there; bits beyond `0o7777` do not count.
    #[must_use]
    pub fn of_bits(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// The mode's bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// One of the three ways back to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierName {
    /// The newest local snapshot, by `zfs rollback`.
    Rollback,
    /// An older local snapshot by clone, or a replica's by receive.
    Snapshot,
    /// A snapshot in a restic repository.
    Restic,
}

deserialize_from_text!(
    ServiceName,
    UnitName,
    DatasetName,
    Compression,
    Principal,
    Recordsize,
    Mode,
    TierName
);

/// What marks the datasets that a restore stages or keeps: `NAME:preseed-…`.
pub(crate) const RESERVED: &str = ":preseed-";

/// A value that is written as a TOML string, or as an integer.
pub(crate) trait Value: std::str::FromStr<Err = Invalid> {
    /// One as it is written in TOML, quotes included.
    const EXAMPLE: &'static str;

    /// What it is written as: a string or a number.
    const KIND: &'static str = "string";

    /// From a TOML integer, given in decimal; `None` if it must be written as a string.
    fn from_integer(_decimal: &str) -> Option<Result<Self, Invalid>> {
        None
    }
}

#[cfg(test)]
pub(crate) mod check {
    use super::Value;

    /// Each of `good` is taken.
    pub(crate) fn takes<T: Value>(good: &[&str]) {
        for text in good {
            if let Err(invalid) = text.parse::<T>() {
                assert_eq!(invalid.to_string(), "", "{text:?}");
            }
        }
    }

    /// Each of `bad` is refused with just this message.
    pub(crate) fn refuses<T: Value>(bad: &[(&str, &str)]) {
        for (text, message) in bad {
            match text.parse::<T>() {
                Ok(_) => assert_eq!("taken", *message, "{text:?}"),
                Err(invalid) => assert_eq!(invalid.to_string(), *message, "{text:?}"),
            }
        }
    }
}
