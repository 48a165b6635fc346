use std::str::FromStr;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// The most that a calendar event may hold.
const LONGEST: usize = 200;

/// When something is due, as systemd.time(7) writes calendar events. Whether systemd knows it, `preseedctl check` asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar(pub(crate) String);

impl FromStr for Calendar {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || " *:,./~-_+".contains(c);
        let is_plain = text.chars().all(allowed) && text.len() <= LONGEST;
        if !is_plain || !text.chars().any(|c| c.is_ascii_alphanumeric() || c == '*') {
            return Err(Invalid::new(
                format!("{} is no calendar event", quoted(text)),
                "write it as `systemd-analyze calendar` takes it, e.g. \"daily\" or \"Mon..Fri 03:30\"",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for Calendar {
    const EXAMPLE: &'static str = "\"daily\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn calendar_events() {
        takes::<Calendar>(&[
            "daily",
            "Mon..Fri *-*-* 03:30:00 Europe/Berlin",
            "*:0/15",
            "*-02~03",
        ]);
        let help =
            "write it as `systemd-analyze calendar` takes it, e.g. \"daily\" or \"Mon..Fri 03:30\"";
        refuses::<Calendar>(&[
            ("", &format!("`` is no calendar event: {help}")),
            ("a%b", &format!("`a%b` is no calendar event: {help}")),
            ("a\nb", &format!("`a\\nb` is no calendar event: {help}")),
        ]);
    }
}
