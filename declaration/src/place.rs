//! Places in a file's text.

use std::fmt;

/// A place in a file: line and column in characters, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// Where a file begins: the place of what a file does not say.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place after `text`, if this is the one before it.
    pub(crate) fn after(self, text: &[u8]) -> Self {
        let mut place = self;
        for byte in text {
            match byte {
                b'\n' => {
                    place.line += 1;
                    place.column = 1;
                }
                // The first byte of a character.
                _ if byte & 0xc0 != 0x80 => place.column += 1,
                _ => {}
            }
        }
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                Place::START.after(text.as_bytes()),
                Place { line, column },
                "{text:?}"
            );
        }
    }
}
