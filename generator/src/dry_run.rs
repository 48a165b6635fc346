//! A tree that is printed instead of written.

use std::collections::HashSet;
use std::io::Write;

use crate::tree::{EntryError, Tree};

/// Prints each file as `---path---` and its content, each link as `path -> target`.
#[derive(Debug)]
pub struct DryRun<W> {
    out: W,
    paths: HashSet<String>,
}

impl<W: Write> DryRun<W> {
    /// A dry run that prints to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            paths: HashSet::new(),
        }
    }

    fn print(&mut self, path: &str, text: std::fmt::Arguments<'_>) -> Result<(), EntryError> {
        if !self.paths.insert(path.to_owned()) {
            return Err(EntryError::duplicate(path));
        }
        self.out.write_fmt(text).map_err(|error| EntryError {
            path: path.to_owned(),
            what: format!("cannot print: {error}: read the output to its end"),
        })
    }
}

impl<W: Write> Tree for DryRun<W> {
    fn file(&mut self, path: &str, content: &str) -> Result<(), EntryError> {
        self.print(path, format_args!("---{path}---\n{content}"))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), EntryError> {
        self.print(path, format_args!("{path} -> {target}\n"))
    }
}
