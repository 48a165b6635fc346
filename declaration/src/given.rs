//! What a file says for a key, and how what several files say is merged.

use std::collections::BTreeMap;

use crate::layer::{Declared, Layer};
use crate::location::Location;

/// A value, where it is declared, and by whom.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) location: Location,
    pub(crate) layer: Layer,
}

impl<T> At<T> {
    /// A value that no file declares.
    pub(crate) fn default(value: T) -> Self {
        Self {
            value,
            location: Location::START,
            layer: Layer::Default,
        }
    }

    /// The same for another value.
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: into(self.value),
            location: self.location,
            layer: self.layer,
        }
    }
}

impl<T> From<At<T>> for Declared<T> {
    fn from(at: At<T>) -> Self {
        Self {
            value: at.value,
            layer: at.layer,
        }
    }
}

/// Values by name.
type Named<T> = BTreeMap<String, At<T>>;

/// What a file says for a key.
#[derive(Debug, Clone, Default)]
pub(crate) enum Given<T> {
    /// Nothing.
    #[default]
    No,
    /// Something that is not valid, or could not be read. The problem is noted.
    Unreadable,
    /// This.
    Value(At<T>),
}

impl<T> Given<T> {
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> Given<U> {
        match self {
            Self::No => Given::No,
            Self::Unreadable => Given::Unreadable,
            Self::Value(at) => Given::Value(at.map(into)),
        }
    }

    /// Whether no file says anything.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::No)
    }

    /// The value with its location, without the difference between nothing and something unreadable.
    pub(crate) fn into_at(self) -> Option<At<T>> {
        match self {
            Self::Value(at) => Some(at),
            Self::No | Self::Unreadable => None,
        }
    }

    /// The value, without the difference between nothing and something unreadable.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(at) => Some(at.value),
            Self::No | Self::Unreadable => None,
        }
    }

    /// The value, else `default`. `None` if it could not be read.
    pub(crate) fn or_else(self, default: impl FnOnce() -> Option<T>) -> Option<At<T>> {
        match self {
            Self::Value(at) => Some(at),
            Self::Unreadable => None,
            Self::No => default().map(At::default),
        }
    }

    /// As [`Given::or_else`], with a default that is always there.
    pub(crate) fn at_or(self, default: T) -> Option<At<T>> {
        self.or_else(|| Some(default))
    }

    /// As [`Given::at_or`], the value alone.
    pub(crate) fn or(self, default: T) -> Option<T> {
        self.at_or(default).map(|at| at.value)
    }

    /// Where it is declared, if it is.
    pub(crate) fn origin(&self) -> Option<Location> {
        match self {
            Self::Value(at) => Some(at.location),
            Self::No | Self::Unreadable => None,
        }
    }

    /// Where it is declared; the file's beginning if it is not.
    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Value(at) => at.location,
            Self::No | Self::Unreadable => Location::START,
        }
    }
}

impl<T: PartialEq> Given<Vec<T>> {
    /// The elements of both lists, each once. `None` if one of them could not be read.
    pub(crate) fn and(self, extra: Self) -> Option<Vec<T>> {
        let mut list = self.or(Vec::new())?;
        for element in extra.or(Vec::new())? {
            if !list.contains(&element) {
                list.push(element);
            }
        }
        Some(list)
    }
}

impl<T> Given<Vec<T>> {
    /// The elements as plain text or paths; none if no file says anything. `None` if they could not be read.
    pub(crate) fn plain<U>(self, into: impl Fn(T) -> U) -> Option<Vec<U>> {
        Some(plain(self.or(Vec::new())?, into))
    }
}

/// A list's elements as plain text or paths.
pub(crate) fn plain<T, U>(list: Vec<T>, into: impl Fn(T) -> U) -> Vec<U> {
    list.into_iter().map(into).collect()
}

/// How one file's keys are put over those of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merge {
    /// Where what comes from below is said to be declared; `None`: where it is.
    pub(crate) location: Option<Location>,
    /// Whether the whole upper file could be parsed: else a key that it lacks may be in what could not.
    pub(crate) upper_is_whole: bool,
    /// Whether both files could be parsed.
    pub(crate) both_are_whole: bool,
}

impl Merge {
    /// What the upper file says, else what the lower one says.
    ///
    /// If one of both is not whole, a key that neither gives may be in what could not be read. Then it is unreadable,
    /// so that no default is taken for it.
    pub(crate) fn pick<T: Clone>(
        &self,
        upper: Given<T>,
        lower: &Given<T>,
        relocate: impl Fn(&mut T, Location),
    ) -> Given<T> {
        match (upper, lower) {
            (Given::No, Given::Value(lower)) if self.upper_is_whole => {
                let mut at = lower.clone();
                if let Some(location) = self.location {
                    at.location = location;
                    relocate(&mut at.value, location);
                }
                Given::Value(at)
            }
            (Given::No, Given::No) if self.both_are_whole => Given::No,
            (Given::No, _) => Given::Unreadable,
            (upper, _) => upper,
        }
    }

    /// What both files append to a list. If the upper one declares the list itself, it appends to that alone.
    pub(crate) fn extend<T: Clone>(
        &self,
        list: &Given<Vec<T>>,
        upper: Given<Vec<T>>,
        lower: &Given<Vec<T>>,
    ) -> Given<Vec<T>> {
        let nothing = Given::No;
        let lower = if list.is_absent() { lower } else { &nothing };
        match (upper, lower) {
            (Given::Value(mut upper), Given::Value(lower)) => {
                upper.value.splice(0..0, lower.value.iter().cloned());
                Given::Value(upper)
            }
            (Given::Value(_), Given::Unreadable) => Given::Unreadable,
            (upper, lower) => self.pick(upper, lower, |_, _| {}),
        }
    }

    /// What both files declare by name: of one name, what the upper file says.
    pub(crate) fn unite<T: Clone>(
        &self,
        upper: Given<Named<T>>,
        lower: &Given<Named<T>>,
    ) -> Given<Named<T>> {
        let location = self.location;
        let relocate = |named: &mut Named<T>, location| {
            for at in named.values_mut() {
                at.location = location;
            }
        };
        match (upper, lower) {
            (Given::Value(mut upper), Given::Value(lower)) => {
                let mut below = lower.value.clone();
                if let Some(location) = location {
                    relocate(&mut below, location);
                }
                below.append(&mut upper.value);
                upper.value = below;
                Given::Value(upper)
            }
            (Given::Value(_), Given::Unreadable) => Given::Unreadable,
            (upper, lower) => self.pick(upper, lower, relocate),
        }
    }
}
