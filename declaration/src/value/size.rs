use std::fmt;
use std::str::FromStr;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// What a number is multiplied by for each suffix, by the power of two.
const SUFFIXES: [(&str, u32); 6] = [
    ("", 0),
    ("K", 10),
    ("M", 20),
    ("G", 30),
    ("T", 40),
    ("P", 50),
];

/// A size in bytes, as ZFS writes it; `none` is [`u64::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "none" {
            return Ok(Self(u64::MAX));
        }
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let suffix = &text[digits.len()..];
        let shift = SUFFIXES.iter().find(|(known, _)| *known == suffix);
        let number = digits.parse::<u64>().ok().filter(|number| *number > 0);
        let bytes = number.zip(shift).and_then(|(number, (_, shift))| {
            let bytes = u128::from(number) << shift;
            u64::try_from(bytes).ok()
        });
        bytes.map(Self).ok_or_else(|| {
            Invalid::new(
                format!("{} is no size", quoted(text)),
                "write one like \"50G\" or \"2T\", or \"none\"",
            )
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == u64::MAX {
            return f.write_str("none");
        }
        let whole = |shift: u32| self.0.trailing_zeros() >= shift && self.0 >> shift > 0;
        let best = SUFFIXES.iter().rev().find(|(_, shift)| whole(*shift));
        let (suffix, shift) = best.unwrap_or(&SUFFIXES[0]);
        write!(f, "{}{suffix}", self.0 >> shift)
    }
}

impl Value for Size {
    const EXAMPLE: &'static str = "\"50G\"";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn sizes() {
        takes::<Size>(&["none", "1", "512K", "50G", "2T"]);
        let help = "write one like \"50G\" or \"2T\", or \"none\"";
        let refused = ["", "0", "G", "50 G", "50GB", "-1", "99999P", "1.5G"];
        for text in refused {
            refuses::<Size>(&[(text, &format!("`{text}` is no size: {help}"))]);
        }
        for text in ["none", "1", "512K", "50G", "2T", "1023"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("50G".parse(), Ok(Size(50 << 30)));
        assert_eq!("1024M".parse::<Size>().unwrap().to_string(), "1G");
    }
}
