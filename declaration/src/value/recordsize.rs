use std::fmt;
use std::str::FromStr;

use super::invalid::Invalid;
use super::types::Recordsize;
use super::written::Value;
use crate::quote::quoted;

const SMALLEST: u64 = 512;
const LARGEST: u64 = 16 << 20;

impl FromStr for Recordsize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: &str, help: String| {
            Err(Invalid::new(
                format!("recordsize {} {why}", quoted(text)),
                help,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::too_many_lines, reason = "tables of cases")]

    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn recordsizes() {
        for (text, bytes, shown) in [
            ("512", 512, "512"),
            ("16K", 16 << 10, "16K"),
            ("16k", 16 << 10, "16K"),
            ("16384", 16 << 10, "16K"),
            ("128KiB", 128 << 10, "128K"),
            ("1M", 1 << 20, "1M"),
            ("16M", 16 << 20, "16M"),
            ("0512", 512, "512"),
        ] {
            let size = text.parse::<Recordsize>();
            assert_eq!(
                size.map(|size| (size.bytes(), size.to_string())),
                Ok((bytes, shown.to_owned())),
                "{text}"
            );
        }
        takes::<Recordsize>(&["1024", "2K", "4M"]);
        refuses::<Recordsize>(&[
            (
                "",
                "recordsize `` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "K",
                "recordsize `K` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "16G",
                "recordsize `16G` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "1.5K",
                "recordsize `1.5K` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "-16K",
                "recordsize `-16K` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "16 K",
                "recordsize `16 K` is not a size: write a size, e.g. \"16K\" or \"1M\"",
            ),
            (
                "17K",
                "recordsize `17K` is not a power of two: take 16K or 32K",
            ),
            (
                "1000",
                "recordsize `1000` is not a power of two: take 512 or 1K",
            ),
            (
                "256",
                "recordsize `256` is out of range: take a power of two from 512 to 16M",
            ),
            (
                "0",
                "recordsize `0` is out of range: take a power of two from 512 to 16M",
            ),
            (
                "32M",
                "recordsize `32M` is out of range: take a power of two from 512 to 16M",
            ),
            (
                "99999999999999999999M",
                "recordsize `99999999999999999999M` is out of range: take a power of two from 512 to 16M",
            ),
        ]);
    }
}
