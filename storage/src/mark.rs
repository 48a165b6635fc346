//! The mark that a service's storage carries once it was seeded.
//!
//! It belongs to one dataset or directory: the text holds the identity of what it was written for,
//! so that a copy of it elsewhere does not count.

use std::fmt;

use jiff::Timestamp;

use crate::local;

/// The ZFS user property, and the name within `trusted.` of the extended attribute.
pub const PROPERTY: &str = "preseed:state";

/// How the data came of a service that had none at its first start ([`Mark::by`]).
pub const BOOTSTRAP: &str = "bootstrap";

/// How far a restore got, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// How far.
    pub stage: Stage,
    /// How the data came: `adopted`, `bootstrap`, or the name of a source such as `restic`.
    pub by: String,
    /// Where it came from: a snapshot's name; empty where there is none.
    pub from: String,
    /// When.
    pub at: Timestamp,
    /// The service that the data is of; `None` in marks of before they named it.
    pub service: Option<String>,
    /// The set of parts of a service that were restored together; `None` where only one was.
    pub set: Option<String>,
    /// As what the data was brought back since; `None` if it was not.
    pub back: Option<Back>,
}

/// That the data is there again, since a set could not be put in place as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// A restore was taken back by the set of this name.
    Restore(String),
    /// An undo was taken back by the set of this name: the next one brings the same again.
    Undo(String),
}

/// How far a restore got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Staged storage that is not complete: it may be thrown away.
    Staging,
    /// Staged storage that is complete, on its way into the real one's place: it is the data.
    Staged,
    /// A restore in place has begun.
    Seeding,
    /// The data is there, and the dataset still a clone of what it replaced: it is promoted later.
    Unpromoted,
    /// The data is there.
    Seeded,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Staged => "staged",
            Self::Seeding => "seeding",
            Self::Unpromoted => "unpromoted",
            Self::Seeded => "seeded",
        }
    }
}

/// What a look for a mark showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkState {
    /// There is none.
    None,
    /// One that was written for exactly this storage.
    Ours(Mark),
    /// One that does not count: inherited, received, cloned or copied from elsewhere.
    /// Why it does not, in words.
    Foreign(String),
}

impl Mark {
    /// A mark of now.
    #[must_use]
    pub fn new(stage: Stage, by: &str, from: &str) -> Self {
        Self {
            stage,
            by: by.to_owned(),
            from: from.to_owned(),
            at: now(),
            service: None,
            set: None,
            back: None,
        }
    }

    /// The same mark, of data that is brought back.
    #[must_use]
    pub fn brought_back(self, back: Back) -> Self {
        Self {
            back: Some(back),
            ..self
        }
    }

    /// The set that put the data in its place; `None` where that was not one of several parts.
    #[must_use]
    pub fn placed_by(&self) -> Option<&str> {
        match &self.back {
            Some(Back::Restore(set) | Back::Undo(set)) => Some(set),
            None => self.set.as_deref(),
        }
    }

    /// Why what this data replaces is kept. A restore that was taken back is undone already, and never by what it replaced.
    #[must_use]
    pub fn why_kept(&self) -> String {
        match self.back {
            Some(Back::Restore(_)) => "before-undo".to_owned(),
            Some(Back::Undo(_)) | None => format!("before-{}", self.by),
        }
    }

    /// The same mark, of a restore that is one of a set.
    #[must_use]
    pub fn in_set(self, set: Option<&str>) -> Self {
        Self {
            set: set.map(str::to_owned),
            ..self
        }
    }

    /// The same mark, which names the service.
    #[must_use]
    pub fn of_service(&self, name: &str) -> Self {
        Self {
            service: Some(name.to_owned()),
            ..self.clone()
        }
    }

    /// The same mark at another stage.
    #[must_use]
    pub fn at_stage(&self, stage: Stage) -> Self {
        Self {
            stage,
            ..self.clone()
        }
    }

