//! A user or group that is made where it is missing: only names and numbers that every system takes.

use std::str::FromStr;

use super::invalid::Invalid;
use super::types::AccountName;
use super::written::Value;
use crate::quote::quoted;

/// As systemd-sysusers takes it: with the end of the string, what fits into utmp.
const LONGEST: usize = 31;

/// The highest number that a user or group can have: the next one means "leave as it is" in chown(2).
const HIGHEST: u32 = u32::MAX - 1;

/// Numbers that mean nobody (systemd's "Users, Groups, UIDs and GIDs").
const NOBODY: [u32; 2] = [65534, 65535];

/// The rules are systemd's strict ones, which systemd-sysusers asks for (<https://systemd.io/USER_NAMES>).
impl FromStr for AccountName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: &str, help: &str| {
            Err(Invalid::new(
                format!("user or group {} {why}", quoted(text)),
                help,
            ))
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if text.is_empty() {
            return refuse("is empty", "name one");
        }
        if text.len() > LONGEST {
            return refuse(
                &format!("is {} bytes long", text.len()),
                "systemd-sysusers makes none with more than 31: choose a shorter name",
            );
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !text.chars().all(allowed)
        {
            return refuse(
                "has a name that systemd-sysusers refuses",
                "begin with a letter or `_`, and use ASCII letters, digits, `_` and `-`; for one that a directory \
                 service has, write `owner` and `group` in [dataset] instead of [user]",
            );
        }
        if matches!(text, "root" | "nobody" | "nogroup") {
            return refuse(
                "is the system's own",
                "give the service a user of its own; for a directory that is root's, leave [user] out",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for AccountName {
    const EXAMPLE: &'static str = "\"sonarr\"";
}

/// The number of a user or group that is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountId(pub(crate) u32);

impl FromStr for AccountId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Err(Invalid::new(
            format!("{} is a string", quoted(text)),
            "write a number without quotes",
        ))
    }
}

impl Value for AccountId {
    const EXAMPLE: &'static str = "568";
    const KIND: &'static str = "number";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        let number = decimal.parse().ok();
        let number = number.filter(|number| (1..=HIGHEST).contains(number));
        let invalid =
            |why: &str, help: String| Err(Invalid::new(format!("{} {why}", quoted(decimal)), help));
        Some(match number {
            Some(nobody) if NOBODY.contains(&nobody) => {
                invalid("means nobody", "use another number".to_owned())
            }
            Some(number) => Ok(Self(number)),
            None => invalid(
                "is out of range",
                format!("use a number from 1 to {HIGHEST}"),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn names_that_sysusers_takes() {
        takes::<AccountName>(&["sonarr", "_apt", "systemd-network", "A1", &"x".repeat(31)]);
        let help = "begin with a letter or `_`, and use ASCII letters, digits, `_` and `-`; for one that a directory \
                    service has, write `owner` and `group` in [dataset] instead of [user]";
        for name in [
            "1sonarr",
            "a.b",
            "DOM\\user",
            "a b",
            "-x",
            "a:b",
            "ü",
            "a%b",
            "568",
        ] {
            let shown = quoted(name);
            let message =
                format!("user or group {shown} has a name that systemd-sysusers refuses: {help}");
            refuses::<AccountName>(&[(name, message.as_str())]);
        }
        let long = "x".repeat(32);
        let message = format!(
            "user or group `{long}` is 32 bytes long: systemd-sysusers makes none with more than 31: choose a shorter name"
        );
        refuses::<AccountName>(&[
            ("", "user or group `` is empty: name one"),
            (&long, &message),
            (
                "root",
                "user or group `root` is the system's own: give the service a user of its own; for a directory that is root's, leave [user] out",
            ),
        ]);
    }

    #[test]
    fn numbers_of_users() {
        let read = |decimal| <AccountId as Value>::from_integer(decimal);
        for (decimal, number) in [("1", 1), ("568", 568), ("4294967294", u32::MAX - 1)] {
            assert_eq!(read(decimal), Some(Ok(AccountId(number))), "{decimal}");
        }
        for decimal in ["0", "-1", "4294967295", "99999999999999999999"] {
            let invalid = Invalid::new(
                format!("`{decimal}` is out of range"),
                "use a number from 1 to 4294967294",
            );
            assert_eq!(read(decimal), Some(Err(invalid)));
        }
        let nobody = Invalid::new("`65534` means nobody", "use another number");
        assert_eq!(read("65534"), Some(Err(nobody)));
        refuses::<AccountId>(&[("568", "`568` is a string: write a number without quotes")]);
    }
}
