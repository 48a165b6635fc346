//! The service catalog: templates that declarations start from, read when first asked for.

use std::sync::OnceLock;

use crate::fragment::Fragment;
use crate::layer::Layer;
use crate::lookup::{Content, DIRECTORIES, Entry, Search};
use crate::problem::Problem;
use crate::quote::{nearest, quoted};

/// All templates that are there.
#[derive(Debug)]
pub(crate) struct Catalog<'a> {
    search: &'a Search,
    entries: Vec<(Entry, OnceLock<Option<Template>>)>,
    /// Directories that could not be listed.
    pub(crate) problems: Vec<Problem>,
}

/// One template, as read.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) fragment: Fragment,
    /// What is wrong with it: it breaks every service that uses it.
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn list(search: &'a Search) -> Self {
        let listing = search.list("catalog");
        let with_cell = |entry| (entry, OnceLock::new());
        Self {
            search,
            entries: listing.entries.into_iter().map(with_cell).collect(),
            problems: listing.problems,
        }
    }

    /// The template `name`; an error says what is wrong and what to do if there is none.
    pub(crate) fn get(&self, name: &str) -> Result<&Template, (String, String)> {
        let Some((entry, cell)) = self.find(name) else {
            return Err(self.not_found(name));
        };
        match cell.get_or_init(|| read(self.search, entry)) {
            Some(template) => Ok(template),
            None => Err((
                format!(
                    "template {} is masked by {}",
                    quoted(name),
                    entry.file().display()
                ),
                "remove the mask, or take another template".to_owned(),
            )),
        }
    }

    /// The file of the template `name`.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.find(name).map(|(entry, _)| entry)
    }

    /// The names of all that are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let stems = self.entries.iter().map(|(entry, _)| entry.stem.to_str());
        stems.flatten()
    }

    fn find(&self, name: &str) -> Option<&(Entry, OnceLock<Option<Template>>)> {
        let found = self
            .entries
            .binary_search_by(|(entry, _)| entry.stem.as_os_str().cmp(name.as_ref()));
        self.entries.get(found.ok()?)
    }

    fn not_found(&self, name: &str) -> (String, String) {
        let what = format!("there is no template {}", quoted(name));
        let help = if let Some(meant) = nearest(name, self.names()) {
            format!("did you mean `{meant}`?")
        } else {
            let directories = DIRECTORIES.map(|directory| format!("{directory}/catalog"));
            format!(
                "`preseedctl catalog` lists those there are; one of your own goes into one of {}",
                directories.join(", ")
            )
        };
        (what, help)
    }

    /// The problems of the templates that were asked for.
    pub(crate) fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let templates = self
            .entries
            .iter()
            .filter_map(|(_, cell)| cell.get()?.as_ref());
        self.problems
            .iter()
            .chain(templates.flat_map(|template| &template.problems))
    }
}

fn read(search: &Search, entry: &Entry) -> Option<Template> {
    let file = entry.file();
    let mut template = match search.read(&file, entry.is_regular) {
        Ok(Content::Masked) => return None,
        Ok(Content::Text { text, doubt }) => {
            let (fragment, mut problems) = Fragment::read(&file, &text, Layer::Template, 0);
            problems.extend(doubt);
            Template { fragment, problems }
        }
        Err(unreadable) => Template {
            fragment: Fragment::default(),
            problems: vec![unreadable.problem(&file)],
        },
    };
    template.problems.extend(entry.doubt.as_deref().cloned());
    Some(template)
}
