//! The catalog as people look at it: which templates there are, and what is known of each.

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::lookup::Search;
use crate::problem::Problem;
use crate::settings::OnUnavailable;
use crate::source_files::{SourceFile, source_file};

/// A template.
#[derive(Debug)]
pub struct Entry {
    /// Its name: its file's without `.toml`.
    pub name: String,
    /// Its file (absolute, without `PRESEED_ROOT`).
    pub file: PathBuf,
    /// What it is of: the file's first comment.
    pub about: String,
    /// What its author knows it from.
    pub evidence: Evidence,
    /// Whether a service that uses it starts empty when no source can be asked.
    pub may_start_empty: bool,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// What the author of a template knows it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It was run for real: data was written, lost, restored and read.
    Run,
    /// It was taken from documentation.
    Documented,
    /// It does not say.
    Unsaid,
}

/// All templates, by name, without those that are masked. Gives the directories that cannot be listed as well.
pub fn entries(search: &Search) -> (Vec<Entry>, Vec<Problem>) {
    let catalog = Catalog::list(search);
    let entries = catalog.names().filter_map(|name| {
        let template = catalog.get(name).ok()?;
        let entry = catalog.entry(name)?;
        let text = source_file(search, entry).and_then(|file| file.text.ok());
        let text = text.unwrap_or_default();
        let head = head(&text);
        let empty = template.fragment.preseed.on_unavailable.clone().value();
        Some(Entry {
            name: name.to_owned(),
            file: entry.file(),
            about: head.first().copied().unwrap_or_default().to_owned(),
            evidence: evidence(&head),
            may_start_empty: empty == Some(OnUnavailable::StartEmpty),
            problems: template.problems.clone(),
        })
    });
    (entries.collect(), catalog.problems.clone())
}

/// The file of the template `name`.
///
/// # Errors
/// There is none, or it is masked: what is wrong, and what to do.
pub fn source(search: &Search, name: &str) -> Result<SourceFile, (String, String)> {
    let catalog = Catalog::list(search);
    catalog.get(name)?;
    let file = catalog
        .entry(name)
        .and_then(|entry| source_file(search, entry));
    file.ok_or_else(|| {
        let what = format!("the template `{name}` has gone meanwhile");
        (what, "try again".to_owned())
    })
}

/// The comment that a file begins with, line by line.
fn head(text: &str) -> Vec<&str> {
    text.lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
        .collect()
}

fn evidence(head: &[&str]) -> Evidence {
    let says = |word: &str| head.iter().any(|line| line.starts_with(word));
    if says("Run: ") {
        Evidence::Run
    } else if says("Documented: ") {
        Evidence::Documented
    } else {
        Evidence::Unsaid
    }
}