    /// Whether the data is there, whatever is still to be done about what it replaced.
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        matches!(self.stage, Stage::Seeded | Stage::Unpromoted)
    }

    /// Whether a restore brought the data: it was not there before, and the service did not start empty.
    #[must_use]
    pub fn tells_of_a_restore(&self) -> bool {
        self.is_seeded() && ![BOOTSTRAP, "adopted"].contains(&self.by.as_str())
    }

    /// The text that is stored, bound to `identity` (a dataset's guid, a directory's inode).
    #[must_use]
    pub fn bound_to(&self, identity: &str) -> String {
        let Self {
            stage,
            by,
            from,
            at,
            service,
            set,
            back,
        } = self;
        let stage = stage.word();
        let word = |key: &str, value: &Option<String>| {
            let value = value.as_ref();
            value.map_or_else(String::new, |value| format!(" {key}={value}"))
        };
        let (service, set) = (word("service", service), word("set", set));
        let back = match back {
            Some(Back::Restore(by)) => format!(" restore-back={by}"),
            Some(Back::Undo(by)) => format!(" undo-back={by}"),
            None => String::new(),
        };
        format!("{stage} of={identity} by={by} at={at}{service}{set}{back} from={from}")
    }

    /// Reads a stored text, for the storage with this identity.
    /// A text that cannot be read does not count, with the reason.
    #[must_use]
    pub fn read(text: &str, identity: &str) -> MarkState {
        let Some((of, mark)) = Self::parse(text) else {
            return MarkState::Foreign(format!(
                "`{}` is not a mark of preseed's",
                text.escape_debug()
            ));
        };
        if of == identity {
            MarkState::Ours(mark)
        } else {
            MarkState::Foreign(format!("it was written for {of}, and this is {identity}"))
        }
    }

    fn parse(text: &str) -> Option<(&str, Self)> {
        // `from` comes last, since a dataset's name may hold spaces.
        let (stage, rest) = text.split_once(' ')?;
        let (of, rest) = rest.strip_prefix("of=")?.split_once(' ')?;
        let (by, rest) = rest.strip_prefix("by=")?.split_once(' ')?;
        let (at, rest) = rest.strip_prefix("at=")?.split_once(' ')?;
        let word = |key, rest: &'_ str| match rest.strip_prefix(key) {
            Some(named) => {
                let (value, rest) = named.split_once(' ')?;
                Some((Some(value.to_owned()), rest.len()))
            }
            None => Some((None, rest.len())),
        };
        let (service, left) = word("service=", rest)?;
        let rest = &rest[rest.len() - left..];
        let (set, left) = word("set=", rest)?;
        let rest = &rest[rest.len() - left..];
        let (of_a_restore, left) = word("restore-back=", rest)?;
        let rest = &rest[rest.len() - left..];
        let (of_an_undo, left) = word("undo-back=", rest)?;
        let rest = &rest[rest.len() - left..];
        let stage = match stage {
            "staging" => Stage::Staging,
            "staged" => Stage::Staged,
            "seeding" => Stage::Seeding,
            "unpromoted" => Stage::Unpromoted,
            "seeded" => Stage::Seeded,
            _ => return None,
        };
        Some((
            of,
            Self {
                stage,
                by: by.to_owned(),
                from: rest.strip_prefix("from=")?.to_owned(),
                at: at.parse().ok()?,
                service,
                set,
                back: of_a_restore
                    .map(Back::Restore)
                    .or(of_an_undo.map(Back::Undo)),
            },
        ))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.stage.word(), self.by)?;
        if !self.from.is_empty() {
            write!(f, " from {}", self.from)?;
        }
        write!(f, " at {}", local(self.at))
    }
}

/// Now, in whole seconds.
#[must_use]
pub fn now() -> Timestamp {
    whole_seconds(Timestamp::now())
}

/// A time without its fraction of a second.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn mark() -> Mark {
        Mark::new(Stage::Seeded, "clone", "tank/my services/sonarr@a b")
    }

    #[test]
    fn a_mark_reads_back_as_it_was_written() {
        let text = mark().bound_to("guid:123");
        assert_eq!(Mark::read(&text, "guid:123"), MarkState::Ours(mark()));
        let named = mark().of_service("sonarr");
        let text = named.bound_to("guid:123");
        assert!(text.contains(" service=sonarr from="), "{text}");
        assert_eq!(Mark::read(&text, "guid:123"), MarkState::Ours(named));
    }

    #[test]
    fn a_mark_of_before_it_named_the_service_is_valid() {
        let text = "seeded of=guid:1 by=restic at=2026-11-23T00:00:00Z from=service=x y";
        let MarkState::Ours(mark) = Mark::read(text, "guid:1") else {
            panic!("{text}");
        };
        assert_eq!((mark.service, mark.from.as_str()), (None, "service=x y"));
    }

    #[test]
    fn a_mark_of_another_dataset_does_not_count() {
        let text = mark().bound_to("guid:123");
        assert!(matches!(
            Mark::read(&text, "guid:124"),
            MarkState::Foreign(_)
        ));
    }

    #[test]
    fn a_text_that_is_no_mark_does_not_count() {
        for text in [
            "",
            "-",
            "seeded",
            "seeded of=1 by=x at=yesterday from=",
            "done of=1 by=x at=2026-11-23T00:00:00Z from=",
        ] {
            assert!(
                matches!(Mark::read(text, "guid:1"), MarkState::Foreign(_)),
                "{text}"
            );
        }
    }
}
