use std::str::FromStr;

use super::invalid::Invalid;
use super::types::Principal;
use super::written::Value;
use crate::quote::quoted;

/// The rules are systemd's relaxed ones (<https://systemd.io/USER_NAMES>): what a host's
/// directory service accepts is not ours to forbid, as long as it cannot be mistaken.
impl FromStr for Principal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: &str, help: &str| {
            Err(Invalid::new(
                format!("user or group {} {why}", quoted(text)),
                help,
            ))
        };
        if text.is_empty() {
            return refuse("is empty", "name one, or leave the key out for root");
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The highest number means "leave as it is" in chown(2).
            return match text.parse::<u32>() {
                Ok(number) if number < u32::MAX => Ok(Self(number.to_string())),
                _ => refuse("is not a valid number", "numbers go up to 4294967294"),
            };
        }
        if text.len() > 255 {
            return refuse("is longer than 255 bytes", "take its number instead");
        }
        if text.starts_with('-') || text == "." || text == ".." {
            return refuse(
                "is not a valid name",
                "write a name as `getent passwd` shows it, or a number",
            );
        }
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || matches!(c, ':' | '/' | ','))
        {
            return refuse(
                "holds a character that no name may hold",
                "write a name without spaces, `:`, `/` and `,`, or a number; owner and group are keys of their own",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for Principal {
    const EXAMPLE: &'static str = "\"sonarr\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(decimal.parse())
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn accounts() {
        takes::<Principal>(&[
            "root",
            "sonarr",
            "_apt",
            "1000",
            "0",
            "4294967294",
            "DOM\\\\user",
            "a@b",
            "w.x-y$",
        ]);
        refuses::<Principal>(&[
            (
                "",
                "user or group `` is empty: name one, or leave the key out for root",
            ),
            (
                "4294967295",
                "user or group `4294967295` is not a valid number: numbers go up to 4294967294",
            ),
            (
                "99999999999",
                "user or group `99999999999` is not a valid number: numbers go up to 4294967294",
            ),
            (
                "-x",
                "user or group `-x` is not a valid name: write a name as `getent passwd` shows it, or a number",
            ),
            (
                "a:b",
                "user or group `a:b` holds a character that no name may hold: write a name without spaces, `:`, `/` and `,`, or a number; owner and group are keys of their own",
            ),
        ]);
        assert_eq!("007".parse::<Principal>().map(|p| p.0), Ok("7".to_owned()));
    }
}
