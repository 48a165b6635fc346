//! A value as it holds in the end, to be shown.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::value::TimeSpan;

/// A value as it holds in the end. Prints as it is written in TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is declared, and there is no default.
    Nothing,
    /// A string.
    Text(String),
    /// A number.
    Number(usize),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table(Vec<(String, Self)>),
}

impl Outcome {
    pub(crate) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    pub(crate) fn path(path: &Path) -> Self {
        Self::Text(path.to_string_lossy().into_owned())
    }

    pub(crate) fn span(span: Duration) -> Self {
        Self::text(TimeSpan(span))
    }

    pub(crate) fn list<T>(values: &[T], one: impl Fn(&T) -> Self) -> Self {
        Self::List(values.iter().map(one).collect())
    }

    pub(crate) fn texts<T: fmt::Display>(values: &[T]) -> Self {
        Self::list(values, |value| Self::text(value))
    }

    pub(crate) fn paths<T: AsRef<Path>>(paths: &[T]) -> Self {
        Self::list(paths, |path| Self::path(path.as_ref()))
    }

    pub(crate) fn or_nothing<T>(value: Option<T>, one: impl Fn(T) -> Self) -> Self {
        value.map_or(Self::Nothing, one)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => write_text(f, text),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    let between = if index == 0 { "" } else { ", " };
                    write!(f, "{between}{value}")?;
                }
                f.write_str("]")
            }
            Self::Table(values) => {
                f.write_str("{")?;
                for (index, (key, value)) in values.iter().enumerate() {
                    let between = if index == 0 { " " } else { ", " };
                    f.write_str(between)?;
                    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                    if key.chars().all(is_bare) {
                        f.write_str(key)?;
                    } else {
                        write_text(f, key)?;
                    }
                    write!(f, " = {value}")?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// As a basic string of TOML.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            _ if crate::quote::is_invisible(character) => {
                write!(f, "\\U{:08x}", u32::from(character))?;
            }
            _ => write!(f, "{character}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_toml() {
        let text = |text: &str| Outcome::Text(text.to_owned());
        let table = Outcome::Table(vec![
            (
                "command".to_owned(),
                Outcome::List(vec![text("a"), text("b")]),
            ),
            ("a:b".to_owned(), Outcome::Number(1)),
        ]);
        for (outcome, printed) in [
            (text("a \"b\" \\ für"), r#""a \"b\" \\ für""#),
            (text("a\nb\u{202e}"), r#""a\U0000000ab\U0000202e""#),
            (Outcome::Number(3), "3"),
            (
                Outcome::List(vec![table]),
                r#"[{ command = ["a", "b"], "a:b" = 1 }]"#,
            ),
        ] {
            assert_eq!(outcome.to_string(), printed);
        }
    }
}
