//! How a value is written in TOML.

use super::invalid::Invalid;

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
