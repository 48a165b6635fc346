use std::fmt;
use std::str::FromStr;

use super::{Invalid, Mode, Value};
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
