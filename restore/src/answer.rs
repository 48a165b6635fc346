//! What the sources answer, and who is told of it.

use std::fmt;

use storage::{Error, Snapshot};

use crate::source::{Restored, Source};

/// What a source answered.
#[derive(Debug)]
pub enum Answer {
    /// It restored the data, from this snapshot.
    Restored(Snapshot, Restored),
    /// It was reached, and provably has no snapshot that holds the data; with what a reader should know.
    NothingThere(Option<String>),
    /// It holds what may be the data: filed under another name, or without what is expected.
    InDoubt(Error),
    /// It has the data, and its way of restoring does not do here. Another source may have the same.
    NotUsed(Error),
    /// It could not be asked.
    Unavailable(Error),
    /// It had the data, and restoring them failed.
    Failed(Error),
}

impl Answer {
    /// The answer as the journal's `PRESEED_OUTCOME` names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Restored(..) => "restored",
            Self::NothingThere(_) => "nothing-there",
            Self::InDoubt(_) => "in-doubt",
            Self::NotUsed(_) => "not-used",
            Self::Unavailable(_) => "unavailable",
            Self::Failed(_) => "failed",
        }
    }

    /// What the source of this name answered, in words.
    pub fn in_words(&self, source: &str) -> String {
        match self {
            Self::Restored(snapshot, _) => format!("{source}: {} holds the data", snapshot.label()),
            Self::NothingThere(None) => format!("{source}: nothing there"),
            Self::NothingThere(Some(remark)) => format!("{source}: nothing there ({remark})"),
            Self::InDoubt(error)
            | Self::NotUsed(error)
            | Self::Unavailable(error)
            | Self::Failed(error) => {
                let begins = match self {
                    Self::InDoubt(_) => "in doubt",
                    Self::NotUsed(_) => "not used",
                    Self::Unavailable(_) => "unavailable",
                    _ => "failed",
                };
                format!("{begins}: {}", of_source(source, error, &error.to_string()))
            }
        }
    }

    /// Why it did not restore, if it may hold the data all the same.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Restored(..) | Self::NothingThere(_) => None,
            Self::InDoubt(error)
            | Self::NotUsed(error)
            | Self::Unavailable(error)
            | Self::Failed(error) => Some(error),
        }
    }
}

/// What is `said` of a source, or a part of what an error of it says, with its name once.
pub(crate) fn of_source(source: &str, error: &Error, said: &str) -> String {
    if error.subject().contains(source) {
        said.to_owned()
    } else {
        format!("{source}: {said}")
    }
}

/// Why a snapshot is not taken.
#[derive(Debug, Clone, Copy)]
pub enum PassedOver<'a> {
    /// It, or a restore of it, failed.
    Failed(&'a Error),
    /// It is not what is looked for, in words.
    Unfit(&'a str),
}

impl fmt::Display for PassedOver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

/// Who is told what happens while the sources are asked.
pub trait Observer {
    /// Whether it wants to be told of every snapshot, also of those that make no difference.
    fn wants_all(&self) -> bool {
        false
    }
    /// A source is about to be asked.
    fn asking(&mut self, _source: &dyn Source) {}
    /// A snapshot was not taken, and why.
    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>);
    /// A snapshot holds the data, but comes last, and why.
    fn put_off(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str);
    /// A snapshot makes no difference any more, and why. Only told to those that want all.
    fn not_needed(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &str) {}
    /// A snapshot holds the data and is taken.
    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot);
    /// A source gave its answer.
    fn answered(&mut self, source: &dyn Source, answer: &Answer);
}

/// What came of asking all sources.
#[derive(Debug)]
pub enum Conclusion {
    /// One has restored the data. With `prefer = "newest"`, these could not be asked whether they hold newer ones.
    Restored(Vec<String>),
    /// All answered that they hold none.
    NothingAnywhere,
    /// None restored, and these could not rule out that they hold the data.
    Inconclusive(Vec<Inconclusive>),
}

/// A source that could not rule out that it holds the data.
#[derive(Debug)]
pub struct Inconclusive {
    /// Its name.
    pub source: String,
    /// Why.
    pub error: Error,
    /// Whether it could only not be asked: nothing of the data was seen in it.
    pub unavailable: bool,
    /// Whether only its way of restoring does not do here: that another source heals is enough.
    pub not_used: bool,
}
