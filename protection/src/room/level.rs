//! From when on a pool counts as full.

use serde::{Deserialize, Serialize};
use storage::Result;
use storage::pools::Fill;

/// From which part of a pool on, in hundredths, its owner is told.
pub const NEARLY: u64 = 80;

/// From which part on it is urgent: soon nothing can be written any more.
pub const ALMOST: u64 = 90;

/// How it is with the room of a pool; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// There is room.
    Enough,
    /// How full it is cannot be told.
    Unknown,
    /// It is nearly full.
    NearlyFull,
    /// It is almost full.
    AlmostFull,
}

impl Level {
    pub(super) fn of(fill: &Result<Fill>) -> Self {
        match fill {
            Err(_) => Self::Unknown,
            Ok(fill) if fill.percent >= ALMOST => Self::AlmostFull,
            Ok(fill) if fill.percent >= NEARLY => Self::NearlyFull,
            Ok(_) => Self::Enough,
        }
    }

    /// The exit status that tells it, as monitoring plugins have them.
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Self::Enough => 0,
            Self::Unknown | Self::NearlyFull => 1,
            Self::AlmostFull => 2,
        }
    }

    /// Its name, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Unknown => "unknown",
            Self::NearlyFull => "nearly-full",
            Self::AlmostFull => "almost-full",
        }
    }
}
