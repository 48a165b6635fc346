//! Names of storage that is not in its place: staged, or kept after a restore replaced it.

use jiff::Timestamp;

use crate::{Kept, Mark};

/// The last component of a staged dataset or directory for `leaf`.
#[must_use]
pub fn staging(leaf: &str) -> String {
    format!("{leaf}:preseed-staging")
}

/// The last component of what a restore replaced: when, and why, e.g.
/// `sonarr:preseed-kept-20261123T072100Z-before-restic`.
#[must_use]
pub fn kept(leaf: &str, at: Timestamp, why: &str) -> String {
    format!(
        "{leaf}:preseed-kept-{}-{why}",
        at.strftime("%Y%m%dT%H%M%SZ")
    )
}

/// That an interrupted restore was finished, in words.
pub(crate) fn finished(name: &str, kept: Option<&Kept>) -> String {
    let kept = kept.map_or_else(String::new, |kept| {
        format!("; what it replaced is kept as {}", kept.name)
    });
    format!("finished a restore into {name}{kept}")
}

/// That a part of a copy was thrown away, in words.
pub(crate) fn thrown_away() -> String {
    "threw away an interrupted restore: the data is there without it".to_owned()
}

/// That a complete copy is kept although the data is there without it, in words.
pub(crate) fn not_needed(mark: &Mark, kept: &Kept) -> String {
    format!(
        "the data is there without an interrupted restore by {}, which is kept as {}",
        mark.by, kept.name
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kept_name_says_when_and_why() {
        let at = "2026-11-23T07:21:00Z".parse().unwrap();
        assert_eq!(
            kept("sonarr", at, "before-restic"),
            "sonarr:preseed-kept-20261123T072100Z-before-restic"
        );
    }
}
