//! The types of values that other rooms are given. How each is read from text is in a file of its own.

use std::fmt;

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
