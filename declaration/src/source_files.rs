//! The files that make a service, as they are.

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::fragment::Fragment;
use crate::host_file;
use crate::layer::Layer;
use crate::load::load_service;
use crate::lookup::{Content, Entry, Fragments, Search};
use crate::problem::Problem;
use crate::regular_file::Unreadable;

/// A file that makes a service.
#[derive(Debug)]
pub struct SourceFile {
    /// The file (absolute, without `PRESEED_ROOT`).
    pub path: PathBuf,
    /// What it holds, or why it cannot be read.
    pub text: Result<String, Problem>,
}

/// The files that make a service.
#[derive(Debug)]
pub struct SourceFiles {
    /// The files, the lowest first.
    pub files: Vec<SourceFile>,
    /// What may be missing among them or must not be relied on: a directory that cannot be listed, a file that others may
    /// write, a template that is not there. What cannot be read is told with its file.
    pub problems: Vec<Problem>,
}

impl SourceFiles {
    /// None yet.
    fn none() -> Self {
        Self {
            files: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a file as it is. Gives whether there is one: a masked one is none.
    fn add(&mut self, path: PathBuf, content: Result<Content, Unreadable>) -> bool {
        let text = match content {
            Ok(Content::Masked) => return false,
            Ok(Content::Text { text, doubt }) => {
                self.problems.extend(doubt);
                Ok(text)
            }
            Err(unreadable) => Err(unreadable.problem(&path)),
        };
        self.files.push(SourceFile { path, text });
        true
    }

    /// Adds the file of a service or a template. Gives whether there is one.
    fn add_entry(&mut self, search: &Search, entry: &Entry) -> bool {
        let path = entry.file();
        let content = search.read(&path, entry.is_regular);
        let is_there = self.add(path, content);
        if is_there {
            self.problems.extend(entry.doubt.as_deref().cloned());
        }
        is_there
    }

    fn add_fragments(&mut self, fragments: Fragments) {
        let from = self.files.len();
        for (path, text) in fragments.files {
            let text = text.map_err(|unreadable| unreadable.problem(&path));
            self.files.push(SourceFile { path, text });
        }
        let told_with_its_file = |problem: &Problem| {
            let mut added = self.files[from..].iter();
            added.any(|file| file.text.as_ref().err() == Some(problem))
        };
        let problems = fragments.problems.into_iter();
        self.problems
            .extend(problems.filter(|problem| !told_with_its_file(problem)));
    }
}

/// The files that make the service `name`, the lowest first: `preseed.toml`, the template, the service's own, each
/// with its fragments. Also of a service that is broken.
///
/// # Errors
/// There is no such service.
pub fn source_files(search: &Search, name: &str) -> Result<SourceFiles, Vec<Problem>> {
    let sources = Sources::read(search, name)?;
    let mut all = host_files(search);
    for part in [sources.template, sources.own] {
        all.files.extend(part.files);
        all.problems.extend(part.problems);
    }
    // One directory may be why several are doubted.
    let mut told = Vec::new();
    all.problems.retain(|problem| {
        let is_new = !told.contains(problem);
        if is_new {
            told.push(problem.clone());
        }
        is_new
    });
    Ok(all)
}

/// `preseed.toml` and its fragments.
fn host_files(search: &Search) -> SourceFiles {
    let mut files = SourceFiles::none();
    if let Some((path, content)) = search.read_first(host_file::NAME) {
        files.add(path, content);
    }
    files.add_fragments(search.fragments(host_file::NAME));
    files
}

/// The files of one service.
pub(crate) struct Sources {
    pub(crate) template_name: Option<String>,
    pub(crate) template: SourceFiles,
    /// The service's own, and its fragments.
    pub(crate) own: SourceFiles,
}

impl Sources {
    /// Reads them.
    ///
    /// # Errors
    /// There is no such service.
    pub(crate) fn read(search: &Search, name: &str) -> Result<Self, Vec<Problem>> {
        let entries = search.services().entries;
        let entry = entries.iter().find(|entry| entry.stem == name);
        let mut own = SourceFiles::none();
        let Some(entry) = entry.filter(|entry| own.add_entry(search, entry)) else {
            return Err(load_service(search, name).err().unwrap_or_default());
        };
        own.add_fragments(entry.fragments(search));
        let mut template = SourceFiles::none();
        let template_name = own.files.iter().rev().find_map(|file| {
            let text = file.text.as_deref().ok()?;
            let (fragment, _) = Fragment::read(&file.path, text, Layer::Service, 0);
            let at = fragment.top.template.into_at()?;
            Some((file.path.clone(), at))
        });
        if let Some((file, at)) = &template_name {
            let catalog = Catalog::list(search);
            template.problems.extend(catalog.problems.iter().cloned());
            if let Some(entry) = catalog.entry(&at.value.0) {
                template.add_entry(search, entry);
            }
            if let Err((what, help)) = catalog.get(&at.value.0) {
                let problem = at.location.problem(file, what, help);
                template.problems.push(problem);
            }
        }
        Ok(Self {
            template_name: template_name.map(|(_, at)| at.value.0),
            template,
            own,
        })
    }
}

/// The file of a template; `None` if it is masked.
pub(crate) fn source_file(search: &Search, entry: &Entry) -> Option<SourceFile> {
    let mut files = SourceFiles::none();
    files.add_entry(search, entry);
    files.files.pop()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Whatever `load` says of files that may be missing or must not be relied on, is told with those that are there.
    #[test]
    fn what_may_be_missing_is_told() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc/preseed");
        std::fs::create_dir_all(etc.join("services/a.toml.d")).unwrap();
        let run = root.path().join("run/preseed");
        std::fs::create_dir_all(run.join("services")).unwrap();
        std::fs::write(etc.join("services/a.toml"), "template = \"gone\"").unwrap();
        let mode = "[dataset]\nmode = \"0700\"";
        std::fs::write(etc.join("services/a.toml.d/1.toml"), mode).unwrap();
        let anybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(etc.join("services/a.toml.d/1.toml"), anybody).unwrap();
        // Files where directories of fragments are looked for.
        std::fs::write(run.join("services/a.toml.d"), "").unwrap();
        std::fs::write(run.join("preseed.toml.d"), "").unwrap();
        std::fs::create_dir(etc.join("services/a.toml.d/2.toml")).unwrap();

        let all = source_files(&Search::with_root(root.path()), "a").unwrap();
        let files: Vec<_> = all
            .files
            .iter()
            .map(|file| (file.path.to_str().unwrap(), file.text.is_ok()))
            .collect();
        assert_eq!(
            files,
            [
                ("/etc/preseed/services/a.toml", true),
                ("/etc/preseed/services/a.toml.d/1.toml", true),
                ("/etc/preseed/services/a.toml.d/2.toml", false),
            ]
        );
        let problems: Vec<_> = all.problems.iter().map(ToString::to_string).collect();
        for told in [
            "/run/preseed/preseed.toml.d:1:1: cannot list the directory: ",
            "/etc/preseed/services/a.toml:1:12: there is no template `gone`",
            "/run/preseed/services/a.toml.d:1:1: cannot list the directory: ",
            "/etc/preseed/services/a.toml.d/1.toml:1:1: ",
        ] {
            let number = problems.iter().filter(|one| one.starts_with(told)).count();
            assert_eq!(number, 1, "{told}: {problems:#?}");
        }
        assert_eq!(problems.len(), 4, "{problems:#?}");
    }
}
