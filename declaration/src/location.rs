//! Locations in a file's text.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// A location in a file: line and column in characters, both from 1. No file is so long that they overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Which of a service's files it is in: 0 is the declaration, its fragments follow.
    pub(crate) file: u16,
}

impl Default for Location {
    fn default() -> Self {
        Self::START
    }
}

impl Location {
    /// Where a file begins: the location of what a file does not say.
    pub(crate) const START: Self = Self {
        line: 1,
        column: 1,
        file: 0,
    };

    /// A problem at this location of `file`.
    pub(crate) fn problem(self, file: &Path, what: String, help: String) -> Problem {
        Problem {
            file: file.to_path_buf(),
            line: self.line as usize,
            column: self.column as usize,
            what,
            help,
        }
    }

    /// The location after `text`, if this is the one before it.
    pub(crate) fn after(self, text: &[u8]) -> Self {
        let line = text.iter().rposition(|byte| *byte == b'\n');
        let (before, line) = text.split_at(line.map_or(0, |newline| newline + 1));
        Self {
            line: self.line + newlines(before),
            column: characters(line) + if before.is_empty() { self.column } else { 1 },
            ..self
        }
    }

    /// The location of the end of `text`, if this is the one after `text` and `between`. It takes as long as
    /// `between` and the line are, not as the whole text is.
    pub(crate) fn back(self, text: &[u8], between: &[u8]) -> Self {
        let newlines = newlines(between);
        if newlines == 0 {
            return Self {
                line: self.line,
                column: self.column - characters(between),
                ..self
            };
        }
        let line = text.iter().rposition(|byte| *byte == b'\n');
        Self {
            line: self.line - newlines,
            column: 1 + characters(&text[line.map_or(0, |newline| newline + 1)..]),
            ..self
        }
    }
}

/// The files that make a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) declaration: &'a Path,
    pub(crate) fragments: &'a [PathBuf],
}

impl<'a> Files<'a> {
    /// The one in which `location` is.
    pub(crate) fn of(self, location: Location) -> &'a Path {
        let fragment = usize::from(location.file).checked_sub(1);
        fragment
            .and_then(|index| self.fragments.get(index))
            .map_or(self.declaration, PathBuf::as_path)
    }

    /// A problem at a location in one of them.
    pub(crate) fn problem(self, location: Location, what: String, help: String) -> Problem {
        location.problem(self.of(location), what, help)
    }
}

/// Only a character's first byte counts.
fn characters(text: &[u8]) -> u32 {
    text.iter().map(|byte| u32::from(byte & 0xc0 != 0x80)).sum()
}

fn newlines(text: &[u8]) -> u32 {
    text.iter().map(|byte| u32::from(*byte == b'\n')).sum()
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_is_as_from_the_start() {
        let text = "a\n\nfür\r\n𝄞x\ny";
        for from in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for to in (0..=from).filter(|at| text.is_char_boundary(*at)) {
                let text = text.as_bytes();
                let location = Location::START.after(&text[..from]);
                let back = location.back(&text[..to], &text[to..from]);
                assert_eq!(
                    back,
                    Location::START.after(&text[..to]),
                    "from {from} to {to}"
                );
            }
        }
    }

    #[test]
    fn counts_lines_and_characters() {
        let cases = [
            ("", 1, 1),
            ("ab", 1, 3),
            ("für", 1, 4),
            ("a\n", 2, 1),
            ("a\r\n\n𝄞x", 3, 3),
        ];
        for (text, line, column) in cases {
            assert_eq!(
                Location::START.after(text.as_bytes()),
                Location {
                    line,
                    column,
                    file: 0
                },
                "{text:?}"
            );
        }
    }
}
