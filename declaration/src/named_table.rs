//! A table `[kind.NAME]` of `preseed.toml`, as one file or several say it.

use std::path::PathBuf;

use crate::document::Document;
use crate::given::{Given, Merge};
use crate::location::Location;
use crate::problem::Problem;
use crate::quote::quoted;
use crate::section::key::TableFragment;
use crate::table::{Named, Table};
use crate::value::SharedName;

/// How the keys of one file are put over those of another, whole one.
pub(crate) const OVER: Merge = Merge {
    location: None,
    upper_is_whole: true,
    both_are_whole: true,
};

/// A named table as read, with problems of its own: it breaks only the services that refer to it.
#[derive(Debug)]
pub(crate) struct NamedTable<F> {
    pub(crate) notes: Notes,
    /// What it says; `None`: it is no table, which is noted.
    pub(crate) fragment: Option<F>,
}

/// A named table's name, where it is, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) name: String,
    /// The file in which it is first declared.
    file: PathBuf,
    location: Location,
    pub(crate) problems: Vec<Problem>,
}

impl<F: TableFragment> NamedTable<F> {
    /// Reads the table.
    pub(crate) fn read(
        mut document: Document<'_>,
        named: &Named<'_>,
        read: fn(&mut Document<'_>, &Table<'_>) -> F,
    ) -> Self {
        let mut fragment = None;
        match (SharedName::of_table(named.name), &named.table) {
            (Err(invalid), _) => document.note(named.offset, invalid.what, invalid.help),
            (Ok(_), None) => document.note(
                named.offset,
                format!("{} is not a table", quoted(named.name)),
                "write its keys below a header of its own, e.g. [repository.nas-1]",
            ),
            (Ok(_), Some(table)) => {
                fragment = Some(read(&mut document, table));
                table.note_unknown(&mut document, &[]);
            }
        }
        Self {
            notes: Notes {
                name: named.name.to_owned(),
                file: document.file().to_path_buf(),
                location: document.location(named.offset),
                problems: document.into_problems(),
            },
            fragment,
        }
    }

    /// Puts the tables of one file over those of another. New ones come last.
    pub(crate) fn put_over(upper: Vec<Self>, lower: &mut Vec<Self>) {
        for table in upper {
            let below = lower
                .iter_mut()
                .find(|below| below.notes.name == table.notes.name);
            let Some(below) = below else {
                lower.push(table);
                continue;
            };
            below.notes.problems.extend(table.notes.problems);
            below.fragment = match (table.fragment, below.fragment.take()) {
                (Some(upper), Some(lower)) => Some(upper.over(&lower, OVER)),
                (upper, lower) => upper.or(lower),
            };
        }
    }
}

impl Notes {
    /// Takes note of a problem of the table as a whole.
    pub(crate) fn note(&mut self, what: &str, help: &str) {
        let problem = self
            .location
            .problem(&self.file, what.to_owned(), help.to_owned());
        self.problems.push(problem);
    }

    /// The value of a key that must be there. What is missing is noted.
    pub(crate) fn required<T>(&mut self, given: Given<T>, what: &str, example: &str) -> Option<T> {
        if given.is_absent() {
            let problem = self.location.problem(
                &self.file,
                format!("{what} is missing"),
                format!("add e.g. {example}"),
            );
            self.problems.push(problem);
        }
        given.value()
    }
}
