//! What a story's script prints (`tests/demo/narration.sh`), laid out for people.

use std::io::{self, Write};

const BOLD: &str = "1";
const CYAN: &str = "36";
const GREEN: &str = "32";

/// Takes a story's raw output, and writes it laid out, with colors if asked, line by line.
#[derive(Debug)]
pub(crate) struct Telling<W> {
    to: W,
    colors: bool,
    /// What of a line has come so far.
    line: Vec<u8>,
    last: Kind,
    acts: usize,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Act,
    Narration,
    Command,
    Checked,
    /// What a command printed.
    Output,
}

impl Kind {
    /// What the line is, and its text.
    fn of(line: &str) -> (Self, &str) {
        let mut characters = line.chars();
        let kind = match characters.next() {
            Some('\u{1}') => Self::Act,
            Some('\u{2}') => Self::Narration,
            Some('\u{3}') => Self::Command,
            Some('\u{4}') => Self::Checked,
            _ => return (Self::Output, line),
        };
        (kind, characters.as_str())
    }
}

impl<W: Write> Telling<W> {
    /// Writes to `to`.
    pub(crate) fn new(to: W, colors: bool) -> Self {
        Self {
            to,
            colors,
            line: Vec::new(),
            last: Kind::Output,
            acts: 0,
        }
    }

    /// Writes what has come of a line that was not ended.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.tell()?;
        }
        self.to.flush()
    }

    fn tell(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let (kind, text) = Kind::of(line.trim_end());
        // An empty line wherever the narrator starts to speak, or an act begins.
        if kind == Kind::Act || (kind == Kind::Narration && self.last != Kind::Narration) {
            writeln!(self.to)?;
        }
        match kind {
            Kind::Act => {
                self.acts += 1;
                let title = self.painted(BOLD, &format!("{}. {text}", self.acts));
                writeln!(self.to, "{title}")?;
            }
            Kind::Narration => writeln!(self.to, "   {text}")?,
            Kind::Command => {
                let command = self.painted(CYAN, &format!("$ {text}"));
                writeln!(self.to, "     {command}")?;
            }
            Kind::Checked => {
                let mark = self.painted(GREEN, "checked:");
                writeln!(self.to, "   {mark} {text}")?;
            }
            Kind::Output if text.is_empty() => writeln!(self.to)?,
            Kind::Output => writeln!(self.to, "       {text}")?,
        }
        self.last = kind;
        self.to.flush()
    }

    fn painted(&self, color: &str, text: &str) -> String {
        if self.colors {
            format!("\u{1b}[{color}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

impl<W: Write> Write for Telling<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        for byte in buffer {
            if *byte == b'\n' {
                self.tell()?;
            } else {
                self.line.push(*byte);
            }
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RAW: &[u8] =
        b"\x01First\n\x02One.\n\x02Two.\n\x03ls\nfile\n\n\x04It is.\n\x01Second\nno end";

    fn told(colors: bool) -> String {
        let mut text = Vec::new();
        let mut telling = Telling::new(&mut text, colors);
        telling.write_all(&RAW[..9]).unwrap();
        telling.write_all(&RAW[9..]).unwrap();
        telling.finish().unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_kind_of_line_has_its_place() {
        let expected = "
1. First

   One.
   Two.
     $ ls
       file

   checked: It is.

2. Second
       no end
";
        assert_eq!(told(false), expected);
    }

    #[test]
    fn without_a_terminal_nothing_is_colored() {
        assert!(!told(false).contains('\u{1b}'));
        assert!(told(true).contains("\u{1b}[1m1. First\u{1b}[0m"));
    }
}
