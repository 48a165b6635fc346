use std::str::FromStr;

use super::{Invalid, Value};
use crate::quote::{nearest, quoted};
use crate::settings::{OnPartial, OnUnavailable, Prefer};

/// What a host keeps its services' data on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Backend {
    #[default]
    Zfs,
    Directory,
}

/// The value that `text` names in `words`.
fn one_of<T: Copy>(noun: &str, text: &str, words: [(&str, T); 2]) -> Result<T, Invalid> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let help = match nearest(text, words.map(|(word, _)| word)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("take `{}` or `{}`", words[0].0, words[1].0),
    };
    Err(Invalid::new(
        format!("there is no {noun} {}", quoted(text)),
        help,
    ))
}

impl FromStr for Backend {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of(
            "backend",
            text,
            [("zfs", Self::Zfs), ("directory", Self::Directory)],
        )
    }
}

impl Value for Backend {
    const EXAMPLE: &'static str = "\"zfs\"";
}

impl FromStr for OnPartial {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of(
            "`on-partial`",
            text,
            [("stop", Self::Stop), ("restore", Self::Restore)],
        )
    }
}

impl Value for OnPartial {
    const EXAMPLE: &'static str = "\"stop\"";
}

impl FromStr for OnUnavailable {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of(
            "`on-unavailable`",
            text,
            [("stop", Self::Stop), ("start-empty", Self::StartEmpty)],
        )
    }
}

impl Value for OnUnavailable {
    const EXAMPLE: &'static str = "\"stop\"";
}

impl FromStr for Prefer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of(
            "`prefer`",
            text,
            [("order", Self::Order), ("newest", Self::Newest)],
        )
    }
}

impl Value for Prefer {
    const EXAMPLE: &'static str = "\"newest\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn words() {
        takes::<Backend>(&["zfs", "directory"]);
        takes::<OnPartial>(&["stop", "restore"]);
        takes::<OnUnavailable>(&["stop", "start-empty"]);
        takes::<Prefer>(&["order", "newest"]);
        refuses::<Backend>(&[
            ("zsf", "there is no backend `zsf`: did you mean `zfs`?"),
            (
                "btrfs",
                "there is no backend `btrfs`: take `zfs` or `directory`",
            ),
        ]);
        refuses::<Prefer>(&[(
            "oldest",
            "there is no `prefer` `oldest`: take `order` or `newest`",
        )]);
        refuses::<OnUnavailable>(&[(
            "start_empty",
            "there is no `on-unavailable` `start_empty`: did you mean `start-empty`?",
        )]);
    }
}
