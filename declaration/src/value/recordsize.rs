use std::fmt;
use std::str::FromStr;

use super::{Invalid, Recordsize, Value};
use crate::quote::quoted;

const SMALLEST: u64 = 512;
const LARGEST: u64 = 16 << 20;

impl FromStr for Recordsize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: &str, cure: String| {
            Err(Invalid::new(
                format!("recordsize {} {why}", quoted(text)),
                cure,
            ))
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let shift = match &text[digits.len()..] {
            "" | "B" | "b" => 0,
            "K" | "k" | "KB" | "kb" | "KiB" => 10,
            "M" | "m" | "MB" | "mb" | "MiB" => 20,
            _ => {
                return refuse(
                    "is not a size",
                    "write a size, e.g. \"16K\" or \"1M\"".into(),
                );
            }
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse(
                "is not a size",
                "write a size, e.g. \"16K\" or \"1M\"".into(),
            );
        }
        // More digits than fit are more than the largest.
        let bytes = digits.parse::<u64>().unwrap_or(u64::MAX);
        let bytes = bytes.saturating_mul(1 << shift);
        if !(SMALLEST..=LARGEST).contains(&bytes) {
            return refuse(
                "is out of range",
                "take a power of two from 512 to 16M".into(),
            );
        }
        if !bytes.is_power_of_two() {
            let above = bytes.next_power_of_two();
            let (below, above) = (shown(above / 2), shown(above));
            return refuse("is not a power of two", format!("take {below} or {above}"));
        }
        u32::try_from(bytes).map(Self).or_else(|_| {
            refuse(
                "is out of range",
                "take a power of two from 512 to 16M".into(),
            )
        })
    }
}

fn shown(bytes: u64) -> String {
    if bytes >= 1 << 20 {
        format!("{}M", bytes >> 20)
    } else if bytes >= 1 << 10 {
        format!("{}K", bytes >> 10)
    } else {
        bytes.to_string()
    }
}

impl fmt::Display for Recordsize {
    /// As `zfs get` shows it, e.g. `16K`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(u64::from(self.0)))
    }
}

impl Value for Recordsize {
    const EXAMPLE: &'static str = "\"128K\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(decimal.parse())
    }
}
