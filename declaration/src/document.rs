//! A TOML file's text, and the location of everything that is wrong in it.

use std::path::Path;

use toml::de::DeTable;

use crate::layer::Layer;
use crate::location::Location;
use crate::problem::Problem;
use crate::quote::quoted;

/// How many problems of one file are told.
const MOST_PROBLEMS: usize = 50;

/// A file's text, and what is wrong with it.
pub(crate) struct Document<'a> {
    file: &'a Path,
    /// Who says what the file says.
    pub(crate) layer: Layer,
    text: &'a str,
    problems: Vec<Problem>,
    /// How many problems are not in `problems`.
    untold: usize,
    /// The location last asked for. The next one is mostly near it: going on from it keeps long lists linear.
    last: (usize, Location),
}

impl<'a> Document<'a> {
    pub(crate) fn new(file: &'a Path, text: &'a str, layer: Layer) -> Self {
        Self {
            file,
            layer,
            text,
            problems: Vec::new(),
            untold: 0,
            last: (0, Location::START),
        }
    }

    /// The document as the file `number` of a service: 0 is the declaration, its fragments follow.
    pub(crate) fn numbered(mut self, number: u16) -> Self {
        self.last.1.file = number;
        self
    }

    /// The file (absolute, without `PRESEED_ROOT`).
    pub(crate) fn file(&self) -> &'a Path {
        self.file
    }

    /// Parses as much as can be parsed. Whether it was everything is in the second value.
    pub(crate) fn parse(&mut self) -> (DeTable<'a>, bool) {
        let (entries, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or(self.text.len()..self.text.len());
            if self.is_full() {
                self.untold += 1;
                continue;
            }
            let (what, help) = explain(
                error.message(),
                self.text.get(span.clone()).unwrap_or_default(),
            );
            self.note(span.start, what, help);
        }
        (entries.into_inner(), errors.is_empty())
    }

    /// Line and column of a byte offset.
    pub(crate) fn location(&mut self, offset: usize) -> Location {
        let (from, location) = self.last;
        let offset = offset.min(self.text.len());
        let text = self.text.as_bytes();
        let location = match text.get(from..offset) {
            Some(between) => location.after(between),
            None => location.back(&text[..offset], &text[offset..from]),
        };
        self.last = (offset, location);
        location
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// Takes note of a problem at a byte offset.
    pub(crate) fn note(&mut self, offset: usize, what: impl Into<String>, help: impl Into<String>) {
        // A location takes time to find.
        let location = if self.is_full() {
            Location::START
        } else {
            self.location(offset)
        };
        self.note_at(location, what, help);
    }

    /// Takes note of a problem at a location of this document.
    pub(crate) fn note_at(
        &mut self,
        location: Location,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.is_full() {
            self.untold += 1;
            return;
        }
        let problem = location.problem(self.file, what.into(), help.into());
        self.problems.push(problem);
    }

    /// Whether there is a problem at a byte offset already. No matter if no more are told.
    pub(crate) fn is_noted(&mut self, offset: usize) -> bool {
        if self.is_full() {
            return false;
        }
        let Location { line, column, .. } = self.location(offset);
        let mut noted = self.problems.iter();
        noted.any(|problem| problem.line == line as usize && problem.column == column as usize)
    }

    /// What is wrong, in no particular order.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        if self.untold > 0 {
            let what = format!("{} more problems in this file", self.untold);
            let help = "correct the others first".to_owned();
            let problem = Location::START.problem(self.file, what, help);
            self.problems.push(problem);
        }
        self.problems
    }
}

/// What a parser's message means, and what to do.
fn explain(message: &str, at: &str) -> (String, String) {
    let (what, expected) = match message.split_once(", expected ") {
        Some((what, expected)) => (what, Some(expected)),
        None => (message, None),
    };
    let help = match (what, expected) {
        ("duplicate key", _) => {
            return (
                format!("key {} is declared twice", quoted(at)),
                "remove one of them".to_owned(),
            );
        }
        ("unexpected leading zero", _) => "quote it: a mode is written as \"0750\"".to_owned(),
        ("invalid basic string", Some("`\"`")) => {
            return (
                "string is not closed".to_owned(),
                "put `\"` here".to_owned(),
            );
        }
        ("string values must be quoted" | "invalid boolean", _) => {
            "put the value in double quotes".to_owned()
        }
        (_, Some("nothing")) => "remove what is here".to_owned(),
        (_, Some(expected)) => format!("put {} here", expected.replace(", ", " or ")),
        (_, None) => "write it as TOML wants it, see https://toml.io".to_owned(),
    };
    (what.to_owned(), help)
}
