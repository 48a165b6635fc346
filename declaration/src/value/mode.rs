use std::fmt;
use std::str::FromStr;

use super::invalid::Invalid;
use super::types::Mode;
use super::written::Value;
use crate::quote::quoted;

impl FromStr for Mode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        if !octal || !(3..=4).contains(&text.len()) {
            return Err(Invalid::new(
                format!("mode {} is not three or four octal digits", quoted(text)),
                "write it as chmod takes it, e.g. \"0750\"",
            ));
        }
        u32::from_str_radix(text, 8).map(Self).map_err(|e| {
            Invalid::new(
                format!("mode {}: {e}", quoted(text)),
                "write it as chmod takes it, e.g. \"0750\"",
            )
        })
    }
}

impl fmt::Display for Mode {
    /// Four octal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Value for Mode {
    const EXAMPLE: &'static str = "\"0750\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn modes() {
        takes::<Mode>(&["000", "0000", "750", "0750", "0777", "7777"]);
        refuses::<Mode>(&[
            (
                "",
                "mode `` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
            (
                "70",
                "mode `70` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
            (
                "0800",
                "mode `0800` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
            (
                "10000",
                "mode `10000` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
            (
                "0o750",
                "mode `0o750` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
            (
                "u=rwx",
                "mode `u=rwx` is not three or four octal digits: write it as chmod takes it, e.g. \"0750\"",
            ),
        ]);
        assert_eq!(
            "750"
                .parse::<Mode>()
                .map(|mode| (mode.bits(), mode.to_string())),
            Ok((0o750, "0750".to_owned()))
        );
    }
}
