use std::fmt;
use std::str::FromStr;

use super::invalid::Invalid;
use super::types::TierName;
use super::written::Value;
use crate::quote::{nearest, quoted};

impl TierName {
    /// All tiers, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Rollback, Self::Snapshot, Self::Restic];

    /// As it is written in a declaration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Snapshot => "snapshot",
            Self::Restic => "restic",
        }
    }
}

impl FromStr for TierName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some(tier) = Self::ALL.into_iter().find(|tier| tier.as_str() == text) {
            return Ok(tier);
        }
        let help = match nearest(text, Self::ALL.map(Self::as_str)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "take `rollback`, `snapshot` or `restic`".to_owned(),
        };
        Err(Invalid::new(
            format!("there is no tier {}", quoted(text)),
            help,
        ))
    }
}

impl fmt::Display for TierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Value for TierName {
    const EXAMPLE: &'static str = "\"restic\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn tiers() {
        takes::<TierName>(&["rollback", "snapshot", "restic"]);
        refuses::<TierName>(&[
            (
                "Restic",
                "there is no tier `Restic`: did you mean `restic`?",
            ),
            (
                "snapshots",
                "there is no tier `snapshots`: did you mean `snapshot`?",
            ),
            (
                "borg",
                "there is no tier `borg`: take `rollback`, `snapshot` or `restic`",
            ),
        ]);
    }
}
