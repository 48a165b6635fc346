//! Who said a value: the service's own file, its template, the host's file, or nobody.

use std::fmt;
use std::ops::Deref;

/// Where a value comes from, the nearest first.
///
/// Only what the service's own file says is applied to storage that is there already. What comes from elsewhere makes
/// new storage, and is otherwise a difference that `preseedctl check` tells: a template that changes with an upgrade,
/// or a line that went missing, never moves data away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layer {
    /// A line of the service's own file.
    Service,
    /// Its template.
    Template,
    /// `preseed.toml`.
    Host,
    /// Nothing: it is the default.
    #[default]
    Default,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "the service's own file",
            Self::Template => "its template",
            Self::Host => "preseed.toml",
            Self::Default => "the default",
        })
    }
}

/// A value, and who said it. It is used as the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared<T> {
    /// The value.
    pub value: T,
    /// Who said it.
    pub layer: Layer,
}

impl<T> Declared<T> {
    /// Whether a line of the service's own file says it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.layer == Layer::Service
    }
}

impl<T> Deref for Declared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: AsRef<U>, U: ?Sized> AsRef<U> for Declared<T> {
    fn as_ref(&self) -> &U {
        self.value.as_ref()
    }
}

impl<T: fmt::Display> fmt::Display for Declared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
